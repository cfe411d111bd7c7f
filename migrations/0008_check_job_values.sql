-- What a column may hold is checked where it enters, as names already are. Postgres reads a table's own checks anew
-- for each statement that writes to it: for a claim of one job these cost a fifth of what the server did. The check of
-- `state` stays: a column that another one is generated from keeps its type.
create domain multiconnect.job_arguments as jsonb;
create domain multiconnect.job_weight as smallint;
create domain multiconnect.job_count as integer;
create domain multiconnect.job_bound as integer;
create domain multiconnect.job_unique_key as text;

-- Domains without checks, so that the table is not written anew.
alter table multiconnect.jobs
    drop constraint jobs_args_check, drop constraint jobs_weight_check,
    drop constraint jobs_attempt_check, drop constraint jobs_failures_check, drop constraint jobs_crash_claims_check,
    drop constraint jobs_maximum_attempts_check, drop constraint jobs_timeout_ms_check,
    drop constraint jobs_unique_key_check,
    alter column args type multiconnect.job_arguments,
    alter column weight type multiconnect.job_weight,
    alter column attempt type multiconnect.job_count,
    alter column failures type multiconnect.job_count,
    alter column crash_claims type multiconnect.job_count,
    alter column maximum_attempts type multiconnect.job_bound,
    alter column timeout_ms type multiconnect.job_bound,
    alter column unique_key type multiconnect.job_unique_key;

-- Not validated: the rows that are there kept to the same checks of the table.
alter domain multiconnect.job_arguments
    add constraint job_arguments_check check (jsonb_typeof(value) = 'array') not valid;
alter domain multiconnect.job_weight
    add constraint job_weight_check check (value between 1 and 100) not valid;
alter domain multiconnect.job_count add constraint job_count_check check (value >= 0) not valid;
alter domain multiconnect.job_bound add constraint job_bound_check check (value >= 1) not valid;
alter domain multiconnect.job_unique_key
    add constraint job_unique_key_check check (length(value) between 1 and 200) not valid;

-- Of a column whose type changes the server forgets what it knows.
analyze multiconnect.jobs;
