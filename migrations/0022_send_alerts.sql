-- Notifications are sent to operators by mail and to a webhook. Null: not sent yet. '-infinity': there was no
-- receiver at that time, or the notification is older than this migration.
alter table multiconnect.notifications
    add column mailed_at timestamptz default '-infinity',
    add column webhook_opened_at timestamptz default '-infinity',
    add column webhook_closed_at timestamptz default '-infinity';
alter table multiconnect.notifications
    alter column mailed_at drop default,
    alter column webhook_opened_at drop default,
    alter column webhook_closed_at drop default;
create index notifications_unmailed on multiconnect.notifications (event_type, id) where mailed_at is null;
create index notifications_mailed on multiconnect.notifications (mailed_at) where mailed_at > '-infinity';
create index notifications_unsent on multiconnect.notifications (id)
    where webhook_opened_at is null or (webhook_closed_at is null and acknowledged_at is not null);

alter table multiconnect.mails drop constraint mails_purpose_check;
alter table multiconnect.mails add constraint mails_purpose_check
    check (purpose in ('consent', 'unauthorized', 'lost_token', 'alert'));
