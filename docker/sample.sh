#!/usr/bin/env bash
# Loads the sample events as if the sign-in in them had happened four minutes ago: a stakeout that starts now alerts on it at
# once. Runs in the container `sample-data`, again harmlessly: what is there stays as it is.
set -euo pipefail
shopt -s extglob
export TZ=UTC

url=${ELASTICSEARCH_URL:-https://elasticsearch:9200}
events=${EVENTS:-/events}
name=${NAMESPACE:-sample}
declare -A index=([integration]="logs-aws.cloudtrail-$name" [filebeat]="filebeat-$name")
printf -v now '%(%s)T' -1
now=${NOW:-$now}
# The second of the events' day that becomes now: both sign-ins have happened, and an administrator was made.
last=$((9 * 3600 + 49 * 60))
moment='2026-11-20T([0-9]{2}):([0-9]{2}):([0-9]{2})'
first='^\{"@timestamp":"'$moment

call() { # method, path, body (text or @FILE)
  curl --silent --show-error --fail --cacert /authority/ca.crt --config <(printf 'user = "elastic:%s"\n' "$ELASTIC_PASSWORD") \
    --request "$1" "$url$2" --header 'content-type: application/json' --data-binary "$3"
}

# The second of the day that was matched.
second() { echo $((10#${BASH_REMATCH[1]} * 3600 + 10#${BASH_REMATCH[2]} * 60 + 10#${BASH_REMATCH[3]})); }

# Prints a line with its times moved; what would arrive later arrives now.
moved() { # line
  local rest=$1 at time
  while [[ $rest =~ $moment ]]; do
    at=$(second)
    printf -v time '%(%Y-%m-%dT%H:%M:%S)T' $((now - last + (at < last ? at : last)))
    printf '%s%s' "${rest%%"${BASH_REMATCH[0]}"*}" "$time"
    rest=${rest#*"${BASH_REMATCH[0]}"}
  done
  echo "$rest"
}

# Prints a bulk request with each event that has happened by now, under an id of its own.
documents() {
  local file number line
  for file in integration filebeat; do
    number=0
    while IFS= read -r line; do
      number=$((number + 1))
      if [[ $line =~ $first ]] && [ "$(second)" -le $last ]; then
        echo "{\"create\":{\"_index\":\"${index[$file]}\",\"_id\":\"$file-$number\"}}"
        moved "$line"
      fi
    done <"$events/$file.ndjson"
  done
}

# The types that the shippers' own templates give these fields.
call PUT "/_index_template/stakeout-$name" '{
  "index_patterns": ["'"${index[integration]}"'", "'"${index[filebeat]}"'"],
  "priority": 500,
  "template": {
    "settings": {"number_of_replicas": 0},
    "mappings": {
      "date_detection": false,
      "dynamic_templates": [
        {"words": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}
      ],
      "properties": {
        "@timestamp": {"type": "date"},
        "event.ingested": {"type": "date"},
        "source.ip": {"type": "ip"},
        "aws.cloudtrail.flattened.additional_eventdata": {"type": "flattened"},
        "aws.cloudtrail.flattened.request_parameters": {"type": "flattened"},
        "aws.cloudtrail.flattened.response_elements": {"type": "flattened"},
        "aws.cloudtrail.user_identity.session_context.creation_date": {"type": "date"}
      }
    }
  }
}' >/dev/null
answer=$(documents | call POST '/_bulk?refresh=true&filter_path=items.create.status,items.create.error.reason' @-)
# 201: it is there now. 409: it was.
if [[ ${answer//\"status\":@(201|409)/} == *'"status":'* ]]; then
  echo "sample-data: not every event was taken: $answer" >&2
  exit 1
fi
echo "sample-data: the sample events are in ${index[integration]} and ${index[filebeat]}"
