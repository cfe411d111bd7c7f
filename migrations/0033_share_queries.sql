-- The logins of tenants' readers, for shared queries. The password is sealed.
create table multiconnect.reader_logins (
    organization_id uuid primary key references multiconnect.organizations (id) on delete cascade,
    role_name text not null,
    sealed bytea not null,
    key_id text not null,
    updated_at timestamptz not null default now()
);

-- Queries on a tenant's schema that are shared by links.
create table multiconnect.shared_queries (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    name text not null check (char_length(name) between 1 and 100),
    version integer not null default 1,
    statement_seconds integer not null check (statement_seconds between 1 and 300),
    row_limit integer not null check (row_limit between 1 and 100000),
    -- A result is shown again for this time.
    refresh_seconds integer not null check (refresh_seconds between 0 and 604800),
    -- The last result, as JSON; of the version result_version.
    result bytea,
    result_version integer,
    result_at timestamptz,
    -- A process runs the query since then.
    running_since timestamptz,
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (organization_id, name)
);

create table multiconnect.shared_query_versions (
    query_id uuid not null references multiconnect.shared_queries (id) on delete cascade,
    version integer not null,
    statement text not null check (char_length(statement) between 1 and 100000),
    created_by text not null,
    created_at timestamptz not null default now(),
    primary key (query_id, version)
);

create table multiconnect.shared_query_links (
    id uuid primary key default gen_random_uuid(),
    query_id uuid not null references multiconnect.shared_queries (id) on delete cascade,
    name text not null check (char_length(name) between 1 and 100),
    -- SHA-256 of the link's token, which has 256 random bits: nobody finds it by trying.
    hash bytea not null unique check (octet_length(hash) = 32),
    created_by text not null,
    created_at timestamptz not null default now(),
    -- Null: it does not expire.
    expires_at timestamptz,
    -- To the minute.
    last_used_at timestamptz,
    revoked_at timestamptz
);
create index shared_query_links_query on multiconnect.shared_query_links (query_id);
