-- Since when a tenant has its status, and indexes for the lists of tenants.

alter table multiconnect.organizations add column status_since timestamptz not null default now();
update multiconnect.organizations set status_since = updated_at;

create function multiconnect.note_status() returns trigger language plpgsql as $$
begin
    new.status_since := now();
    return new;
end
$$;

create trigger note_status before update of status on multiconnect.organizations
    for each row when (old.status is distinct from new.status)
    execute function multiconnect.note_status();

create index mappings_failed on multiconnect.mappings (connection_id) where state = 'ERROR';
-- The sums of rows are read from the index only.
create index mappings_rows on multiconnect.mappings (connection_id) include (db_count);
