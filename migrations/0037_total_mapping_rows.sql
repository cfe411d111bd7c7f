-- The rows of each connection's mappings, so that the list of tenants by rows sums nothing. A trigger keeps the sum, because it is
-- right for each statement that writes or removes mappings, also of an older version. The sum has a table of its own: an import
-- that ends must not wait for a transaction that holds the connection's row.
create table multiconnect.mapping_totals (
    connection_id uuid primary key references multiconnect.connections (id) on delete cascade,
    db_rows bigint not null
);

-- No mapping changes between the sum and the trigger.
lock table multiconnect.mappings in share row exclusive mode;
insert into multiconnect.mapping_totals (connection_id, db_rows)
select connection_id, sum(db_count) from multiconnect.mappings where db_count is not null group by connection_id;

create function multiconnect.total_mapping_rows() returns trigger language plpgsql as $$
begin
    -- The connection of a removed mapping may be removed already, so nothing is inserted.
    if tg_op <> 'INSERT' and coalesce(old.db_count, 0) <> 0 then
        update multiconnect.mapping_totals set db_rows = db_rows - old.db_count where connection_id = old.connection_id;
    end if;
    if tg_op <> 'DELETE' and coalesce(new.db_count, 0) <> 0 then
        insert into multiconnect.mapping_totals as t (connection_id, db_rows) values (new.connection_id, new.db_count)
        on conflict (connection_id) do update set db_rows = t.db_rows + excluded.db_rows;
    end if;
    return null;
end
$$;

create trigger total_mapping_rows after insert or delete on multiconnect.mappings
    for each row execute function multiconnect.total_mapping_rows();
create trigger total_changed_mapping_rows after update of db_count, connection_id on multiconnect.mappings
    for each row when (old.db_count is distinct from new.db_count or old.connection_id <> new.connection_id)
    execute function multiconnect.total_mapping_rows();
