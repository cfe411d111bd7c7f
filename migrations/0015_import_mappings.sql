-- Imports of mapping files into one tenant's connection.
create table multiconnect.mapping_imports (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references multiconnect.organizations (id) on delete cascade,
    -- Heroku Connect's export format. Null once the import has ended.
    file jsonb,
    requested_by text not null check (char_length(requested_by) between 1 and 200),
    state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed')),
    -- An array of {object, action, detail}, in the order of the steps.
    progress jsonb not null default '[]' check (jsonb_typeof(progress) = 'array'),
    error text,
    created_at timestamptz not null default now(),
    finished_at timestamptz
);
create index mapping_imports_organization on multiconnect.mapping_imports (organization_id, created_at desc);
