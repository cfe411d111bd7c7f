-- Each start of an import's job writes a token of its own here; a step of any other start is refused.
alter table multiconnect_sync.imports add column claim uuid;
-- Why the rows are not read by the method that the number of records calls for, such as INVALIDENTITY.
alter table multiconnect_sync.imports add column method_reason text;
-- Finished imports are removed after a while.
create index imports_finished on multiconnect_sync.imports (finished_at) where state <> 'open';
