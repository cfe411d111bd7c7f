-- Workers hold tenants and read their changes. These notifications tell them of changes at once.

-- An operator paused the mapping: its changes are not read, and it is not imported. Local changes are captured.
alter table multiconnect.mappings add column paused_at timestamptz;

-- The payload is the organization's id. Postgres removes duplicates within a transaction.
create function multiconnect.announce_tenant() returns trigger language plpgsql as $$
begin
    perform pg_notify('multiconnect_tenants', new.id::text);
    return null;
end
$$;

create trigger announce_tenant after update of status, cell on multiconnect.organizations
    for each row when (old.status is distinct from new.status or old.cell is distinct from new.cell)
    execute function multiconnect.announce_tenant();

create function multiconnect.announce_mapping() returns trigger language plpgsql as $$
begin
    perform pg_notify('multiconnect_tenants', c.organization_id::text)
    from multiconnect.connections c where c.id = coalesce(new.connection_id, old.connection_id);
    return null;
end
$$;

create trigger announce_mapping after insert or delete on multiconnect.mappings
    for each row execute function multiconnect.announce_mapping();

-- Not the state: it changes with each poll.
create trigger announce_changed_mapping
    after update of config, paused_at, import_finished_at on multiconnect.mappings
    for each row
    when (old.config is distinct from new.config or old.paused_at is distinct from new.paused_at
        or old.import_finished_at is distinct from new.import_finished_at)
    execute function multiconnect.announce_mapping();
