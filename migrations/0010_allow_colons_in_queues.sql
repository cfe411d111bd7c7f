-- Sidekiq's queues may have colons in their names, `mailers:low`. Not validated: what is there kept to a narrower check.
alter domain multiconnect.job_queue drop constraint job_queue_check;
alter domain multiconnect.job_queue
    add constraint job_queue_check check (value ~ '^[A-Za-z0-9_.:-]{1,64}$') not valid;
