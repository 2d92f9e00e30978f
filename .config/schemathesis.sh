#!/usr/bin/env bash
# Starts the demo on a free port, signs in as its administrator, and lets Schemathesis call every operation of its OpenAPI
# document for SECONDS: any 5xx, any answer that the document does not describe, and any other broken promise fails.
#   schemathesis.sh PROGRAM [SECONDS [MORE OPTIONS OF st run …]]
set -euo pipefail

program=$1
seconds=${2:-120}
shift $(($# < 2 ? $# : 2))
config=$(cd "$(dirname "$0")" && pwd)/schemathesis.toml
folder=$(mktemp -d)
server=

stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap stop EXIT

give_up() {
    echo "schemathesis: $1; the end of the server's log:" >&2
    tail -n 50 "$folder/log" >&2
    exit 1
}

"$program" demo --port 0 --json --leads 300 --data "$folder/demo" >"$folder/sign-ins" 2>"$folder/log" &
server=$!
for _ in $(seq 600); do
    if [ -s "$folder/sign-ins" ]; then break; fi
    kill -0 "$server" 2>/dev/null || give_up "the demo stopped before it answered"
    sleep 0.1
done
[ -s "$folder/sign-ins" ] || give_up "the demo said nothing for a minute"

signed_in=$(python3 - "$folder/sign-ins" <<'PY'
import json, sys, urllib.request

demo = json.loads(open(sys.argv[1]).readline())
admin = next(one for one in demo["sign_ins"] if one["role"] == "admin")
body = {"email": admin["email"], "password": admin["password"], "organization": demo["organization"]}
request = urllib.request.Request(demo["url"] + "/api/v1/auth/login", json.dumps(body).encode(), {"Content-Type": "application/json"})
print(demo["url"], json.load(urllib.request.urlopen(request, timeout=30))["access_token"])
PY
) || give_up "the administrator cannot sign in"
read -r url MATRICULA_ACCESS_TOKEN <<<"$signed_in"
export MATRICULA_ACCESS_TOKEN

status=0
(
    cd "$folder" # where it leaves its own notes
    st --config-file "$config" run "$url/api/v1/openapi.json" --checks all --phases examples,coverage,fuzzing,stateful \
        --max-time "$seconds" --seed 1 "$@"
) || status=$?
kill -0 "$server" 2>/dev/null || give_up "the server did not live through it"
[ "$status" = 0 ] || give_up "st run ended with $status"
