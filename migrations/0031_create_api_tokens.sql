-- Tokens of programs that call the API. A token itself is never stored.
create table multiconnect.api_tokens (
    id uuid primary key default gen_random_uuid(),
    name text not null check (char_length(name) between 1 and 100),
    -- SHA-256 of the token, which has 256 random bits: nobody finds it by trying.
    hash bytea not null unique check (octet_length(hash) = 32),
    may_write boolean not null,
    -- Null: all tenants.
    organization_ids uuid[] check (cardinality(organization_ids) > 0),
    created_by text not null,
    created_at timestamptz not null default now(),
    -- Null: it does not expire.
    expires_at timestamptz,
    -- To the minute.
    last_used_at timestamptz,
    revoked_at timestamptz
);
