# Users' changes from their commit to the org: the second part of `bin/bench writes`. Sourced.

mapping_for_writes() {
    cat <<'JSON'
{"mappings":[{"object_name":"Account","config":{"access":"read_write","sf_notify_enabled":false,"sf_polling_seconds":600,
"fields":{"Id":{},"IsDeleted":{},"SystemModstamp":{},"CreatedDate":{},"Name":{},"Phone":{},"Industry":{},"AnnualRevenue":{},
"NumberOfEmployees":{},"Website":{}},
"indexes":{"Id":{"unique":true},"SystemModstamp":{"unique":false}}}}],"version":1}
JSON
}

# Writes lines "id name milliseconds" of $2 single inserts into the tenant's schema $1, one each $3 seconds.
single_inserts() {
    local n
    for ((n = 0; n < $2; n++)); do
        echo "insert into $1.account (name, phone) values ('single $n', '$n') returning id, name, (extract(epoch from clock_timestamp()) * 1000)::bigint;"
        echo "do 'begin perform pg_sleep($3); end';"
    done | psql -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 "$DATABASE_URL"
}

open_of() { sql "select count(*) from $1._trigger_log where state in ('NEW', 'PENDING')"; }

# Waits until the tenant's schema $1 has no unsent change, for at most $2 seconds.
wait_written() {
    local end=$((SECONDS + $2))
    until [ "$(sql "select exists (select from $1._trigger_log where state in ('NEW', 'PENDING'))")" = f ]; do
        [ "$SECONDS" -lt "$end" ] || { echo "bench writes: $(open_of "$1") changes of $1 are not written after $2 s" >&2; exit 1; }
        sleep 1 # each look costs a process and a count
    done
}

# Waits until no tenant has an unsent change, for at most $1 seconds. One query for all: a process each would take longer than
# the writes.
wait_all_written() {
    local end=$((SECONDS + $1)) org query
    query=$(for org in "${orgs[@]}"; do echo "select from $(schema_of "$org")._trigger_log where state in ('NEW', 'PENDING')"; done |
        sed '$!s/$/ union all/')
    until [ "$(sql "select exists ($query)")" = f ]; do
        [ "$SECONDS" -lt "$end" ] || { echo "bench writes: changes are not written after $1 s" >&2; exit 1; }
        sleep 0.25
    done
}

# Milliseconds from the insert to the commit in the org, for the lines "schema id ... milliseconds" of $1.
write_latencies() {
    local schema id time number sfid
    while read -r schema number id _ _ time; do
        sfid=$(sql "select sfid from $schema.account where id = $id")
        echo "$number $sfid $time"
    done <"$1" | sort -n >"$1.sfids"
    for number in $(cut -d' ' -f1 "$1.sfids" | uniq); do
        curl -kfsS "$SIMULATOR_URL/simulator/orgs/$number/changes?limit=1000000" |
            jq -r '.[] | select(.kind == "create") | [.sfid, .committed] | @tsv' |
            awk -v number="$number" 'NR == FNR {at[$1] = $2; next} $1 == number {print ($2 in at) ? at[$2] - $3 : 60000}' - "$1.sfids"
    done
}

percentile() { sort -n | awk -v p="$1" '{v[NR] = $1} END {i = int(NR * p + 0.999); print v[i < 1 ? 1 : i]}'; }

# Inserts $2 rows into the schema $1 in one transaction, and prints the rows per second from its commit to the last result.
backlog() {
    local begun ended
    sql "insert into $1.account (name, phone, numberofemployees) select 'backlog ' || n, n::text, n % 1000 from generate_series(1, $2) n" >/dev/null
    begun=$(date +%s.%N)
    wait_written "$1" 600
    ended=$(sql "select extract(epoch from max(processed_at)) from $1._trigger_log")
    awk -v a="$begun" -v b="$ended" -v n="$2" 'BEGIN {print n / (b - a)}'
}

collection_calls() { curl -kfsS "$SIMULATOR_URL/simulator/orgs/1/calls" | jq '.collection // 0'; }

one_tenant() {
    local rows=${BENCH_ROWS:-100000} schema before after
    mapping_for_writes >"$work/mapping.json"
    start 1 1000
    consent "${orgs[0]}" "${users[0]}"
    wait_live 1 60
    schema=$(schema_of "${orgs[0]}")
    single_inserts "$schema" 20 0.05 >/dev/null # a warm-up
    single_inserts "$schema" "${BENCH_SINGLES:-400}" 0.02 | awk -v s="$schema" '{print s, 1, $0}' >"$work/singles"
    wait_written "$schema" 60
    write_latencies "$work/singles" >"$work/latencies"
    before=$(collection_calls)
    backlog "$schema" "$rows" >"$work/backlog"
    after=$(collection_calls)
    change 1 '{"kind":"settings","settings":{"writeDelay":1000}}' >/dev/null
    backlog "$schema" $((rows / 5)) >"$work/slow"
    stop_dev
    figure writes.p50_ms "$(percentile 0.5 <"$work/latencies")" ms '<=20'
    figure writes.p99_ms "$(percentile 0.99 <"$work/latencies")" ms '<=200'
    figure writes.rows_per_s "$(cat "$work/backlog")" rows/s '>=5000'
    figure writes.rows_per_call "$(awk -v n="$rows" -v a="$before" -v b="$after" 'BEGIN {print n / (b - a)}')" rows '>=190'
    figure writes.rows_per_s_slow "$(cat "$work/slow")" rows/s '>=800'
}

# Inserts $1 single rows into each tenant's schema, the tenants in turn, by four sessions that pause for $2 seconds after
# each row. Writes lines "schema number id name milliseconds" to $work/singles.[0-3].
singles() {
    local part n place schema running=()
    for part in 0 1 2 3; do
        for ((n = 0; n < $1; n++)); do
            for ((place = part; place < ${#orgs[@]}; place += 4)); do
                schema=$(schema_of "${orgs[$place]}")
                echo "insert into $schema.account (name) values ('single') returning '$schema', $((place + 1)), id, name, (extract(epoch from clock_timestamp()) * 1000)::bigint;"
                [ "$2" = 0 ] || echo "do 'begin perform pg_sleep($2); end';"
            done
        done >"$work/singles.$part.sql"
    done
    for part in 0 1 2 3; do
        psql -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 "$DATABASE_URL" -f "$work/singles.$part.sql" >"$work/singles.$part" &
        running+=($!)
    done
    wait "${running[@]}"
}

many_tenants() {
    local count=${BENCH_ORGS:-500} place schema begun running=()
    start "$count" 10
    for place in "${!orgs[@]}"; do
        consent "${orgs[$place]}" "${users[$place]}" &
        running+=($!)
        [ ${#running[@]} -lt 8 ] || { wait "${running[@]}"; running=(); }
    done
    [ ${#running[@]} -eq 0 ] || wait "${running[@]}"
    wait_live "$count" 900
    # As many single inserts per second as of one tenant, of all tenants in turn, by four sessions.
    singles 5 0.08
    cat "$work"/singles.[0-3] | awk '{print $1, $2, $3, "-", "-", $NF}' >"$work/singles.many"
    wait_all_written 60
    write_latencies "$work/singles.many" >"$work/latencies.many"
    # As many as the machine takes: from the first insert to the last result.
    begun=$(date +%s%N)
    singles 5 0
    wait_all_written 600
    awk -v a="$begun" -v b="$(date +%s%N)" -v n="$((count * 5))" 'BEGIN {print n / ((b - a) / 1e9)}' >"$work/burst"
    for place in "${!orgs[@]}"; do
        schema=$(schema_of "${orgs[$place]}")
        echo "insert into $schema.account (name) select 'backlog ' || n from generate_series(1, 200) n;"
    done >"$work/backlog.sql"
    begun=$(date +%s%N)
    psql -X -q -v ON_ERROR_STOP=1 "$DATABASE_URL" -f "$work/backlog.sql"
    wait_all_written 600
    figure writes.p50_ms_many "$(percentile 0.5 <"$work/latencies.many")" ms '<=20'
    figure writes.p99_ms_many "$(percentile 0.99 <"$work/latencies.many")" ms '<=200'
    figure writes.singles_per_s_many "$(cat "$work/burst")" rows/s -
    figure writes.rows_per_s_many "$(awk -v a="$begun" -v b="$(date +%s%N)" -v n="$((count * 200))" 'BEGIN {print n / ((b - a) / 1e9)}')" rows/s '>=5000'
    stop_dev
}
