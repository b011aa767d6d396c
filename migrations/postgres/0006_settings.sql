-- What a clinic decides for all of it: how long a time is kept, how visits are called. JSON, as the clinic room reads it.
create table settings (
    clinic_id bigint not null references clinics (id),
    body text not null,
    seq bigint not null,
    primary key (clinic_id)
);
alter table settings enable row level security;
alter table settings force row level security;
create policy clinic on settings using
    ((select nullif(current_setting('kalends.clinic', true), '')::bigint) in (clinic_id, 0));
