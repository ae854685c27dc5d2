/**
 * The stand-alone recovery script. It needs a POSIX shell, coreutils, grep, awk, age, zstd and openssl, and to restore
 * also psql and pg_restore; no Holdfast, no Node, no JSON parser. Kept free of braces after `$`, so that it stands here
 * as it is.
 */
export const RESTORE_SCRIPT = String.raw`#!/bin/sh
# Restores a Holdfast backup with standard tools alone. FORMAT.md beside this script describes every byte.
set -eu
LC_ALL=C; export LC_ALL
umask 077

usage() {
  cat <<'TEXT'
restore.sh - restores a Holdfast backup with age, zstd, psql and pg_restore alone

  restore.sh COPY [BACKUP]            restore into the empty database that PGHOST, PGPORT, PGUSER, PGDATABASE name
  restore.sh COPY [BACKUP] --extract  write the files of the backup out and stop
  restore.sh COPY --list              list the backups of the copy

COPY is a folder that holds holdfast.json: a folder store, or a bucket (with its prefix) downloaded to disk.
BACKUP is a backup id; without it the latest is taken.

  --database NAME    which database of the copy, when it holds several
  --identity FILE    age identity file (default: identity.txt or offline-identity.txt beside this script)
  --to DIR           where the files go (default: ./BACKUP); needs room for the whole backup, uncompressed
  --globals          create the roles of globals.sql first (roles that exist already are reported and left)
  --no-owner         restore without owners and grants
  --jobs N           parallel jobs of pg_restore (default 2)
TEXT
}
fail() { printf 'restore.sh: %s\n' "$1" >&2; exit 1; }
say() { printf '%s\n' "$1" >&2; }

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
copy=''; backup='latest'; database=''; identity=''; out=''; mode='restore'; globals=no; jobs=2; owner=''
while [ $# -gt 0 ]; do
  case $1 in
    --database) database=$2; shift ;;
    --identity) identity=$2; shift ;;
    --to) out=$2; shift ;;
    --jobs) jobs=$2; shift ;;
    --extract) mode=extract ;;
    --list) mode=list ;;
    --globals) globals=yes ;;
    --no-owner) owner='--no-owner --no-acl' ;;
    -h|--help) usage; exit 0 ;;
    -*) usage >&2; fail "unknown option $1" ;;
    *) if [ -z "$copy" ]; then copy=$1; else backup=$1; fi ;;
  esac
  shift
done
[ -n "$copy" ] || { usage >&2; exit 2; }
[ -f "$copy/holdfast.json" ] || fail "$copy has no holdfast.json: it is not the top of a Holdfast copy"

if [ "$mode" = list ]; then
  for folder in "$copy"/*/manifests; do [ -d "$folder" ] && ls "$folder" | sed "s|^|$(basename "$(dirname "$folder")")  |"; done
  exit 0
fi
for tool in age zstd sha256sum openssl awk grep base64; do
  command -v "$tool" >/dev/null 2>&1 || fail "$tool is not installed"
done
if [ "$mode" = restore ]; then
  for tool in psql pg_restore; do command -v "$tool" >/dev/null 2>&1 || fail "$tool is not installed"; done
  [ -n "$(printenv PGDATABASE || true)" ] || fail 'set PGDATABASE (and PGHOST, PGPORT, PGUSER, PGPASSFILE) to the empty database to restore into'
fi
if [ -z "$identity" ]; then
  for each in "$here/identity.txt" "$here/offline-identity.txt"; do [ -f "$each" ] && { identity=$each; break; }; done
fi
[ -n "$identity" ] && [ -f "$identity" ] || fail 'no identity file: name one with --identity'

# Which backup.
if [ -z "$database" ]; then
  count=0
  for folder in "$copy"/*/manifests; do
    [ -d "$folder" ] || continue
    count=$((count + 1)); database=$(basename "$(dirname "$folder")")
  done
  [ "$count" -gt 0 ] || fail 'this copy holds no backup'
  [ "$count" -eq 1 ] || fail 'this copy holds several databases: name one with --database'
fi
manifests=$copy/$database/manifests
[ -d "$manifests" ] || fail "this copy holds no backup of $database"
if [ "$backup" = latest ]; then
  backup=$(ls "$manifests" | grep -E '^[0-9]{8}T[0-9]{6}Z-(full|differential|incremental)-[0-9a-f]{8}$' | sort | tail -n 1)
  [ -n "$backup" ] || fail "this copy holds no backup of $database"
fi
printf '%s\n' "$backup" | grep -qE '^[0-9]{8}T[0-9]{6}Z-[a-z]+-[0-9a-f]{8}$' || fail "not a backup id: $backup"
manifest=$manifests/$backup
[ -f "$manifest" ] || fail "there is no backup $backup of $database in this copy"
[ -n "$out" ] || out=$PWD/$backup
mkdir -p "$out"
[ -z "$(ls -A "$out")" ] || fail "$out is not empty"
out=$(CDPATH='' cd -- "$out" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The manifest: a line of sizes, the inventory, its signature, the sealed body.
say "backup $backup of $database"
read -r word version inventory_bytes body_bytes < "$manifest" || fail 'the manifest is damaged'
[ "$word" = holdfast-manifest ] || fail 'the manifest is damaged: it does not begin like one'
[ "$version" = 1 ] || fail "the manifest has format $version; this script reads format 1"
first=$(head -n 1 "$manifest" | wc -c)
[ "$(wc -c < "$manifest")" -eq $((first + inventory_bytes + 1 + 134 + body_bytes)) ] || fail 'the manifest is damaged: cut off'
tail -c +$((first + 1)) "$manifest" | head -c "$inventory_bytes" > "$work/inventory"
tail -c +$((first + inventory_bytes + 2)) "$manifest" | head -c 134 > "$work/signature"
tail -c "$body_bytes" "$manifest" > "$work/body.age"

# Signature: by a key that the identity file names as trusted.
read -r signer signature < "$work/signature" || fail 'the manifest is damaged: no signature'
grep -qxF "# holdfast verify key: $signer" "$identity" || fail "the manifest is signed by a key that $identity does not name as trusted: $signer"
{ printf 'holdfast-inventory 1\n'; cat "$work/inventory"; } > "$work/signed"
printf '%s' "$signature" | base64 -d > "$work/signature.bin"
printf -- '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA%s\n-----END PUBLIC KEY-----\n' "$signer" > "$work/signer.pem"
openssl pkeyutl -verify -pubin -inkey "$work/signer.pem" -rawin -in "$work/signed" -sigfile "$work/signature.bin" >/dev/null 2>&1 \
  || fail 'the signature of the manifest does not fit: this copy is damaged or was tampered with'
grep -qF "\"database\":\"$database\",\"backupId\":\"$backup\"," "$work/inventory" || fail 'the manifest describes another backup'

# Body: its hash stands in the inventory, and the hash of the inventory without that stands in the body.
body_hash=$(tail -c 66 "$work/inventory" | head -c 64)
[ "$(sha256sum < "$work/body.age" | cut -c 1-64)" = "$body_hash" ] || fail 'the body of the manifest is damaged'
age -d -i "$identity" -o "$work/body.zst" "$work/body.age" || fail "$identity does not open this backup"
zstd -dqf "$work/body.zst" -o "$work/body" || fail 'the body of the manifest is damaged'
inventory_hash=$({ head -c $((inventory_bytes - 79)) "$work/inventory"; printf '}'; } | sha256sum | cut -c 1-64)
head -n 1 "$work/body" | grep -qF "\"backupId\":\"$backup\",\"inventoryHash\":\"$inventory_hash\"," || fail 'inventory and body belong to different backups'
tail -n +2 "$work/body" > "$work/plan"
[ "$(tail -n 1 "$work/plan")" = end ] || fail 'the recovery plan is cut off'
[ "$(head -n 1 "$work/plan")" = "$(printf 'holdfast-plan\t1')" ] || fail 'the recovery plan has a version that this script does not know'

# Segments: each is named by the hash of its bytes. All are checked before one is opened.
segments=$copy/$database/segments
grep -o '"object":"[0-9a-f]*"' "$work/inventory" | cut -d '"' -f 4 > "$work/objects" || true
say "checking $(wc -l < "$work/objects") segments"
awk -v dir="$segments" '{ print $1 "  " dir "/" substr($1, 1, 2) "/" $1 }' "$work/objects" > "$work/sums"
if [ -s "$work/sums" ]; then
  sha256sum -c --quiet "$work/sums" >&2 || fail 'segments of this copy are missing or damaged: use another copy'
fi

# Files: the plan lists for each its segments, by number.
awk -F '\t' 'FNR == NR { object[NR - 1] = $1; next }
  $1 == "file" && $4 != "-" { n = split($4, part, " "); for (i = 1; i <= n; i++) print $2 "\t" object[part[i]] }' \
  "$work/objects" "$work/plan" > "$work/parts"
[ -s "$work/objects" ] || awk -F '\t' '$1 == "file" && $4 != "-" { exit 1 }' "$work/plan" || fail 'the plan names segments that are not there'
tab=$(printf '\t')
grep "^file$tab" "$work/plan" > "$work/files" || fail 'the backup has no files'
cut -f 2 "$work/files" | grep -vqE '^[A-Za-z0-9._=/-]+$' && fail 'the plan names an unsafe path'
cut -f 2 "$work/files" | grep -qE '(^|/)(\.|\.\.|)(/|$)' && fail 'the plan names an unsafe path'
say "writing $(wc -l < "$work/files") files to $out"
cut -f 2 "$work/files" | while IFS= read -r path; do mkdir -p "$out/$(dirname "$path")"; : > "$out/$path"; done
while IFS=$tab read -r path object; do
  age -d -i "$identity" -o "$work/segment" "$segments/$(printf '%.2s' "$object")/$object" || fail "a segment of $path cannot be opened"
  zstd -dqc "$work/segment" >> "$out/$path" || fail "a segment of $path cannot be unpacked"
  rm -f "$work/segment"
done < "$work/parts"
while IFS=$tab read -r kind path bytes parts; do
  [ "$(wc -c < "$out/$path")" -eq "$bytes" ] || fail "$path does not have the $bytes bytes it should have"
done < "$work/files"
if [ "$mode" = extract ]; then say "the files are in $out"; exit 0; fi

# Restore: definitions, rows, sequences and large objects, then indexes, constraints and triggers.
sql() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }
encoding=$(awk -F '\t' '$1 == "database" { print $3 }' "$work/plan")
tables=$(sql -At -c "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'")
[ "$tables" -eq 0 ] || fail "the database $(printenv PGDATABASE) is not empty; nothing was changed"
if [ "$globals" = yes ]; then
  say 'roles'
  psql -X -q -f "$out/globals.sql" || say 'some statements of globals.sql were refused (see above): roles that exist already are left as they are'
fi
pg_restore -l "$out/schema.dump" > "$work/list"
grep "^omit$tab" "$work/plan" > "$work/omit" || true
awk -F '\t' 'FNR == NR { omit[" FK CONSTRAINT " $2 " " $3 " " $4 " "] = 1; next }
  { drop = 0; for (each in omit) if (index($0, each)) drop = 1; if (!drop) print }' "$work/omit" "$work/list" > "$work/chosen"
[ -s "$work/omit" ] || cp "$work/list" "$work/chosen"
# shellcheck disable=SC2086
section() { say "$1"; pg_restore --exit-on-error --no-password -L "$work/chosen" --section="$1" $owner $2 -d "$(printenv PGDATABASE)" "$out/schema.dump"; }
section pre-data ''
say 'rows'
grep "^rows$tab" "$work/plan" > "$work/tables" || true
cd "$out"
while IFS=$tab read -r kind rows files relation columns; do
  [ "$files" = - ] && continue
  [ "$columns" = - ] && columns=''
  # shellcheck disable=SC2086
  answer=$(cat $files | PGCLIENTENCODING=$encoding psql -X -v ON_ERROR_STOP=1 \
    -c 'BEGIN' -c "TRUNCATE ONLY $relation" -c "COPY $relation $columns FROM STDIN" -c 'COMMIT') || fail "$relation could not be loaded"
  printf '%s\n' "$answer" | grep -qx "COPY $rows" || fail "$relation does not have the $rows rows it should have"
done < "$work/tables"
section data ''
section post-data "-j $jobs"
sql -c ANALYZE
say "restored $backup into $(printenv PGDATABASE); the files are still in $out: remove them when you need them no more"
`;
