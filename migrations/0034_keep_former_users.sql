-- Users whose grants were replaced or removed. A write without an answer is looked up by the user who may have sent it.
create table multiconnect.former_users (
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    user_id text not null,
    -- When the user's grant ended.
    until timestamptz not null default now(),
    primary key (organization_id, user_id)
);
