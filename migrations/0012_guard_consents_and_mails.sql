-- Until now anybody who knew an org id could replace its environment. For orgs that have consented, the address
-- that their admin logged in at is known.
update multiconnect.organizations as o
set environment = case c.login_url
        when 'https://login.salesforce.com' then 'production'
        when 'https://test.salesforce.com' then 'sandbox'
        else substr(c.login_url, 9) end
from multiconnect.credentials as c
where c.organization_id = o.id and c.kind = 'refresh_token'
  and c.login_url ~ '^https://([a-z0-9.-]+[.]my[.](salesforce[.](com|mil)|sfcrmproducts[.]cn)|login[.]salesforce[.]com|test[.]salesforce[.]com)$';

-- Refusals that do not end a grant: the first since the last success, the last, and when operators were notified.
alter table multiconnect.credentials
    add column refresh_refused_since timestamptz,
    add column refresh_refused_at timestamptz,
    add column refresh_refusal_told_at timestamptz;

-- Where a registration came from that caused the mail; null if it was signed, or if nobody asked for it.
alter table multiconnect.mails add column source text;
create index mails_source on multiconnect.mails (source, created_at desc) where source is not null;
create index mails_created on multiconnect.mails (created_at desc) where purpose = 'consent';
