-- Jobs: the row is the truth, Redis only an index of it. A job is inserted in the transaction that needs
-- it, owned by a compare-and-set on its state, and completed in the transaction that holds its effects.
create schema if not exists multiconnect;

-- No foreign key to organizations: a job outlives its tenant (history), and inserting one must not lock it.
create table multiconnect.jobs (
    -- Sidekiq's jid: 24 hexadecimal digits.
    id text primary key check (id ~ '^[0-9a-f]{24}$'),
    class text not null check (class ~ '^[A-Za-z][A-Za-z0-9_:]{0,99}$'),
    args jsonb not null default '[]' check (jsonb_typeof(args) = 'array'),
    organization_id uuid,
    -- What the enqueuer chose; the lane is the list in Redis: the queue, or the queue and the tenant.
    -- Sidekiq Web shows both names unescaped, hence the narrow alphabet.
    queue text not null default 'default' check (queue ~ '^[A-Za-z0-9_.-]{1,64}$'),
    lane text not null check (lane ~ '^[A-Za-z0-9_.:-]{1,128}$'),
    weight smallint not null default 1 check (weight between 1 and 100),
    state text not null check (state in ('queued', 'scheduled', 'running', 'retry', 'done', 'dead', 'cancelled')),
    run_at timestamptz not null default now(),
    -- Starts of any kind; failures in a row (they drive the back-off); starts in a row that ended in silence.
    attempt integer not null default 0 check (attempt >= 0),
    failures integer not null default 0 check (failures >= 0),
    crash_claims integer not null default 0 check (crash_claims >= 0),
    -- Null: the class's own.
    maximum_attempts integer check (maximum_attempts >= 1),
    timeout_ms integer check (timeout_ms > 0),
    -- Random for each claim: a counter could repeat after a crash under an asynchronous commit.
    claim_token uuid,
    claimed_by text,
    lease_until timestamptz,
    cancel_requested_at timestamptz,
    -- When and under which epoch of Redis the index was told. Null: it was not, or it must be told again.
    pushed_at timestamptz,
    pushed_epoch text,
    unique_key text check (length(unique_key) between 1 and 200),
    error_class text,
    error_message text,
    progress jsonb,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    failed_at timestamptz,
    retried_at timestamptz,
    finished_at timestamptz,
    constraint jobs_claim check ((state = 'running') = (claim_token is not null)),
    constraint jobs_lease check ((claim_token is null) = (lease_until is null)),
    constraint jobs_finished check ((state in ('done', 'dead', 'cancelled')) = (finished_at is not null))
)
-- Each job leaves two dead rows behind, so the table is vacuumed earlier than by default.
with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);

-- One open job per key. Nothing can be left locked: closing the job frees the key.
create unique index jobs_unique_key on multiconnect.jobs (unique_key)
    where state in ('queued', 'scheduled', 'running', 'retry');
-- What is open is small whatever the history's size, and every rule of the workers reads only that.
create index jobs_waiting on multiconnect.jobs (run_at, id) where state = 'queued';
create index jobs_due on multiconnect.jobs (run_at, id) where state in ('scheduled', 'retry');
create index jobs_unpushed on multiconnect.jobs (created_at, id)
    where state in ('queued', 'scheduled', 'retry') and pushed_epoch is null;
-- The lease itself is in no index, so that renewing one stays on the row's page.
create index jobs_running on multiconnect.jobs (claimed_by) where state = 'running';
-- Pages of the history and the removal of old rows.
create index jobs_finished on multiconnect.jobs (finished_at, id) where finished_at is not null;
create index jobs_dead on multiconnect.jobs (finished_at desc) where state = 'dead';
create index jobs_organization on multiconnect.jobs (organization_id, created_at desc);

-- Starts that did not end well. A good end is on the job's own row: one row less for each job.
create table multiconnect.job_attempts (
    id bigint generated always as identity primary key,
    job_id text not null references multiconnect.jobs (id) on delete cascade,
    attempt integer not null,
    worker text,
    outcome text not null check (outcome in ('failed', 'timed_out', 'crashed', 'handed_back', 'cancelled')),
    error_class text,
    error_message text,
    started_at timestamptz,
    finished_at timestamptz not null default now()
);
create index job_attempts_job on multiconnect.job_attempts (job_id, id);

-- A tick is claimed by moving next_run_at forward, so any number of workers runs it once.
create table multiconnect.periodic_jobs (
    name text primary key check (name ~ '^[A-Za-z0-9_.:-]{1,100}$'),
    class text not null,
    args jsonb not null default '[]' check (jsonb_typeof(args) = 'array'),
    organization_id uuid,
    queue text not null default 'default',
    -- A cron expression of five fields (UTC), or 'every <n> <seconds|minutes|hours>'.
    schedule text not null,
    -- What becomes of ticks that nobody was there to run: none of them, or one for all.
    missed text not null default 'once' check (missed in ('skip', 'once')),
    enabled boolean not null default true,
    next_run_at timestamptz not null,
    last_run_at timestamptz,
    last_job_id text,
    created_at timestamptz not null default now()
);
create index periodic_jobs_next on multiconnect.periodic_jobs (next_run_at) where enabled;

-- A worker process. It lives as long as its session holds the advisory lock (lock_space, lock_key).
create table multiconnect.workers (
    identity text primary key check (length(identity) between 1 and 200),
    hostname text not null,
    pid integer not null,
    lock_key integer not null unique,
    concurrency integer not null check (concurrency > 0),
    queues text[] not null default '{}',
    quiet boolean not null default false,
    busy integer not null default 0,
    version text,
    started_at timestamptz not null default now(),
    beat_at timestamptz not null default now(),
    stopped_at timestamptz
);
