-- When an org's schema was last compared with the tenant's tables.
create table multiconnect_sync.schema_checks (
    organization_id uuid primary key,
    -- All objects; null before the first check.
    checked_at timestamptz,
    -- Some objects, after an error or an event that a changed schema can cause.
    urgent_at timestamptz,
    -- Mappings with a change that could not be made then: their objects are described at each check.
    pending uuid[] not null default '{}'
);

-- Columns that were added or resumed, and that the existing rows lack. They are filled by a job of the mapping.
create table multiconnect_sync.column_backfills (
    mapping_id uuid not null,
    column_name text not null,
    organization_id uuid not null,
    requested_at timestamptz not null default clock_timestamp(),
    -- The start of the job that fills the column. A step of any other start is refused.
    claim uuid,
    -- The read that fills the column: its row in running_reads, its start, and its Bulk job.
    read_id uuid,
    read_started_at timestamptz,
    bulk_job_id varchar(18),
    primary key (mapping_id, column_name)
);
create index column_backfills_organization on multiconnect_sync.column_backfills (organization_id);
