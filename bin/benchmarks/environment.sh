# Functions that benchmarks of the whole program share: a development environment, its orgs, and medians. Sourced.
for tool in curl psql awk jq; do
    command -v "$tool" >/dev/null || { echo "bench: $tool is missing; bin/setup --bench installs it" >&2; exit 69; }
done
# BENCH_PROGRAM is a program that was built before.
[ -n "${BENCH_PROGRAM:-}" ] || swift build -c release --static-swift-stdlib --product multiconnect >&2
program=${BENCH_PROGRAM:-$PWD/.build/release/multiconnect}
work=$(mktemp -d)
dev=
stop() {
    [ -z "$dev" ] || { kill -INT "$dev" 2>/dev/null; wait "$dev" 2>/dev/null; } || true
    rm -rf "$work"
}
trap stop EXIT

# The mapping of Accounts with 35 fields; $1 is the polling interval in seconds.
account_mapping() {
    cat <<JSON
{"mappings":[{"object_name":"Account","config":{"access":"read_write","sf_notify_enabled":false,"sf_polling_seconds":$1,
"fields":{"Id":{},"IsDeleted":{},"SystemModstamp":{},"CreatedDate":{},"LastModifiedDate":{},"Name":{},"AccountNumber":{},
"AnnualRevenue":{},"BillingCity":{},"BillingCountry":{},"BillingLatitude":{},"BillingLongitude":{},"BillingPostalCode":{},
"BillingState":{},"BillingStreet":{},"Description":{},"Fax":{},"Industry":{},"NumberOfEmployees":{},"OwnerId":{},"Ownership":{},
"ParentId":{},"Phone":{},"Rating":{},"ShippingCity":{},"ShippingCountry":{},"ShippingPostalCode":{},"ShippingState":{},
"ShippingStreet":{},"Sic":{},"SicDesc":{},"Site":{},"TickerSymbol":{},"Type":{},"Website":{}},
"indexes":{"Id":{"unique":true},"SystemModstamp":{"unique":false}}}}],"version":1}
JSON
}

# Starts `multiconnect dev` with $1 orgs of $2 Accounts and the mapping of $work/mapping.json, and reads its settings.
# Further arguments go to `multiconnect dev`.
start() {
    local count=$1 accounts=$2
    shift 2
    # The process below may open its log after the first look at it.
    : >"$work/dev.log"
    "$program" dev --idle --plain --orgs "$count" --accounts "$accounts" --contacts 0 --tweets 0 \
        --mapping "$work/mapping.json" "$@" >"$work/dev.log" 2>&1 &
    dev=$!
    for _ in $(seq 600); do
        environment=$(awk '$1 == "settings" {print $2}' "$work/dev.log")
        [ -z "$environment" ] || break
        kill -0 "$dev" 2>/dev/null || { cat "$work/dev.log" >&2; exit 1; }
        sleep 0.2
    done
    # shellcheck disable=SC1090
    . "$environment"
    # Other environments may run on the machine.
    worker=
    for process in $(pgrep -x multiconnect); do
        if grep -qzxF "DATABASE_URL=$DATABASE_URL" "/proc/$process/environ" && grep -qzxF worker "/proc/$process/cmdline"; then
            worker=$process
        fi
    done
    orgs=($(curl -kfsS "$SIMULATOR_URL/simulator/orgs" | jq -r '.[].id'))
    users=($(curl -kfsS "$SIMULATOR_URL/simulator/orgs" | jq -r '.[].users[] | .username | select(startswith("admin@"))'))
}

stop_dev() {
    kill -INT "$dev"
    wait "$dev" || true
    dev=
}

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "$1"; }
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) / hz}' "/proc/$1/stat"; }
median() { sort -n | awk '{v[NR] = $1} END {print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
schema_of() { echo "salesforce$(echo "$1" | tr '[:upper:]' '[:lower:]')"; }
figure() { printf 'figure %s %.2f %s %s\n' "$@"; }

# Sends the requests of the curl options in file $1, 16 at a time. A process for each would cost more than the request.
send_all() { curl --no-progress-meter --parallel --parallel-max 16 -K "$1"; }

# Prints the curl options of one more request.
request() { printf '%s\n' next insecure fail silent show-error 'output = "/dev/null"' "$@"; }

# Simulates the installations in the orgs of the "org user" lines of stdin, and the consents of these users up to the last
# call, of which it writes the curl options to $work/consent.ORG. Each org calls from an address of its own, with an admin of
# its own, because registrations per address and mails per recipient are limited.
prepare() {
    local folder org user body time signature query cookie location
    local -A users=() sources=() cookies=()
    folder=$(mktemp -d "$work/prepare.XXXXXX")
    while read -r org user; do
        users[$org]=$user
        printf -v "sources[$org]" 'header = "X-Forwarded-For: 2001:db8:%x%x:%x%x::1"' \
            "'${org:10:1}" "'${org:11:1}" "'${org:12:1}" "'${org:13:1}"
    done
    for org in "${!users[@]}"; do
        body="{\"org_id\":\"$org\",\"org_name\":\"Bench\",\"admin_email\":\"admin@${org,,}.example.com\"}"
        printf -v time '%(%s)T' -1
        signature=$(printf '%s.%s' "$time" "$body" | openssl dgst -sha256 -hmac "$CALLBACK_SECRET" -r)
        request "url = \"$APP_URL/organizations\"" "data = \"${body//\"/\\\"}\"" "${sources[$org]}" \
            'header = "Content-Type: application/json"' "header = \"X-Multiconnect-Timestamp: $time\"" \
            "header = \"X-Multiconnect-Signature: ${signature%% *}\""
    done | sed 1d >"$folder/registrations"
    send_all "$folder/registrations"
    for org in "${!users[@]}"; do
        request "url = \"$APP_URL/auth/salesforce?environment=production&org_id=$org\"" "${sources[$org]}" \
            "dump-header = \"$folder/$org.head\""
    done | sed 1d >"$folder/begins"
    send_all "$folder/begins"
    find "$folder" -name '*.head' -print0 | xargs -0 awk '
        {sub(/\r$/, ""); org = FILENAME; sub(/.*\//, "", org); sub(/[.]head$/, "", org)}
        tolower($1) == "set-cookie:" {sub(/;.*/, "", $2); cookies[org] = cookies[org] (org in cookies ? ";" : "") $2}
        tolower($1) == "location:" {query[org] = substr($2, index($2, "?") + 1)}
        END {for (org in query) print org, query[org], cookies[org]}' >"$folder/states"
    while read -r org query cookie; do
        cookies[$org]=$cookie
        request "url = \"$SIMULATOR_URL/services/oauth2/authorize\"" "data = \"$query&username=${users[$org]}&decision=allow\"" \
            "write-out = \"$org %{redirect_url}\\n\""
    done <"$folder/states" >"$folder/decisions"
    sed -i 1d "$folder/decisions"
    send_all "$folder/decisions" >"$folder/locations"
    while read -r org location; do
        request "url = \"$location\"" "cookie = \"${cookies[$org]}\"" "${sources[$org]}" | sed 1d >"$work/consent.$org"
    done <"$folder/locations"
    rm -r "$folder"
}

# Simulates the installation in org $1 and the consent of user $2.
consent() {
    prepare <<<"$1 $2"
    curl -K "$work/consent.$1"
    rm -f "$work/consent.$1"
}

# Prepares the consents of all orgs, or of those at the places $@.
prepare_consents() {
    local place
    [ $# -gt 0 ] || set -- "${!orgs[@]}"
    for place; do echo "${orgs[$place]} ${users[$place]}"; done | prepare
}

# Gives the prepared consents of all orgs at once, or of those at the places $@.
consent_together() {
    local place
    [ $# -gt 0 ] || set -- "${!orgs[@]}"
    for place; do
        echo next
        cat "$work/consent.${orgs[$place]}"
    done | sed 1d >"$work/consents"
    send_all "$work/consents"
}

# Waits until $1 tenants are live, for at most $2 seconds.
wait_live() {
    local live
    # Not too often: each look costs a process.
    for _ in $(seq $(($2 * 2))); do
        live=$(sql "select count(*) from multiconnect.organizations where status = 'live'")
        [ "$live" -lt "$1" ] || return 0
        sleep 0.5
    done
    echo "bench: $live of $1 tenants are live after $2 s" >&2
    sql "select class, state, error_message, count(*) from multiconnect.jobs group by 1, 2, 3 order by 4 desc limit 10" >&2
    exit 1
}

# A change in org number $1 with the body $2 (see OrgChangeRequest). Prints the answer.
change() { curl -kfsS "$SIMULATOR_URL/simulator/orgs/$1/changes" -d "$2"; }

# A token for user $1.
token_of() {
    curl -kfsS "$SIMULATOR_URL/services/oauth2/token" -d grant_type=password -d "client_id=$SALESFORCE_KEY" \
        -d "client_secret=$SALESFORCE_SECRET" -d "username=$1" -d password=password | jq -r .access_token
}

# The columns of the Account table of org $1 that Salesforce fills.
columns() {
    sql "select string_agg(column_name, ',' order by ordinal_position) from information_schema.columns
         where table_schema = '$(schema_of "$1")' and table_name = 'account' and column_name not in ('id', '_hc_lastop', '_hc_err')"
}
