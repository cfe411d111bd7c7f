-- External processes: calls of Apex that run as jobs and write their result to a field of a record.

-- Processes that the ISV's app carries out, by name. Others are built in.
create table multiconnect.processes (
    name text primary key check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    -- The URL and the secret that signs its requests, sealed.
    target bytea not null,
    host text not null,
    created_at timestamptz not null default now()
);

create table multiconnect.process_runs (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    name text not null,
    -- The caller's key: a call with the same key is the same run.
    request_key text,
    object text not null,
    sfid varchar(18) not null,
    -- The field that gets the result.
    field text not null,
    input jsonb not null,
    state text not null default 'queued' check (state in ('queued', 'done', 'failed')),
    error text,
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    unique (organization_id, request_key)
);
create index process_runs_ended on multiconnect.process_runs (ended_at) where ended_at is not null;
