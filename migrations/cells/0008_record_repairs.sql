-- Reads that compare a table with the org. A row is the last read of its kind, or the one that runs.
create table multiconnect_sync.repairs (
    mapping_id uuid not null,
    -- 'repair' compares ids and SystemModstamp, 'formulas' the calculated fields.
    purpose text not null check (purpose in ('repair', 'formulas')),
    organization_id uuid not null,
    -- The cell's clock before the running read was sent; null if none runs.
    read_started_at timestamptz,
    -- Its row in running_reads.
    read_id uuid,
    -- The Bulk job of the running read, so that the next start of the job does not create another one.
    bulk_job_id varchar(18),
    api_version integer,
    -- Of the last complete read: rows compared, differences found, records put into rereads.
    finished_at timestamptz,
    rows_compared bigint check (rows_compared >= 0),
    missing_here bigint check (missing_here >= 0),
    missing_there bigint check (missing_there >= 0),
    different bigint check (different >= 0),
    requested bigint check (requested >= 0),
    -- Why rows that the org lacks were kept; null if none were.
    withheld text,
    updated_at timestamptz not null default now(),
    primary key (mapping_id, purpose)
);
create index repairs_organization on multiconnect_sync.repairs (organization_id);
