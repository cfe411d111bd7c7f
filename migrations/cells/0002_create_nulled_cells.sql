-- Cells that no column type takes: their row is in the table without them, and their text is here until somebody looks.
create table multiconnect_sync.nulled_cells (
    id bigint generated always as identity primary key,
    import_id uuid references multiconnect_sync.imports (id) on delete cascade,
    -- The page it came with.
    locator text not null,
    mapping_id uuid not null,
    organization_id uuid not null,
    sfid text,
    column_name text not null,
    value text not null,
    sql_state text not null,
    reason text not null,
    created_at timestamptz not null default now()
);
create index nulled_cells_mapping on multiconnect_sync.nulled_cells (mapping_id, id);
create index nulled_cells_import on multiconnect_sync.nulled_cells (import_id, locator);
