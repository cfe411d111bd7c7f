-- Mappings: which objects of an org are synced, with Heroku Connect's settings and names of states.
create schema if not exists multiconnect;

create table multiconnect.mappings (
    id uuid primary key default gen_random_uuid(),
    connection_id uuid not null references multiconnect.connections (id) on delete cascade,
    -- As the mapping file names it; the org may know it with the package's namespace.
    object_name text not null check (char_length(object_name) between 1 and 255),
    -- Heroku Connect's config object: access, fields, indexes and so on.
    config jsonb not null check (jsonb_typeof(config) = 'object'),
    -- Heroku Connect's states; the last one is ours, for a mapping that nothing can be synced of.
    state text not null default 'INITIAL' check (state in (
        'INITIAL', 'RESYNC', 'RELOAD_TABLE', 'SCHEMA_CHANGED', 'POLLING_SF_CHANGES', 'POLLING_SF_BULK',
        'POLLING_SF_FOR_DELETES', 'WAIT_BULK_LOAD', 'WAIT_BULK_UPDATE', 'LOADING_BULK_JOB', 'DATA_SYNCED',
        'INVALID')),
    state_description text,
    -- What the org does not allow: an array of {kind, name, message}. The rest is synced.
    problems jsonb not null default '[]' check (jsonb_typeof(problems) = 'array'),
    -- The object's name in the org and its table in the tenant's schema; null until it was first described.
    sf_object_name text,
    table_name text,
    -- Rows as last counted: in Postgres, in Salesforce, and those that no column type takes.
    db_count bigint check (db_count >= 0),
    db_count_at timestamptz,
    sf_count bigint check (sf_count >= 0),
    sf_count_at timestamptz,
    quarantined_count bigint not null default 0 check (quarantined_count >= 0),
    -- From when on changes must be read: taken before the first row was imported.
    time_mark timestamptz,
    import_started_at timestamptz,
    import_finished_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index mappings_object on multiconnect.mappings (connection_id, lower(object_name));
