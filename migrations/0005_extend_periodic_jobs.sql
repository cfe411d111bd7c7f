-- Periodic jobs that operators see and steer, and ways by which old rows are found when they are pruned.

alter table multiconnect.periodic_jobs
    add constraint periodic_jobs_class check (class ~ '^[A-Za-z][A-Za-z0-9_:]{0,99}$'),
    add constraint periodic_jobs_queue check (queue ~ '^[A-Za-z0-9_.-]{1,64}$'),
    add constraint periodic_jobs_schedule check (length(schedule) between 1 and 200),
    -- Whether a tick runs though the run before has not ended; else it is passed over.
    add column may_overlap boolean not null default false,
    add column maximum_attempts integer check (maximum_attempts >= 1),
    add column timeout_ms integer check (timeout_ms > 0),
    -- Ticks that were missed or passed over.
    add column passed_over bigint not null default 0,
    -- How the last run ended, for when its job is pruned.
    add column last_state text,
    -- Who stopped it, and when; null: `enabled`, or stopped because of the problem.
    add column paused_by text check (char_length(paused_by) between 1 and 200),
    add column paused_at timestamptz,
    -- Why it cannot tick, such as a schedule that cannot be read.
    add column problem text,
    -- When a worker last said that it is part of the program. Null: an operator added it. One that no worker has spoken
    -- for is removed after a day, so that versions side by side do not remove each other's.
    add column registered_at timestamptz;

create index job_attempts_age on multiconnect.job_attempts (finished_at);
-- Read once a day, along the order in which rows were written.
create index activity_age on multiconnect.activity using brin (created_at);
create index api_usage_age on multiconnect.api_usage using brin (hour);
create index mails_age on multiconnect.mails using brin (created_at);
