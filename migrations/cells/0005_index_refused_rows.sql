-- Changes and reads keep one entry per refused row, which goes when the row is written.
create index quarantined_rows_record on multiconnect_sync.quarantined_rows (mapping_id, sfid);
create index nulled_cells_record on multiconnect_sync.nulled_cells (mapping_id, sfid);

-- Imports that merge into a table with rows.
alter table multiconnect_sync.imports
    add column kind text not null default 'import' check (kind in ('import', 'reload'));
-- An import and a reload of a mapping can be open at the same time: each belongs to a job of its own.
drop index multiconnect_sync.imports_open;
create unique index imports_open on multiconnect_sync.imports (mapping_id, kind) where state = 'open';

-- The records that a reload has read. The table's other rows are read again by id at its end.
create table multiconnect_sync.reload_records (
    import_id uuid not null references multiconnect_sync.imports (id) on delete cascade,
    sfid varchar(18) not null,
    primary key (import_id, sfid)
);
