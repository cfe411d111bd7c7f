-- Settings of a connection: Heroku Connect's features, and ours. Only those that differ from their defaults.
alter table multiconnect.connections add column settings jsonb not null default '{}';
