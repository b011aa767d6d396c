-- Seats of a session: an appointment of a service that takes several patients at once. `seats` is how many there are, copied
-- into each row so that the database can refuse one too many.
create table seats (
    clinic_id bigint not null,
    uid text not null,
    recurrence_id text not null,
    patient_id bigint not null,
    seats bigint not null check (seats >= 1),
    made_at bigint not null,
    made_by bigint,
    origin text not null,
    seq bigint not null,
    primary key (clinic_id, uid, recurrence_id, patient_id)
) without rowid;
create index seats_by_patient on seats (clinic_id, patient_id);

create trigger seats_fit before insert on seats
begin
    select raise(abort, 'seats: all taken') where (
        select count(*) from seats s where s.clinic_id = new.clinic_id and s.uid = new.uid
            and s.recurrence_id = new.recurrence_id) >= new.seats;
end;
