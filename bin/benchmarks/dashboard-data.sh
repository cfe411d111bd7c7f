# The data of `bin/bench dashboard`: tenants with mappings, jobs, notifications, activity and mails. Sourced.
# Uses: sql, $tenants, $jobs.

# Indexes and checks of the table of jobs cost most of the time of its rows, so they are made again afterwards.
without_indexes() {
    sql "create table public.kept_indexes as
            select i.indexname as name, i.indexdef as definition from pg_indexes i
            where i.schemaname = 'multiconnect' and i.tablename = 'jobs' and i.indexname <> 'jobs_pkey';
        create table public.kept_checks as
            select c.conname as name, t.typname as domain, pg_get_constraintdef(c.oid) as definition
            from pg_constraint c join pg_type t on t.oid = c.contypid
            where t.typnamespace = 'multiconnect'::regnamespace and t.typname like 'job%';
        do \$\$
        declare each record;
        begin
            for each in select * from public.kept_indexes loop
                execute format('drop index multiconnect.%I', each.name);
            end loop;
            for each in select * from public.kept_checks loop
                execute format('alter domain multiconnect.%I drop constraint %I', each.domain, each.name);
            end loop;
            alter table multiconnect.job_attempts drop constraint job_attempts_job_id_fkey;
            alter table multiconnect.jobs drop constraint jobs_pkey;
        end \$\$"
}

with_indexes() {
    sql "select definition || ';' from public.kept_indexes order by name" >"$work/indexes.sql"
    echo "alter table multiconnect.jobs add constraint jobs_pkey primary key (id);" >>"$work/indexes.sql"
    # Two sessions: the machine has two cores.
    PGOPTIONS='-c maintenance_work_mem=1GB -c max_parallel_maintenance_workers=1' \
        xargs -P 2 -d '\n' -n 1 psql -X -q -v ON_ERROR_STOP=1 "$DATABASE_URL" -c <"$work/indexes.sql"
    sql "do \$\$
        declare each record;
        begin
            for each in select * from public.kept_checks loop
                execute format('alter domain multiconnect.%I add constraint %I %s not valid',
                    each.domain, each.name, replace(each.definition, ' NOT VALID', ''));
            end loop;
            alter table multiconnect.job_attempts add constraint job_attempts_job_id_fkey
                foreign key (job_id) references multiconnect.jobs (id) on delete cascade not valid;
        end \$\$;
        drop table public.kept_indexes, public.kept_checks"
}

# The tokens have no content, but the form of sealed ones with the id of their key: each start checks it.
# 1 in 50 tenants has failed, 1 in 50 is without consent, 1 in 20 waits, the others are live.
generate_tenants() {
    sql "insert into multiconnect.organizations (org_id, name, admin_email, status, status_detail, schema_name,
            authorized_at, created_at)
        select org, (array['Acme', 'Umbrella', 'Globex', 'Initech', 'Hooli', 'Stark'])[1 + n % 6] || ' ' || n,
            'admin' || n || '@example.com', status,
            case when status in ('failed', 'unauthorized') then 'INVALID_SESSION_ID: the session of org ' || n || ' has expired' end,
            'salesforce' || lower(org), now() - interval '90 days', now() - n * interval '5 minutes'
        from (
            select n, '00D' || lpad(to_hex(n), 12, '0') || 'EAA' as org, case
                when n % 50 = 0 then 'failed' when n % 50 = 1 then 'unauthorized' when n % 20 = 2 then 'registered'
                when n % 100 = 3 then 'importing' when n % 100 = 4 then 'paused' else 'live' end as status
            from generate_series(1, $tenants) n) as o;
        update multiconnect.organizations set status_since = now() - random() * interval '30 days';
        insert into multiconnect.connections (organization_id, state, trouble)
        select id, 'IDLE', case when random() < 0.01 then 'work' end from multiconnect.organizations;
        insert into multiconnect.mappings (connection_id, object_name, config, state, sf_object_name, table_name, db_count, sf_count,
            import_started_at, import_finished_at, last_error, last_error_at)
        select c.id, object, '{\"access\": \"read_write\"}', case when bad then 'ERROR' else 'DATA_SYNCED' end, object, lower(object),
            (random() * 1e6)::int, (random() * 1e6)::int, now() - interval '9 days', case when not bad then now() - interval '9 days' end,
            case when bad then 'UNKNOWN_EXCEPTION: an unexpected error occurred' end, case when bad then now() end
        from multiconnect.connections c cross join unnest(array['Account', 'Contact', 'Opportunity', 'Lead', 'Case', 'Task', 'Event',
            'Asset', 'Order', 'Product2']) as object cross join lateral (select random() < 0.01 and c.id is not null as bad) b;
        insert into multiconnect.credentials (organization_id, kind, sealed, key_id, instance_url, login_url, identity)
        select id, 'refresh_token', '\\x01'::bytea || decode(key_id, 'hex') || decode(repeat('00', 28), 'hex'), key_id,
            'https://acme.my.salesforce.com', 'https://login.salesforce.com', '{\"username\": \"admin@acme.example\"}'
        from multiconnect.organizations, multiconnect.key_checks;
        insert into multiconnect.api_usage (organization_id, hour, used, allowed)
        select id, date_trunc('hour', now()) - h * interval '1 hour', (random() * 1e5)::int, 100000
        from multiconnect.organizations, generate_series(0, 23) h;
        insert into multiconnect.api_calls (organization_id, hour, kind, object, calls)
        select id, date_trunc('hour', now()) - h * interval '1 hour', kind, 'Account', 1 + (random() * 100)::int
        from multiconnect.organizations, generate_series(0, 23) h, unnest(array['poll', 'write', 'change']) kind"
    # One holder per 500 tenants.
    sql "insert into multiconnect_sync.lease_holders (id, worker, lease_until, lock_key)
        select gen_random_uuid(), 'bench:' || n, now() + interval '1 day', 1000000 + n from generate_series(1, greatest($tenants / 500, 1)) n;
        insert into multiconnect_sync.leases (organization_id, epoch, holder)
        select o.id, 1, h.id from (select id, row_number() over () as n from multiconnect.organizations where status = 'live') o
        join (select id, row_number() over () as n, count(*) over () as all from multiconnect_sync.lease_holders) h on o.n % h.all = h.n - 1;
        insert into multiconnect_sync.stream_states (organization_id, state, channels, delivered_used, delivered_maximum, last_event_at)
        select organization_id, 'connected', '{/data/ChangeEvents}', 100, 10000, now() from multiconnect_sync.leases;
        insert into multiconnect_sync.stream_positions (organization_id, channel, replay_id, commit_at)
        select organization_id, '/data/ChangeEvents', 1, now() - random() * interval '1 second' from multiconnect_sync.leases;
        insert into multiconnect_sync.positions (mapping_id, organization_id, time_mark, polled_at)
        select m.id, c.organization_id, now(), now() from multiconnect.mappings m join multiconnect.connections c on c.id = m.connection_id"
}

# Most jobs are done, in 14 days. A tenth belongs to the first tenant. Two sessions: the machine has two cores.
generate_jobs() {
    local part running=()
    sql "create table public.numbered as select id, row_number() over (order by org_id) as place from multiconnect.organizations;
        create unique index on public.numbered (place) include (id)"
    for part in 0 1; do
        sql "set synchronous_commit = off;
            insert into multiconnect.jobs (id, class, args, organization_id, queue, lane, state, run_at, attempt, failures, error_class,
                error_message, created_at, started_at, finished_at, pushed_at, pushed_epoch, held_by)
            select lpad(to_hex(n * 2654435761 % 4294967296), 8, '0') || lpad(to_hex(n), 16, '0'), class,
                jsonb_build_array(o.id, n), o.id, queue, queue || ':t-' || o.id, state, at, attempt, attempt - 1,
                case when failed then 'SalesforceError' end,
                case when failed then 'REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded, request ' || n end,
                at - interval '2 seconds', case when attempt > 0 then at - interval '1 second' end,
                case when state in ('done', 'dead', 'cancelled') then at end, at, 'e', case when state = 'held' then 'queue:bulk' end
            from (
                select n, state, state in ('dead', 'retry') as failed,
                    (array['ImportMapping', 'SendConsentMail', 'ProvisionTenant', 'VerifyMapping', 'RepairMapping', 'CountRows',
                        'SendWebhook', 'SendAlerts', 'PruneJobs', 'ReloadMapping', 'RefreshFormulas', 'CheckSchema'])[1 + (n * 7) % 12] as class,
                    case when state = 'held' then 'bulk' else (array['default', 'import', 'mail'])[1 + (n * 5) % 3] end as queue,
                    case when state in ('queued', 'held', 'scheduled') then 0 else 1 + n % 3 end as attempt,
                    case state when 'scheduled' then now() + n % 86400 * interval '1 second' + interval '2 hours'
                        when 'retry' then now() + n % 3600 * interval '1 second' + interval '2 hours'
                        when 'queued' then now() - n % 600 * interval '1 second'
                        else now() - n * interval '14 days' / $jobs end as at
                from (
                    select n, case when n % 1000 < 975 then 'done' when n % 1000 < 985 then 'dead' when n % 1000 < 990 then 'cancelled'
                        when n % 1000 < 992 then 'queued' when n % 1000 < 994 then 'scheduled' when n % 1000 < 997 then 'retry'
                        when n % 1000 < 998 then 'held' else 'done' end as state
                    from generate_series($part + 1, $jobs::bigint, 2) n) as numbers) as rows
            join public.numbered o on o.place = case when rows.n % 10 = 0 then 1 else 1 + rows.n * 7919 % $tenants end" &
        running+=($!)
    done
    wait "${running[@]}"
    with_indexes
    sql "insert into multiconnect.job_attempts (job_id, attempt, worker, outcome, error_class, error_message, started_at, finished_at)
        select id, attempt, 'bench:1', 'failed', error_class, error_message, started_at, coalesce(finished_at, started_at)
        from multiconnect.jobs where aside in ('dead', 'retry') limit 200000"
}

generate_records() {
    sql "insert into multiconnect.activity (organization_id, actor, action, detail, created_at)
        select o.id, 'multiconnect', 'reload_requested', 'Account ' || n, now() - (1 - n / ($jobs / 10.0)) * interval '90 days'
        from generate_series(1, $jobs::bigint / 10) n join public.numbered o on o.place = 1 + n * 7919 % $tenants;
        insert into multiconnect.notifications (organization_id, event_type, message, created_at, acknowledged_at, mailed_at,
            webhook_opened_at, webhook_closed_at)
        select o.id, (array['mapping.error', 'writes.failed', 'lag.high'])[1 + n % 3], 'Account: UNKNOWN_EXCEPTION ' || n,
            now() - (200000 - n) * interval '10 seconds', case when n % 20 > 0 then now() end, '-infinity', '-infinity', '-infinity'
        from generate_series(1, 20 * $tenants) n join public.numbered o on o.place = 1 + n * 7919 % $tenants;
        insert into multiconnect.mails (organization_id, purpose, recipient, subject, text_body, html_body, created_at, sent_at)
        select o.id, 'consent', 'admin@example.com', 'Connect ' || n, repeat('text ', 200), repeat('html ', 200),
            now() - n * interval '1 minute', now() from generate_series(1, 10 * $tenants) n
        join public.numbered o on o.place = 1 + n * 7919 % $tenants;
        insert into multiconnect.pauses (key, actor) values ('queue:bulk', 'bench');
        insert into multiconnect.pauses (key, actor) select 'tenant:' || id, 'bench' from public.numbered where place between 10 and 29;
        insert into multiconnect.tenant_weights (organization_id, weight, actor) select id, 3, 'bench' from public.numbered where place < 20;
        insert into multiconnect.workers (identity, hostname, pid, lock_key, concurrency, version)
        select 'bench:' || n, 'bench', n, 5000000 + n, 10, 'bench' from generate_series(1, 20) n"
}

# The schema of the first tenant, with users' changes that were refused or wait.
generate_writes() {
    local schema
    schema=$(sql "select schema_name from multiconnect.organizations o join public.numbered using (id) where place = 1")
    sql "create schema $schema;
        create table $schema._trigger_log (id serial primary key, txid bigint, created_at timestamptz default now(),
            updated_at timestamptz default now(), processed_at timestamptz, processed_tx bigint, state varchar(8), action varchar(7),
            table_name varchar(128), record_id integer, sfid varchar(18), old text, \"values\" text, sf_result integer, sf_message text);
        create table $schema._trigger_log_archive (like $schema._trigger_log including all);
        create index on $schema._trigger_log (state, id);
        create index on $schema._trigger_log_archive (record_id);
        create index on $schema._trigger_log_archive (state, table_name) where state = 'FAILED';
        create index on $schema._trigger_log_archive (id) where state = 'REQUEUE';
        insert into $schema._trigger_log (state, action, table_name, record_id, \"values\")
        select 'NEW', 'UPDATE', 'account', n, 'name=>x' from generate_series(1, $tenants * 5) n;
        insert into $schema._trigger_log_archive (id, state, action, table_name, record_id, \"values\", sf_message)
        select -n, case when n % 100 = 0 then 'FAILED' else 'SUCCESS' end, 'UPDATE', 'account', n, 'name=>x', 'FIELD_CUSTOM_VALIDATION_EXCEPTION'
        from generate_series(1, $tenants * 20) n"
}

generate() {
    local begun=$SECONDS
    without_indexes
    generate_tenants
    generate_jobs
    generate_records
    generate_writes
    sql "vacuum analyze"
    echo "generated $tenants tenants and $jobs jobs in $((SECONDS - begun)) s, $(sql "select pg_size_pretty(pg_database_size(current_database()))")" >&2
}
