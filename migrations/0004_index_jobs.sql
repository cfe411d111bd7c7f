-- A job costs three writes: it is inserted, claimed, completed. Here each of them becomes cheap.

-- Names are checked where they enter, not at each later write of their row: four regular expressions cost more than
-- all else that the server did for a claim. Sidekiq's pages show these names unescaped, hence the narrow alphabets.
create domain multiconnect.job_id as text collate "C" check (value ~ '^[0-9a-f]{24}$');
create domain multiconnect.job_class as text check (value ~ '^[A-Za-z][A-Za-z0-9_:]{0,99}$');
create domain multiconnect.job_queue as text check (value ~ '^[A-Za-z0-9_.-]{1,64}$');
create domain multiconnect.job_lane as text check (value ~ '^[A-Za-z0-9_.:-]{1,128}$');
alter table multiconnect.job_attempts drop constraint job_attempts_job_id_fkey;
alter table multiconnect.jobs
    drop constraint jobs_id_check, drop constraint jobs_class_check,
    drop constraint jobs_queue_check, drop constraint jobs_lane_check,
    alter column id type multiconnect.job_id,
    alter column class type multiconnect.job_class,
    alter column queue type multiconnect.job_queue,
    alter column lane type multiconnect.job_lane,
    -- The state of a job that is off the straight way queued, running, done: null on it, so that indexes by this
    -- column cost nothing there.
    add column aside text generated always as (
        case when state not in ('queued', 'running', 'done') then state end) stored;
alter table multiconnect.job_attempts
    alter column job_id type multiconnect.job_id,
    add constraint job_attempts_job_id_fkey
        foreign key (job_id) references multiconnect.jobs (id) on delete cascade;

-- No index names `state`, nor anything else that a claim changes: the claim's new row version then needs no entry in
-- any index and stays on its page (HOT), where the free part of the page takes it and the next look cleans up.
-- What is open is small whatever the history's size: `finished_at is null`.
alter table multiconnect.jobs set (fillfactor = 75);
drop index multiconnect.jobs_unique_key, multiconnect.jobs_waiting, multiconnect.jobs_due,
    multiconnect.jobs_unpushed, multiconnect.jobs_running, multiconnect.jobs_finished,
    multiconnect.jobs_dead, multiconnect.jobs_organization;
-- One open job per key. Nothing can be left locked: closing the job frees the key.
create unique index jobs_unique_key on multiconnect.jobs (unique_key)
    where unique_key is not null and finished_at is null;
create index jobs_open on multiconnect.jobs (run_at, id) where finished_at is null;
create index jobs_unpushed on multiconnect.jobs (created_at, id)
    where pushed_epoch is null and finished_at is null;
-- Pages, and the removal of old rows. Pages of the states off the straight way ask by `aside`, not by `state`.
create index jobs_finished on multiconnect.jobs (finished_at, id) where finished_at is not null;
create index jobs_aside_open on multiconnect.jobs (aside, run_at, id)
    where aside is not null and finished_at is null;
create index jobs_aside_finished on multiconnect.jobs (aside, finished_at, id)
    where aside is not null and finished_at is not null;
create index jobs_class_finished on multiconnect.jobs (class, finished_at, id) where finished_at is not null;
create index jobs_organization_open on multiconnect.jobs (organization_id, run_at, id)
    where organization_id is not null and finished_at is null;
create index jobs_organization_finished on multiconnect.jobs (organization_id, finished_at, id)
    where organization_id is not null and finished_at is not null;

-- Which jobs a claim got: where running jobs are looked for, in the place of an index that every claim would write to.
-- The jobs' own rows say whether they run; one that no claim here names is found too, by a slower look now and then.
create table multiconnect.job_claims (
    -- The jobs' claim_token.
    token uuid primary key,
    worker text not null,
    job_ids text[] not null,
    claimed_at timestamptz not null default clock_timestamp()
)
-- Rows come and go: the table stays as small as what runs.
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
