-- What operators do to jobs: pauses, deletions, and who did what.

-- What is not to be started: a queue, a class or a tenant. Read by every claim, so it holds as soon as it commits.
create table multiconnect.pauses (
    -- 'queue:<name>', 'class:<name>' or 'tenant:<organization>'.
    key text primary key check (key ~ '^(queue|class|tenant):[A-Za-z0-9_.:-]{1,100}$'),
    actor text not null check (char_length(actor) between 1 and 200),
    reason text check (char_length(reason) <= 1000),
    created_at timestamptz not null default now()
);

-- A due job whose turn came while it was paused is held: it leaves Redis, and whoever ends the pause queues it again.
alter table multiconnect.jobs drop constraint jobs_state_check;
alter table multiconnect.jobs add constraint jobs_state_check check (state in (
    'queued', 'scheduled', 'running', 'retry', 'held', 'done', 'dead', 'cancelled'));
-- The pause that holds it. It may be gone by now: then the reconciler lets the job go.
alter table multiconnect.jobs add column held_by text;
alter table multiconnect.jobs add constraint jobs_held check ((state = 'held') = (held_by is not null));
create index jobs_holder on multiconnect.jobs (held_by, run_at, id) where held_by is not null;
-- Whoever looks for work does not read past what is held, however much that is.
drop index multiconnect.jobs_open;
create index jobs_open on multiconnect.jobs (run_at, id) where finished_at is null and held_by is null;

-- Ended by an operator while it ran.
alter table multiconnect.job_attempts drop constraint job_attempts_outcome_check;
alter table multiconnect.job_attempts add constraint job_attempts_outcome_check check (outcome in (
    'failed', 'timed_out', 'crashed', 'handed_back', 'cancelled', 'killed'));

-- Jobs that operators deleted. Redis may still hold an entry of one, which would be taken for another client's job.
create table multiconnect.deleted_jobs (
    id text primary key,
    deleted_at timestamptz not null default now()
);
create index deleted_jobs_age on multiconnect.deleted_jobs (deleted_at);

-- Which job an operator's action was about. No reference: the record outlives the job.
alter table multiconnect.activity add column job_id text;
create index activity_job on multiconnect.activity (job_id, id) where job_id is not null;
