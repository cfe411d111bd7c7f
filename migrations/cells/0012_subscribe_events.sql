-- Platform events: the channels that tenants are subscribed to, beside those of change events.
create table multiconnect_sync.event_subscriptions (
    organization_id uuid not null,
    -- Such as /event/Order_Ready__e.
    channel text not null,
    -- Events that were published earlier are ignored. Null: all that the org retains are received.
    since timestamptz,
    created_at timestamptz not null default now(),
    primary key (organization_id, channel)
);
