-- What `multiconnect jobs check` goes by: one row for each effect of its jobs.
create table multiconnect.job_probes (
    id bigint generated always as identity primary key,
    -- Nothing keeps a second effect of one job out: it is what the check looks for.
    check_id uuid not null,
    number integer not null,
    job_id multiconnect.job_id not null,
    attempt integer not null,
    ran_at timestamptz not null default clock_timestamp()
);
create index job_probes_check on multiconnect.job_probes (check_id, number);
