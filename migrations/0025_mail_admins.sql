-- Notifications that a tenant's admin can end are mailed to that admin. Null: not mailed. '-infinity': such mails were off at
-- that time, or the notification is older than this migration.
alter table multiconnect.notifications add column admin_mailed_at timestamptz default '-infinity';
alter table multiconnect.notifications alter column admin_mailed_at drop default;
create index notifications_admin_unmailed on multiconnect.notifications (organization_id, event_type)
    where admin_mailed_at is null;
create index notifications_admin_mailed on multiconnect.notifications (organization_id, event_type, admin_mailed_at)
    where admin_mailed_at > '-infinity';

alter table multiconnect.mails drop constraint mails_purpose_check;
alter table multiconnect.mails add constraint mails_purpose_check
    check (purpose in ('consent', 'unauthorized', 'lost_token', 'alert', 'admin_alert'));
