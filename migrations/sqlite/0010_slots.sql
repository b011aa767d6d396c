-- What the search for free times counts and is asked for.

-- What an interval counts for where a service is limited a day or a week: the service's code; null: for nothing.
alter table busy add column service text;

-- A hold is counted twice against hoarding: by the phone and by the mail address it was made for.
alter table holds add column other_party text;
create index holds_by_other_party on holds (clinic_id, other_party, expires_at) where other_party is not null;

-- Where and how it is held: a term of the dimension location, the code of one of the dimension mode.
alter table appointments add column location_id bigint;
alter table appointments add column mode text;
create index appointments_by_start on appointments (clinic_id, start_at);
