-- Signed requests of Canvas that were accepted. Each is accepted once; it is forgotten when its age alone refuses it.
create table multiconnect.canvas_requests (
    -- SHA-256 of the signed text.
    digest bytea primary key check (octet_length(digest) = 32),
    accepted_at timestamptz not null default now()
);
create index canvas_requests_age on multiconnect.canvas_requests (accepted_at);
