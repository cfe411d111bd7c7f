-- A weight is a tenant's, and an operator says it; that each job carried one said it once for every job, and the job
-- enqueued last for all of them.
create table multiconnect.tenant_weights (
    organization_id uuid primary key,
    -- Jobs that a lane of the tenant has in one turn; a tenant without a row has one.
    weight multiconnect.job_weight not null check (weight > 1),
    actor text not null check (char_length(actor) between 1 and 200),
    created_at timestamptz not null default now()
);
-- `jobs.weight` stays for a version: processes that were started before this migration still write and read it.
comment on column multiconnect.jobs.weight is 'Of no meaning any more.';
