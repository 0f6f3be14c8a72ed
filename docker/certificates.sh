#!/usr/bin/env bash
# Makes a certificate authority and Elasticsearch's certificate, once. Runs in the container `certificates`.
set -euo pipefail
umask 027

if [ ! -e /certificates/elasticsearch.crt ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  bin/elasticsearch-certutil ca --silent --pem --out "$work/ca.zip"
  unzip -q "$work/ca.zip" -d "$work"
  bin/elasticsearch-certutil cert --silent --pem --name elasticsearch --dns elasticsearch --dns localhost --ip 127.0.0.1 \
    --ca-cert "$work/ca/ca.crt" --ca-key "$work/ca/ca.key" --out "$work/elasticsearch.zip"
  unzip -q "$work/elasticsearch.zip" -d "$work"
  # The certificate comes last: with it there, all is there. The authority's key is thrown away.
  cp "$work/ca/ca.crt" "$work/elasticsearch/elasticsearch.key" "$work/elasticsearch/elasticsearch.crt" /certificates/
fi
# The server's user is in the group root; everybody may have the authority's certificate.
chown -R 0:0 /certificates
chmod 750 /certificates
chmod 640 /certificates/*
install -m 644 /certificates/ca.crt /authority/ca.crt
