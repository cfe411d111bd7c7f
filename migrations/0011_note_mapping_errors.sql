-- A mapping whose import failed for good is in error with its reason; the others of its tenant go on.
alter table multiconnect.mappings drop constraint mappings_state_check;
-- ERROR is ours: Heroku Connect's own name for it is not known.
alter table multiconnect.mappings add constraint mappings_state_check check (state in (
    'INITIAL', 'RESYNC', 'RELOAD_TABLE', 'SCHEMA_CHANGED', 'POLLING_SF_CHANGES', 'POLLING_SF_BULK',
    'POLLING_SF_FOR_DELETES', 'WAIT_BULK_LOAD', 'WAIT_BULK_UPDATE', 'LOADING_BULK_JOB', 'DATA_SYNCED',
    'INVALID', 'ERROR'));
-- The last failure of its import, from the first one on; null once the import has succeeded.
alter table multiconnect.mappings add column last_error text, add column last_error_at timestamptz;
