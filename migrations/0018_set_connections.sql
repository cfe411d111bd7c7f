-- Settings of a connection: Heroku Connect's features, and ours. Only those that differ from their defaults.
alter table multiconnect.connections add column settings jsonb not null default '{}';

-- Workers read changed settings at once.
create function multiconnect.announce_connection() returns trigger language plpgsql as $$
begin
    perform pg_notify('multiconnect_tenants', new.organization_id::text);
    return null;
end
$$;

create trigger announce_connection after update of settings on multiconnect.connections
    for each row when (old.settings is distinct from new.settings)
    execute function multiconnect.announce_connection();
