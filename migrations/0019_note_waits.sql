-- Why a mapping's polls or its import wait at present; null if they do not.
alter table multiconnect.mappings add column wait_detail text;

-- The cause of the states SYSTEM_ERROR and DB_UNAVAILABLE, which do not end before it does: the cell does not answer,
-- tables of the tenant's schema are missing, or the tenant's work fails.
alter table multiconnect.connections add column trouble text check (trouble in ('cell', 'tables', 'work'));
