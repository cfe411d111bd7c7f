-- Users' changes of each tenant that wait to be sent to its org, for lists of tenants. A tenant without waiting changes has no row.
create table multiconnect_sync.write_backlogs (
    organization_id uuid primary key,
    -- Counting stops at a limit, so that it takes the same time for each tenant.
    waiting integer not null check (waiting > 0),
    -- When the oldest of them was made.
    oldest_at timestamptz,
    counted_at timestamptz not null default clock_timestamp()
)
with (fillfactor = 50);
