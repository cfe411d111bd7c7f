-- Lists of dead and cancelled jobs by tenant or by class, and open notifications by tenant. Jobs that end well have no entry in these
-- indexes.
create index jobs_organization_aside on multiconnect.jobs (organization_id, aside, finished_at, id)
    where organization_id is not null and aside is not null and finished_at is not null;
create index jobs_class_aside on multiconnect.jobs (class, aside, finished_at, id)
    where aside is not null and finished_at is not null;
create index notifications_open_organization on multiconnect.notifications (organization_id)
    where acknowledged_at is null and organization_id is not null;
