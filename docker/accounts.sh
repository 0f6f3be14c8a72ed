#!/usr/bin/env bash
# Gives Kibana's account its password and makes stakeout's role and account. Runs in the container `accounts`, again harmlessly.
set -euo pipefail

call() { # method, path, body (@FILE or text)
  # The administrator's account may come a moment after the server.
  curl --silent --show-error --fail --retry 20 --retry-delay 3 --retry-connrefused --cacert /authority/ca.crt \
    --config <(printf 'user = "elastic:%s"\n' "$ELASTIC_PASSWORD") \
    --request "$1" "https://elasticsearch:9200$2" --header 'content-type: application/json' --data "$3"
  echo
}

for name in ELASTIC_PASSWORD KIBANA_PASSWORD STAKEOUT_PASSWORD; do
  if [[ ! ${!name} =~ ^[A-Za-z0-9._-]{6,}$ ]]; then
    echo "$name: expected at least 6 letters, digits or ._- only" >&2
    exit 1
  fi
done
call POST /_security/user/kibana_system/_password "{\"password\":\"$KIBANA_PASSWORD\"}"
call PUT /_security/role/stakeout @/role.json
call PUT /_security/user/stakeout "{\"password\":\"$STAKEOUT_PASSWORD\",\"roles\":[\"stakeout\"],\"full_name\":\"stakeout\"}"
