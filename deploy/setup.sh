#!/usr/bin/env bash
# Makes what docker-compose.yml needs and git must not hold: passwords, keys and the configuration. Nothing that is
# there already is written over, so it can be run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077
mkdir -p secrets config/secrets

secret() { # FILE LENGTH: a random word of letters and digits
  [ -s "$1" ] || head -c 512 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | head -c "$2" >"$1"
}
secret secrets/temporal_db_password 32
secret secrets/catalog_password 32
secret secrets/s3_access_key_id 20
secret secrets/s3_secret_access_key 40

cp secrets/s3_access_key_id secrets/s3_secret_access_key config/secrets/
[ -s config/secrets/catalog.url ] ||
  printf 'postgresql://holdfast:%s@catalog:5432/holdfast?sslmode=disable\n' "$(cat secrets/catalog_password)" >config/secrets/catalog.url
[ -s config/holdfast.yaml ] || cp holdfast.example.yaml config/holdfast.yaml
if [ ! -s config/secrets/shop.url ]; then
  printf 'postgresql://USER:PASSWORD@host.docker.internal:5432/DATABASE\n' >config/secrets/shop.url
  echo "Write the address of your database into deploy/config/secrets/shop.url"
fi

if [ ! -e config/keys ]; then
  docker compose -f ../docker-compose.yml build worker
  docker compose -f ../docker-compose.yml run --rm --no-deps --user 0 --cap-add CHOWN --cap-add DAC_OVERRIDE \
    --volume "$PWD/config:/config" worker keys init /config/keys
  echo "Move deploy/config/keys/offline-identity.txt to a place that no server reaches: it opens every backup."
fi

# The worker runs as user 10001 and owns what it reads; nobody else may.
if [ "$(id -u)" = 0 ]; then
  chown -R 10001:10001 config
else
  docker compose -f ../docker-compose.yml run --rm --no-deps --user 0 --cap-add CHOWN --cap-add DAC_OVERRIDE \
    --volume "$PWD/config:/config" --entrypoint chown worker -R 10001:10001 /config
fi
echo "Ready: docker compose up -d --build"
