-- The change feed for the ISV's app: events, the webhooks that receive them, and their deliveries.

-- Changes of tenants' life cycles, in the order of (transaction_id, id) once all earlier transactions have ended. Rows'
-- changes are in the table of the same name in each cell.
create table multiconnect.feed_events (
    transaction_id xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    -- No reference: the event of a removed tenant stays.
    organization_id uuid not null,
    kind text not null check (kind ~ '^[a-z_]+\.[a-z_]+$'),
    data jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (transaction_id, id)
);
create index feed_events_organization on multiconnect.feed_events (organization_id, transaction_id, id);
create index feed_events_created on multiconnect.feed_events (created_at);

-- The last event that was pruned. A receiver that has not read it has missed events.
create table multiconnect.feed_horizons (
    is_only boolean primary key default true check (is_only),
    transaction_id xid8 not null,
    event_id bigint not null
);

-- Receivers of events: a URL, a stream of server-sent events, or both.
create table multiconnect.webhooks (
    id uuid primary key default gen_random_uuid(),
    name text not null unique check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    -- The URL and the secret that signs its requests, sealed: many URLs have a token. Null: only the stream.
    target bytea,
    -- The URL's host, for lists.
    host text,
    -- SHA-256 of the token for the stream and for publishing.
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    -- Null: all tenants. No reference: the event of a removed tenant is still delivered.
    organization_id uuid,
    -- Groups of kinds: tenant, row, event, message.
    groups text[] not null,
    -- Up to where events became deliveries: the position in each database.
    cursor text not null,
    -- The worker process that delivers at present.
    claim uuid,
    claimed_until timestamptz,
    created_at timestamptz not null default now()
);

-- Requests to a webhook. A delivery and the cursor behind its events commit together.
create table multiconnect.webhook_deliveries (
    -- The webhook-id header: the same in each attempt.
    id uuid primary key default gen_random_uuid(),
    webhook_id uuid not null references multiconnect.webhooks (id) on delete cascade,
    -- The order in which deliveries are sent.
    serial bigint generated always as identity,
    -- text, because the signature covers its bytes.
    body text not null,
    events integer not null check (events > 0),
    state text not null default 'waiting' check (state in ('waiting', 'delivered', 'dead')),
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    -- The last answer's status, or why there was none.
    status integer,
    error text,
    created_at timestamptz not null default now(),
    ended_at timestamptz
);
create index webhook_deliveries_waiting on multiconnect.webhook_deliveries (webhook_id, serial) where state = 'waiting';
create index webhook_deliveries_ended on multiconnect.webhook_deliveries (ended_at) where state <> 'waiting';
create index webhook_deliveries_webhook on multiconnect.webhook_deliveries (webhook_id, serial);

create function multiconnect.record_tenant_event(organization uuid, event_kind text, event_data jsonb) returns void
language plpgsql as $$
begin
    insert into multiconnect.feed_events (organization_id, kind, data) values (organization, event_kind, event_data);
    perform pg_notify('multiconnect_feed', json_build_object('organization', organization, 'kind', event_kind)::text);
end $$;

-- Each change of a tenant's status is an event, also a change by hand.
create function multiconnect.record_life_cycle() returns trigger
language plpgsql as $$
declare
    data jsonb;
    kind text;
begin
    if tg_op = 'DELETE' then
        if old.status <> 'uninstalled' then
            perform multiconnect.record_tenant_event(old.id, 'tenant.removed', jsonb_build_object(
                'org_id', old.org_id, 'name', old.name, 'schema', old.schema_name));
        end if;
        return null;
    end if;
    data := jsonb_build_object(
        'org_id', new.org_id, 'name', new.name, 'schema', new.schema_name, 'status', new.status,
        'detail', new.status_detail);
    if tg_op = 'INSERT' then
        perform multiconnect.record_tenant_event(new.id, 'tenant.installed', data);
        return null;
    end if;
    if new.authorized_at is distinct from old.authorized_at and new.authorized_at is not null then
        perform multiconnect.record_tenant_event(new.id, 'tenant.consented', data);
    end if;
    if new.status is distinct from old.status then
        kind := case new.status
            when 'registered' then 'tenant.installed' when 'live' then 'tenant.live' when 'paused' then 'tenant.paused'
            when 'unauthorized' then 'tenant.unauthorized' when 'failed' then 'tenant.failed'
            when 'uninstalled' then 'tenant.removed' end;
        if kind is not null then perform multiconnect.record_tenant_event(new.id, kind, data); end if;
    end if;
    return null;
end $$;

create trigger organizations_life_cycle
    after insert or delete or update of status, authorized_at on multiconnect.organizations
    for each row execute function multiconnect.record_life_cycle();
