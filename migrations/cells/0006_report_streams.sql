-- How each tenant's changes arrive, for operators. Written when it changes, and at most once a minute.
create table multiconnect_sync.stream_states (
    organization_id uuid primary key,
    -- connecting, connected, polling (no channel) or refused (polls only, until a later try).
    state text not null check (state in ('connecting', 'connected', 'polling', 'refused')),
    channels text[] not null default '{}',
    -- Mapping id to what feeds it, such as "events /data/ChangeEvents" or "polls allowance".
    feeds jsonb not null default '{}',
    -- Delivered events of 24 hours, as the org reported them: of all subscribers.
    delivered_used bigint,
    delivered_maximum bigint,
    connected_at timestamptz,
    disconnected_at timestamptz,
    last_event_at timestamptz,
    -- From the last commit in Salesforce to its transaction here.
    lag_milliseconds bigint,
    last_error text,
    updated_at timestamptz not null default now()
);

-- The last poll's error. Null after a success.
alter table multiconnect_sync.positions
    add column poll_error text,
    add column poll_failures integer not null default 0;

create index positions_reload on multiconnect_sync.positions (reload_requested_at) where reload_reason is not null;
create index synced_tables_updated on multiconnect_sync.synced_tables (updated_at);
