-- The change feed: changes of tenants' rows, for webhooks and streams.

-- Events commit with the rows, in the order of (transaction_id, id) once all earlier transactions have ended.
create table multiconnect_sync.feed_events (
    transaction_id xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    organization_id uuid not null,
    kind text not null check (kind ~ '^[a-z_]+\.[a-z_]+$'),
    data jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (transaction_id, id)
);
create index feed_events_organization on multiconnect_sync.feed_events (organization_id, transaction_id, id);
create index feed_events_created on multiconnect_sync.feed_events (created_at);

-- The last event that was pruned. A receiver that has not read it has missed events.
create table multiconnect_sync.feed_horizons (
    is_only boolean primary key default true check (is_only),
    transaction_id xid8 not null,
    event_id bigint not null
);

-- Whose changes are recorded, by group of kinds. The id of zeros stands for all tenants.
create table multiconnect_sync.feed_demands (
    organization_id uuid not null,
    "group" text not null,
    primary key (organization_id, "group")
);

-- One notification per transaction and tenant.
create function multiconnect_sync.notify_feed() returns trigger
language plpgsql as $$
begin
    perform pg_notify('multiconnect_feed', json_build_object('organization', organization_id, 'kind', kinds)::text)
    from (select organization_id, split_part(kind, '.', 1) as kinds from added group by 1, 2) as groups;
    return null;
end $$;

create trigger feed_events_notify after insert on multiconnect_sync.feed_events
    referencing new table as added for each statement execute function multiconnect_sync.notify_feed();
