-- Tenants: who they are, what they consented to, and what happened to them.
create schema if not exists multiconnect;

create table multiconnect.organizations (
    id uuid primary key default gen_random_uuid(),
    -- Always the 18 characters: two orgs may differ only in case, and the checksum keeps them apart.
    org_id varchar(18) not null unique check (org_id ~ '^00D[0-9A-Za-z]{15}$'),
    -- Both written by whoever called the registration first; encoded wherever they are shown.
    name text not null check (char_length(name) between 1 and 255),
    admin_email text not null check (char_length(admin_email) between 3 and 254),
    -- production, sandbox, or a My Domain host.
    environment text not null default 'production' check (char_length(environment) between 1 and 253),
    status text not null default 'registered' check (status in (
        'registered', 'authorized', 'provisioning', 'importing', 'live', 'paused', 'unauthorized',
        'uninstalled', 'failed')),
    -- Why, in words for an operator.
    status_detail text,
    schema_name text not null unique check (schema_name = 'salesforce' || lower(org_id)),
    -- The named database that holds the tenant's rows.
    cell text not null default 'default' check (cell ~ '^[a-z][a-z0-9_]{0,62}$'),
    -- When consent was last given; null before the first one.
    authorized_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index organizations_status on multiconnect.organizations (status, created_at);

-- A tenant's way to its org, with Heroku Connect's names for its states.
create table multiconnect.connections (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null unique references multiconnect.organizations (id) on delete cascade,
    state text not null default 'NEED_AUTHENTICATION' check (state in (
        'NEW', 'NEED_AUTHENTICATION', 'IDLE', 'POLLING_DB_CHANGES', 'PAUSED', 'RECOVERY', 'IMPORT_CONFIGURATION',
        'SYSTEM_ERROR', 'DB_UNAVAILABLE', 'TOO_MANY_ROWS', 'UNAUTHORIZED', 'INACTIVE_ORG', 'BUSY')),
    -- Null until the org was told of its connection, or was found to have no class for it.
    announced_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- Secrets of a tenant, sealed with the organization and the purpose as associated data.
create table multiconnect.credentials (
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    kind text not null check (kind in ('refresh_token', 'access_token')),
    sealed bytea not null,
    -- Which SECRET sealed it, so that rotation can find what is left under the previous one.
    key_id text not null,
    -- Both kinds of one grant carry the same number; each refresh adds one.
    version bigint not null default 1,
    -- Where the org's API is, and where its token was asked for and is refreshed.
    instance_url text not null,
    login_url text not null,
    -- The identity document of the user who consented; on the refresh token's row.
    identity jsonb,
    -- One refresh at a time over all processes, without a lock held across the HTTP call; refresh token only.
    refresh_lease uuid,
    refresh_lease_until timestamptz,
    -- A refresh was sent whose answer never came: if the next is refused, a rotated token was lost in it.
    refresh_in_doubt boolean not null default false,
    -- Set when Salesforce took the grant back; the row stays until the next consent, for the operator's eyes.
    revoked_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (organization_id, kind),
    constraint credentials_lease check ((refresh_lease is null) = (refresh_lease_until is null))
);
create index credentials_key on multiconnect.credentials (key_id);

-- Consents under way. Only hashes of what the browser carries are kept.
create table multiconnect.consents (
    state_hash bytea primary key check (octet_length(state_hash) = 32),
    -- Null when the admin came without the mail's link; the identity tells the org then.
    organization_id uuid references multiconnect.organizations (id) on delete cascade,
    browser_hash bytea not null check (octet_length(browser_hash) = 32),
    verifier bytea not null,
    -- The origin that was asked, which is also where the code is exchanged.
    login_url text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index consents_expiry on multiconnect.consents (expires_at);

-- Who did what to which tenant.
create table multiconnect.activity (
    id bigint generated always as identity primary key,
    organization_id uuid references multiconnect.organizations (id) on delete cascade,
    -- 'org', 'admin', 'multiconnect', or an operator's name.
    actor text not null check (char_length(actor) between 1 and 200),
    action text not null check (action ~ '^[a-z][a-z_.]{0,99}$'),
    detail text,
    created_at timestamptz not null default now()
);
create index activity_organization on multiconnect.activity (organization_id, id desc);

-- What an operator or an admin should know, until somebody acknowledges it.
create table multiconnect.notifications (
    id bigint generated always as identity primary key,
    organization_id uuid references multiconnect.organizations (id) on delete cascade,
    event_type text not null check (event_type ~ '^[a-z][a-z_.]{0,99}$'),
    message text not null,
    created_at timestamptz not null default now(),
    acknowledged_at timestamptz,
    acknowledged_by text
);
create index notifications_open on multiconnect.notifications (created_at desc) where acknowledged_at is null;
create index notifications_organization on multiconnect.notifications (organization_id, id desc);

-- Every mail, sent or not: without SMTP settings this is where it is read. Also what throttling counts.
create table multiconnect.mails (
    id bigint generated always as identity primary key,
    -- The job that sends it, so that a second start of the job finds the mail of the first.
    job_id text unique,
    organization_id uuid references multiconnect.organizations (id) on delete cascade,
    purpose text not null check (purpose in ('consent', 'unauthorized', 'lost_token')),
    -- Whom it is meant for; in development it may go to another address, which is in sent_to.
    recipient text not null,
    sent_to text,
    subject text not null,
    text_body text not null,
    html_body text not null,
    created_at timestamptz not null default now(),
    -- Null: there was no server to send it with, or sending is still being tried.
    sent_at timestamptz,
    error text
);
create index mails_organization on multiconnect.mails (organization_id, id desc);
create index mails_recipient on multiconnect.mails (recipient, created_at desc);

-- The org's API quota as its answers last told, by the hour.
create table multiconnect.api_usage (
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    hour timestamptz not null,
    used bigint not null check (used >= 0),
    allowed bigint not null check (allowed > 0),
    updated_at timestamptz not null default now(),
    primary key (organization_id, hour)
);

-- Tells at start whether SECRET is the one that the credentials were sealed with.
create table multiconnect.key_checks (
    key_id text primary key,
    check_value bytea not null,
    created_at timestamptz not null default now()
);
