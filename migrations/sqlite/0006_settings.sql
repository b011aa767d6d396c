-- What a clinic decides for all of it: how long a time is kept, how visits are called. JSON, as the clinic room reads it.
create table settings (
    clinic_id bigint not null references clinics (id),
    body text not null,
    seq bigint not null,
    primary key (clinic_id)
) without rowid;
