-- Our own API calls by purpose, in hours. The total of all integrations is in api_usage.
create table multiconnect.api_calls (
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    hour timestamptz not null,
    kind text not null check (kind ~ '^[a-z]{1,20}$'),
    -- The object's API name; empty for calls about the org.
    object text not null check (char_length(object) <= 255),
    calls bigint not null check (calls > 0),
    primary key (organization_id, hour, kind, object)
)
with (fillfactor = 80);
create index api_calls_age on multiconnect.api_calls using brin (hour);
