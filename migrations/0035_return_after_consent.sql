-- Where the browser goes after a consent: a page of ours, or of an origin that the operator allows.
alter table multiconnect.consents
    add column return_target text check (char_length(return_target) between 1 and 2000);
