-- Where orgs send outbound messages to: /outbound/<org>/<token>. One token per tenant.
create table multiconnect.outbound_endpoints (
    organization_id uuid primary key references multiconnect.organizations (id) on delete cascade,
    token_hash bytea not null check (octet_length(token_hash) = 32),
    created_at timestamptz not null default now()
);
