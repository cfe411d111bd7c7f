-- End users' own logins. They are off for a tenant without rows in end_user_access.

-- The objects that a tenant's end users may reach through the application, and how.
create table multiconnect.end_user_access (
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    object_name text not null check (object_name ~ '^[A-Za-z][A-Za-z0-9_]{0,79}$'),
    verbs text[] not null check (
        cardinality(verbs) between 1 and 5 and verbs <@ array['read', 'query', 'create', 'update', 'delete']),
    primary key (organization_id, object_name)
);
-- Salesforce's names ignore case.
create unique index end_user_access_name on multiconnect.end_user_access (organization_id, lower(object_name));

-- Logins that have begun: as for consents, a state is used once and in one browser.
create table multiconnect.end_user_logins (
    state_hash bytea primary key check (octet_length(state_hash) = 32),
    browser_hash bytea not null check (octet_length(browser_hash) = 32),
    -- The sealed PKCE verifier.
    verifier bytea not null,
    login_url text not null,
    -- `canvas`: the user only approves the app, and no session begins.
    purpose text not null check (purpose in ('session', 'canvas')),
    -- A path of this installation, for after the login.
    return_path text not null check (return_path ~ '^/' and char_length(return_path) <= 500),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index end_user_logins_expiry on multiconnect.end_user_logins (expires_at);

-- Sessions, with the sealed access token of the user. There are no refresh tokens: a session ends with its token.
create table multiconnect.end_user_sessions (
    -- SHA-256 of the token in the cookie.
    token_hash bytea primary key check (octet_length(token_hash) = 32),
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    user_id text not null check (user_id ~ '^[A-Za-z0-9]{18}$'),
    username text not null,
    display_name text,
    access_token bytea not null,
    instance_url text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index end_user_sessions_expiry on multiconnect.end_user_sessions (expires_at);
create index end_user_sessions_organization on multiconnect.end_user_sessions (organization_id);
