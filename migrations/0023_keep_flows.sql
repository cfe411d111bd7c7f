-- Counters for the charts of the dashboard. Each worker adds its counts every few seconds with one statement per table.

create table multiconnect.flows (
    span text not null check (span in ('minute', 'hour', 'day')),
    starts_at timestamptz not null,
    -- Rows of changes, imports and reloads.
    rows_in bigint not null default 0 check (rows_in >= 0),
    -- Users' changes that the orgs have accepted.
    rows_out bigint not null default 0 check (rows_out >= 0),
    -- Refused rows and refused changes.
    errors bigint not null default 0 check (errors >= 0),
    jobs_ended bigint not null default 0 check (jobs_ended >= 0),
    jobs_failed bigint not null default 0 check (jobs_failed >= 0),
    -- Transactions of changes by their lag; the code knows the bounds.
    lags bigint[] not null default '{}',
    primary key (span, starts_at)
)
-- A few rows that are updated all the time.
with (fillfactor = 50);

create table multiconnect.tenant_flows (
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    hour timestamptz not null,
    rows_in bigint not null default 0 check (rows_in >= 0),
    rows_out bigint not null default 0 check (rows_out >= 0),
    errors bigint not null default 0 check (errors >= 0),
    primary key (organization_id, hour)
)
with (fillfactor = 80);
create index tenant_flows_age on multiconnect.tenant_flows using brin (hour);
