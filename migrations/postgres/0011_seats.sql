-- Seats of a session: an appointment of a service that takes several patients at once. `seats` is how many there are, copied
-- into each row so that the database can refuse one too many.
create table seats (
    clinic_id bigint not null,
    uid text collate "C" not null,
    recurrence_id text collate "C" not null,
    patient_id bigint not null,
    seats bigint not null check (seats >= 1),
    made_at bigint not null,
    made_by bigint,
    origin text not null,
    seq bigint not null,
    primary key (clinic_id, uid, recurrence_id, patient_id)
);
create index seats_by_patient on seats (clinic_id, patient_id);
alter table seats enable row level security;
alter table seats force row level security;
create policy clinic on seats using
    ((select nullif(current_setting('kalends.clinic', true), '')::bigint) in (clinic_id, 0));

-- The row of the whole is locked first: two who want the last seat are counted one after the other.
create function seats_fit() returns trigger language plpgsql as $$
begin
    perform 1 from appointments a where a.clinic_id = new.clinic_id and a.uid = new.uid and a.recurrence_id = ''
        for update;
    if (select count(*) from seats s where s.clinic_id = new.clinic_id and s.uid = new.uid
            and s.recurrence_id = new.recurrence_id) >= new.seats
    then
        raise exception 'seats: all taken' using errcode = 'exclusion_violation';
    end if;
    return new;
end $$;
create trigger seats_fit before insert on seats for each row execute function seats_fit();
