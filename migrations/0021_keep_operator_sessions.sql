-- Operators' logins. A session ends when its row is removed.

create table multiconnect.operator_sessions (
    -- SHA-256 of the id in the cookie.
    id_hash bytea primary key check (octet_length(id_hash) = 32),
    name text not null check (char_length(name) between 1 and 200),
    role text not null check (role in ('operator', 'viewer')),
    -- Where the login came from.
    address text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index operator_sessions_expiry on multiconnect.operator_sessions (expires_at);
