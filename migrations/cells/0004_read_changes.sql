-- Reading changes: who reads for which tenant, up to where, and what must be read again.

-- One row per worker process. A renewal writes only here, so it waits for no transaction that checks an epoch.
create table multiconnect_sync.lease_holders (
    -- Random for each start of a worker. It is part of the application_name of the worker's sessions in this database.
    id uuid primary key,
    worker text not null,
    lease_until timestamptz not null,
    -- The advisory lock that one session of the holder holds: free at once when the process dies.
    lock_key integer not null unique,
    started_at timestamptz not null default now()
);

-- Who may write for a tenant. Transactions check the epoch FOR SHARE; only a change of the holder updates the row.
drop table multiconnect_sync.lease_epochs;
create table multiconnect_sync.leases (
    organization_id uuid primary key,
    epoch bigint not null default 0 check (epoch >= 0),
    holder uuid,
    -- The share of a worker that the tenant takes.
    weight integer not null default 1 check (weight > 0),
    updated_at timestamptz not null default now()
);
create index leases_holder on multiconnect_sync.leases (holder);

-- The tables that changes are written to, each as its last import or alteration left it.
create table multiconnect_sync.synced_tables (
    mapping_id uuid primary key,
    organization_id uuid not null,
    schema_name text not null,
    -- The table plan.
    plan jsonb not null,
    -- Columns that are not read at present: an object from column to reason.
    paused_columns jsonb not null default '{}',
    updated_at timestamptz not null default now()
);
create index synced_tables_organization on multiconnect_sync.synced_tables (organization_id);

-- The last applied event of each channel. Commits with the rows.
create table multiconnect_sync.stream_positions (
    organization_id uuid not null,
    channel text not null,
    replay_id bigint not null,
    -- When Salesforce committed the last applied change.
    commit_at timestamptz,
    updated_at timestamptz not null default now(),
    primary key (organization_id, channel)
);

-- The last change of each record, kept until no running read can be older: such a read must not overwrite it.
create table multiconnect_sync.recent_changes (
    mapping_id uuid not null,
    sfid varchar(18) not null,
    -- The event's commit timestamp, or the SystemModstamp of the row that was read.
    stamp timestamptz not null,
    is_deletion boolean not null,
    applied_at timestamptz not null default clock_timestamp(),
    primary key (mapping_id, sfid)
)
with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index recent_changes_age on multiconnect_sync.recent_changes using brin (applied_at);

-- Reads that run: imports, reloads, polls, repairs. Recent changes that are newer than the oldest of them are kept.
create table multiconnect_sync.running_reads (
    id uuid primary key default gen_random_uuid(),
    mapping_id uuid not null,
    started_at timestamptz not null default clock_timestamp(),
    -- A read that has not been renewed for an hour is lost.
    renewed_at timestamptz not null default clock_timestamp()
);
create index running_reads_mapping on multiconnect_sync.running_reads (mapping_id);

-- Records that the tenant's lease holder reads again by id. A record that the org no longer has is removed.
create table multiconnect_sync.rereads (
    mapping_id uuid not null,
    sfid varchar(18) not null,
    organization_id uuid not null,
    reason text not null check (reason ~ '^[a-z_]{1,40}$'),
    due_at timestamptz not null default clock_timestamp(),
    attempts integer not null default 0 check (attempts >= 0),
    requested_at timestamptz not null default clock_timestamp(),
    primary key (mapping_id, sfid)
);
create index rereads_due on multiconnect_sync.rereads (organization_id, due_at);

-- Why all rows of the mapping must be read again, such as gap_overflow; null if they need not.
alter table multiconnect_sync.positions
    add column reload_reason text,
    add column reload_requested_at timestamptz,
    add column polled_at timestamptz;
