alter table multiconnect.workers
    -- Jobs of one tenant that the worker runs at once while another tenant waits. Null: no limit, or a worker of an older version.
    add column tenant_cap integer check (tenant_cap > 0),
    -- An operator asked the worker to claim no more jobs (quiet), or to end (stop). The worker reads this with its heartbeat.
    add column asked text check (asked in ('quiet', 'stop'));
