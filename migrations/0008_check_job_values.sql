-- What a column may hold is checked where it enters, as names already are. Postgres reads a table's own checks anew
-- for each statement that writes to it: for a claim of one job these cost a fourth of what the server did.
create domain multiconnect.job_arguments as jsonb check (jsonb_typeof(value) = 'array');
create domain multiconnect.job_state as text check (value in (
    'queued', 'scheduled', 'running', 'retry', 'held', 'done', 'dead', 'cancelled'));
create domain multiconnect.job_weight as smallint check (value between 1 and 100);
create domain multiconnect.job_count as integer check (value >= 0);
create domain multiconnect.job_bound as integer check (value >= 1);
create domain multiconnect.job_unique_key as text check (length(value) between 1 and 200);

-- The type of a column from which another one is generated cannot change: that one goes and comes again.
alter table multiconnect.jobs drop column aside;
alter table multiconnect.jobs
    drop constraint jobs_args_check, drop constraint jobs_state_check, drop constraint jobs_weight_check,
    drop constraint jobs_attempt_check, drop constraint jobs_failures_check, drop constraint jobs_crash_claims_check,
    drop constraint jobs_maximum_attempts_check, drop constraint jobs_timeout_ms_check,
    drop constraint jobs_unique_key_check,
    alter column args type multiconnect.job_arguments,
    alter column state type multiconnect.job_state,
    alter column weight type multiconnect.job_weight,
    alter column attempt type multiconnect.job_count,
    alter column failures type multiconnect.job_count,
    alter column crash_claims type multiconnect.job_count,
    alter column maximum_attempts type multiconnect.job_bound,
    alter column timeout_ms type multiconnect.job_bound,
    alter column unique_key type multiconnect.job_unique_key,
    add column aside text generated always as (
        case when state not in ('queued', 'running', 'done') then state end) stored;
create index jobs_aside_open on multiconnect.jobs (aside, run_at, id)
    where aside is not null and finished_at is null;
create index jobs_aside_finished on multiconnect.jobs (aside, finished_at, id)
    where aside is not null and finished_at is not null;
