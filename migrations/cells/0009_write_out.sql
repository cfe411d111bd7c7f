-- Writing users' changes to orgs: requests whose outcome is open, and changes that wait for it.

-- One request to an org, or one Bulk job. Inserted before it is sent. Its rows in _trigger_log are PENDING meanwhile.
create table multiconnect_sync.write_attempts (
    -- Part of the request's client tag, which change events show as their origin.
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null,
    mapping_id uuid not null,
    action text not null check (action in ('insert', 'update', 'upsert', 'delete')),
    method text not null check (method in ('collection', 'bulk')),
    -- The lease under which it was sent.
    epoch bigint not null,
    -- sent: the answer is awaited. doubtful: no answer came, and the request may still run. undecided: a person must decide.
    -- settled: the outcome is recorded.
    state text not null default 'sent' check (state in ('sent', 'doubtful', 'undecided', 'settled')),
    -- Ids in _trigger_log, in the order of the request. An undecided attempt has its undecided ones only.
    log_ids integer[] not null,
    -- The rows' ids in their table, in the same order.
    record_ids integer[] not null,
    -- The Bulk job; null until the org has named it.
    bulk_job_id varchar(18),
    sent_at timestamptz not null default clock_timestamp(),
    -- From then on the request cannot run any more, so that its outcome can be looked up.
    settle_at timestamptz not null,
    settled_at timestamptz,
    -- Why the outcome is unknown.
    error text
)
with (fillfactor = 70);
create index write_attempts_open on multiconnect_sync.write_attempts (organization_id) where state <> 'settled';
create index write_attempts_settled on multiconnect_sync.write_attempts (settled_at) where state = 'settled';

-- Changes from an org of records that an open insert may have created, in the order of their arrival. Applied naively, they
-- would make second rows. They are merged after the attempts that were open then are settled.
create table multiconnect_sync.held_changes (
    id bigint generated always as identity primary key,
    organization_id uuid not null,
    mapping_id uuid not null,
    sfid varchar(18) not null,
    -- The attempt that created the record, as its event says.
    attempt_id uuid,
    -- The change: kind, stamp, cells, text differences.
    change jsonb not null,
    held_at timestamptz not null default clock_timestamp()
);
create index held_changes_record on multiconnect_sync.held_changes (mapping_id, sfid);
create index held_changes_organization on multiconnect_sync.held_changes (organization_id);
