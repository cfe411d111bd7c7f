-- When the reload of a mapping is enqueued again if its job was given up, and how often it was enqueued.
alter table multiconnect_sync.positions
    add column reload_attempts integer not null default 0 check (reload_attempts >= 0),
    add column reload_enqueued_at timestamptz,
    add column reload_due_at timestamptz;
