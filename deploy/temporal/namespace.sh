#!/bin/sh
# Makes the namespace that the workers use, once the server serves; harmless when it is there.
set -eu
until temporal operator cluster health; do
  echo 'waiting for Temporal'
  sleep 2
done
temporal operator namespace describe -n "$NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create -n "$NAMESPACE" --retention "$RETENTION"
