# External objects: a keyed read and a filtered page of 200 rows, in equal shares, and the same selects through pgbench with as many
# sessions. Sourced by `surfaces`, with a development environment that runs.
rows=${BENCH_ROWS:-100000}
clients=${BENCH_CLIENTS:-4}
seconds=${BENCH_SECONDS:-5}
tenant=00D000000000001EAA
schema=$(schema_of "$tenant")
sql "create schema $schema;
     create table $schema.account (id serial primary key, sfid varchar(18), name varchar(255), phone varchar(40),
       industry varchar(255), billingcity varchar(40), billingcountry varchar(80), numberofemployees int,
       annualrevenue double precision, isdeleted boolean, createddate timestamp, systemmodstamp timestamp);
     insert into $schema.account (sfid, name, phone, industry, billingcity, billingcountry, numberofemployees, annualrevenue,
       isdeleted, createddate, systemmodstamp)
     select '001' || lpad(i::text, 12, '0') || 'AAA', 'Account ' || i, '+49 30 ' || i, 'Industry ' || i % 50, 'Berlin', 'Germany',
       i, i * 1.5, false, timestamp '2026-01-01' + make_interval(mins => i), timestamp '2026-01-01' + make_interval(mins => i)
     from generate_series(1, $rows) i;
     create index on $schema.account (industry, id)" >/dev/null
sql "vacuum analyze $schema.account" >/dev/null
service=$("$program" odata create "$tenant" bench --requests 100000000 --json)
"$program" odata tables "$tenant" bench account >/dev/null
odata_url=$(jq -r .url <<<"$service")
credentials=$(jq -r '.user + ":" + .password' <<<"$service" | tr -d '\n' | base64 -w0)
cat >"$work/odata.lua" <<LUA
local path = "$(sed 's|^[a-z]*://[^/]*||' <<<"$odata_url")"
wrk.headers["Authorization"] = "Basic $credentials"
local turn = 0
request = function()
  turn = turn + 1
  if turn % 2 == 0 then
    return wrk.format("GET", path .. "salesforce\$account(" .. math.random($rows) .. ")")
  end
  return wrk.format("GET", path .. "salesforce\$account?\$top=200&\$filter=industry%20eq%20'Industry%20" .. math.random(0, 49) .. "'")
end
LUA
columns="id, sfid, name, phone, industry, billingcity, billingcountry, numberofemployees, annualrevenue, isdeleted, createddate, systemmodstamp"
printf '\\set id random(1, %s)\nselect %s from %s.account where id = :id;\n' "$rows" "$columns" "$schema" >"$work/keyed.sql"
printf "\\\\set n random(0, 49)\nselect %s from %s.account where industry = 'Industry ' || :n order by id limit 201;\n" \
    "$columns" "$schema" >"$work/page.sql"
# A page has 200 entities, and an entity has its values.
page=$(curl -fsS -H "Authorization: Basic $credentials" "$odata_url"'salesforce$account?$top=200&$filter=industry%20eq%20%27Industry%207%27')
[ "$(jq '.value | length' <<<"$page")" = 200 ] || { echo "bench surfaces: no page of 200 entities: ${page:0:300}" >&2; exit 1; }
pgbench_bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)/pgbench
for ((round = 1; round <= rounds; round++)); do
    wrk -t1 -c"$clients" -d"$seconds"s --latency -s "$work/odata.lua" "${odata_url%/odata/*}" >"$work/wrk" 2>&1
    ! grep -q 'Non-2xx' "$work/wrk" || { cat "$work/wrk" >&2; exit 1; }
    awk '/^Requests\/sec/ {print $2}' "$work/wrk" >>"$work/odata.rates"
    awk '$1 == "99%" {v = $2; if (v ~ /us$/) f = 0.001; else if (v ~ /ms$/) f = 1; else f = 1000; print v * f}' \
        "$work/wrk" >>"$work/odata.p99"
    "$pgbench_bin" -n -M prepared -c "$clients" -j 1 -T "$seconds" -f "$work/keyed.sql@1" -f "$work/page.sql@1" "$DATABASE_URL" \
        2>"$work/pgbench.log" | awk '/^tps/ {print $3}' >>"$work/odata.floor" || { cat "$work/pgbench.log" >&2; exit 1; }
done
rate=$(median <"$work/odata.rates")
floor=$(median <"$work/odata.floor")
echo "odata: $rate requests/s, pgbench $floor transactions/s, $clients clients" >&2
figure odata.requests_per_s "$rate" 1/s '-'
figure odata.p99_ms "$(median <"$work/odata.p99")" ms '-'
figure odata.ratio_pgbench "$(awk -v a="$rate" -v b="$floor" 'BEGIN {print a / b}')" ratio '>=0.5'
