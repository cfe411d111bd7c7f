-- Services for external objects: a part of a tenant's schema for one audience.
create table multiconnect.odata_services (
    id bigint generated always as identity primary key,
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    audience text not null check (audience ~ '^[a-z][a-z0-9_-]{0,49}$'),
    -- In the service's URL.
    slug text not null unique check (slug ~ '^[0-9a-f]{32}$'),
    -- Takes the schema's place in the names of entity sets.
    alias text not null check (alias ~ '^[A-Za-z_][A-Za-z0-9_]{0,29}$'),
    is_enabled boolean not null default true,
    hourly_requests integer not null check (hourly_requests between 1 and 100000000),
    statement_seconds integer not null check (statement_seconds between 1 and 110),
    -- Requests of the hour that begins at usage_hour, of all processes.
    usage_hour timestamptz not null default date_trunc('hour', now()),
    usage_requests bigint not null default 0,
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (organization_id, audience)
) with (fillfactor = 50);

create table multiconnect.odata_tables (
    service_id bigint not null references multiconnect.odata_services (id) on delete cascade,
    table_name text not null,
    -- Null: all columns except Multiconnect's own.
    column_names text[] check (cardinality(column_names) > 0),
    may_write boolean not null default false,
    primary key (service_id, table_name)
);

create table multiconnect.odata_credentials (
    user_name text primary key check (user_name ~ '^[0-9a-f]{32}$'),
    service_id bigint not null references multiconnect.odata_services (id) on delete cascade,
    -- SHA-256 of the password, which has 128 random bits: nobody finds it by trying.
    hash bytea not null check (octet_length(hash) = 32),
    created_at timestamptz not null default now(),
    -- Null: it is valid until the next rotation.
    expires_at timestamptz
);
create index odata_credentials_service on multiconnect.odata_credentials (service_id);
