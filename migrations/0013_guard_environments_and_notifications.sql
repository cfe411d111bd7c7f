-- Whether a signed registration named the environment. Earlier rows may be a stranger's word: they count as
-- confirmed only if an admin has consented, which authorized_at says.
alter table multiconnect.organizations add column environment_signed boolean not null default false;

-- Who caused a notification, for those that strangers can cause: limits count by source. Null for all others.
alter table multiconnect.notifications add column source text;
-- How many further events a summary stands for; 0 for an ordinary notification. One summary of a type is open.
alter table multiconnect.notifications add column suppressed_count bigint not null default 0;
create unique index notifications_summary on multiconnect.notifications (event_type)
    where suppressed_count > 0 and acknowledged_at is null;
