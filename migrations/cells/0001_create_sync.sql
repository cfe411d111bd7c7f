-- What must commit together with a tenant's rows lives beside them, in each database that holds tenants.
-- Ids of organizations, mappings and jobs are the control database's; nothing here refers to it.
create schema if not exists multiconnect_sync;

-- One import of one mapping. A new one takes the place of one whose Bulk job is lost.
create table multiconnect_sync.imports (
    id uuid primary key default gen_random_uuid(),
    mapping_id uuid not null,
    organization_id uuid not null,
    schema_name text not null,
    table_name text not null,
    sf_object_name text not null,
    -- 'rest' or 'bulk', by the number of records; and how Bulk pages are cut: one after the other (by
    -- maxRecords) or as resultPages lists them. The two cut differently, so it is decided once.
    method text check (method in ('rest', 'bulk')),
    paging text check (paging in ('sequential', 'parallel')),
    -- Read back before anything else is done, so that a job is never made twice.
    bulk_job_id varchar(18),
    api_version integer,
    state text not null default 'open' check (state in ('open', 'done', 'discarded')),
    -- Changes since this time are read after the import.
    time_mark timestamptz not null,
    sf_count bigint,
    -- numberRecordsProcessed of the Bulk job, or totalSize of the query.
    expected_rows bigint,
    started_at timestamptz not null default now(),
    finished_at timestamptz
);
create unique index imports_open on multiconnect_sync.imports (mapping_id) where state = 'open';
create index imports_mapping on multiconnect_sync.imports (mapping_id, started_at desc);
create index imports_organization on multiconnect_sync.imports (organization_id);

-- A page is here if and only if its rows are in the table: both are one transaction.
create table multiconnect_sync.import_pages (
    import_id uuid not null references multiconnect_sync.imports (id) on delete cascade,
    -- '' is the first page, which has no locator.
    locator text not null,
    -- Of the page after it, when pages are read one after the other; null on the last.
    next_locator text,
    rows_loaded bigint not null check (rows_loaded >= 0),
    rows_quarantined bigint not null default 0 check (rows_quarantined >= 0),
    -- NUL bytes that were taken out of the page.
    bytes_repaired bigint not null default 0 check (bytes_repaired >= 0),
    committed_at timestamptz not null default now(),
    primary key (import_id, locator)
);

-- Rows that no column type takes, as they came, until somebody looks.
create table multiconnect_sync.quarantined_rows (
    id bigint generated always as identity primary key,
    import_id uuid references multiconnect_sync.imports (id) on delete cascade,
    -- The page it came with.
    locator text not null,
    mapping_id uuid not null,
    organization_id uuid not null,
    sfid text,
    -- Column name to text.
    cells jsonb not null,
    sql_state text not null,
    reason text not null,
    created_at timestamptz not null default now()
);
create index quarantined_rows_mapping on multiconnect_sync.quarantined_rows (mapping_id, id);
create index quarantined_rows_import on multiconnect_sync.quarantined_rows (import_id, locator);

-- Up to where a mapping's changes are applied.
create table multiconnect_sync.positions (
    mapping_id uuid primary key,
    organization_id uuid not null,
    -- Changes with a SystemModstamp from here on are not yet applied.
    time_mark timestamptz not null,
    -- The last applied event of the change stream; null where there is none.
    replay_id bigint,
    updated_at timestamptz not null default now()
);
create index positions_organization on multiconnect_sync.positions (organization_id);

-- Who may write for a tenant: a transaction checks that its lease's epoch is still the one here.
create table multiconnect_sync.lease_epochs (
    organization_id uuid primary key,
    epoch bigint not null check (epoch >= 0),
    holder text,
    updated_at timestamptz not null default now()
);

-- Effects of jobs in this database, each made once however often its job is started.
create table multiconnect_sync.applied_steps (
    job_id text not null,
    step text not null check (char_length(step) between 1 and 200),
    applied_at timestamptz not null default now(),
    primary key (job_id, step)
);
create index applied_steps_age on multiconnect_sync.applied_steps (applied_at);
