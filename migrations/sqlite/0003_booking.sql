-- Booking: what can be booked, when it is taken, holds, appointments. `busy` is an index of the texts (and the live
-- holds) that can refuse a row: over all rows not marked overbooked, wherever something stands in its core there are
-- at most `capacity` of them, buffers included, and nothing booked stands in a closed time.

-- What a change onto a taken time does: accept, refuse, put-back; null: the calendar is not bookable.
alter table collections add column policy text;

-- Who or what can be booked: a principal. Rows in `busy` exist up to `reached`; `epoch` is moved to lock it.
create table resources (
    clinic_id bigint not null,
    id bigint not null,
    capacity bigint not null check (capacity >= 1),
    reached bigint not null,
    epoch bigint not null,
    primary key (clinic_id, id),
    foreign key (clinic_id, id) references principals (clinic_id, id)
) without rowid;

-- One interval, or a day's piece of a longer one: start_at to end_at, from_at to until_at with its buffers. It comes
-- from the object `name` of the collection, or (collection_id 0) from the hold `name`. No row is longer than two days,
-- so whatever overlaps an instant begins less than two days before it: the key finds it.
create table busy (
    clinic_id bigint not null,
    resource_id bigint not null,
    from_at bigint not null,
    collection_id bigint not null,
    name text not null,
    occurrence bigint not null,
    start_at bigint not null,
    end_at bigint not null,
    until_at bigint not null,
    kind text not null check (kind in ('visit', 'block', 'hold')),
    capacity bigint not null,
    expires_at bigint,
    overbook bigint not null check (overbook in (0, 1)),
    overbook_by bigint,
    overbook_door text,
    overbook_why text,
    primary key (clinic_id, resource_id, from_at, collection_id, name, occurrence),
    foreign key (clinic_id, resource_id) references resources (clinic_id, id),
    check (from_at <= start_at and start_at < end_at and end_at <= until_at and until_at - from_at <= 172800),
    check (overbook = 0 or overbook_why is not null)
) without rowid;
create index busy_by_source on busy (clinic_id, collection_id, name);
create index busy_by_expiry on busy (clinic_id, expires_at) where expires_at is not null;

create trigger busy_fits before insert on busy when new.overbook = 0
begin
    select raise(abort, 'busy: a closed time') where exists (
        select 1 from busy b where b.clinic_id = new.clinic_id and b.resource_id = new.resource_id
            and b.from_at > new.from_at - 172800 and b.from_at < new.until_at
            and b.overbook = 0 and (b.kind = 'block') <> (new.kind = 'block')
            and b.start_at < new.end_at and b.end_at > new.start_at);
    -- The number of intervals rises only where one begins: looking there is looking everywhere.
    select raise(abort, 'busy: above capacity') where new.kind <> 'block' and exists (
        select 1 from (
            select new.from_at as instant union all select new.start_at
            union all select b.from_at from busy b
                where b.clinic_id = new.clinic_id and b.resource_id = new.resource_id
                and b.from_at >= new.from_at and b.from_at < new.until_at and b.overbook = 0 and b.kind <> 'block'
            union all select b.start_at from busy b
                where b.clinic_id = new.clinic_id and b.resource_id = new.resource_id
                and b.from_at > new.from_at - 172800 and b.from_at < new.until_at and b.overbook = 0
                and b.kind <> 'block' and b.start_at >= new.from_at and b.start_at < new.until_at) p
        where (p.instant >= new.start_at and p.instant < new.end_at or exists (
                select 1 from busy b where b.clinic_id = new.clinic_id and b.resource_id = new.resource_id
                    and b.from_at > p.instant - 172800 and b.from_at <= p.instant and b.overbook = 0
                    and b.kind <> 'block' and b.start_at <= p.instant and b.end_at > p.instant))
            and (select count(*) from busy b where b.clinic_id = new.clinic_id and b.resource_id = new.resource_id
                    and b.from_at > p.instant - 172800 and b.from_at <= p.instant and b.overbook = 0
                    and b.kind <> 'block' and b.until_at > p.instant) >= new.capacity);
end;

-- A row is marked, prolonged or taken away; one that should stand elsewhere is written anew and checked as new.
create trigger busy_stays before update on busy
    when new.overbook < old.overbook or new.capacity < old.capacity or new.kind <> old.kind
        or new.clinic_id <> old.clinic_id or new.resource_id <> old.resource_id
        or new.start_at <> old.start_at or new.end_at <> old.end_at
        or new.from_at <> old.from_at or new.until_at <> old.until_at
begin
    select raise(abort, 'busy: a row stays where it stands');
end;

-- A time kept for minutes. `party` is by whom it is counted against hoarding; `plan` is the maker's own text.
create table holds (
    clinic_id bigint not null,
    id text not null,
    party text not null,
    made_by bigint,
    made_at bigint not null,
    expires_at bigint not null,
    extended bigint not null,
    plan text not null,
    primary key (clinic_id, id)
) without rowid;
create index holds_by_party on holds (clinic_id, party, expires_at);

-- What iCalendar has no word for. recurrence_id is '' for the whole object, else the instant of the occurrence in UTC;
-- an occurrence nobody touched has no row. `resources` are the ids of what is booked with the practitioner.
create table appointments (
    clinic_id bigint not null,
    uid text not null,
    recurrence_id text not null,
    practitioner_id bigint not null,
    resources text not null,
    patient_id bigint,
    service text,
    status text not null,
    start_at bigint not null,
    end_at bigint not null,
    details text,
    made_at bigint not null,
    made_by bigint,
    origin text not null,
    changed_at bigint not null,
    changed_by bigint,
    changed_origin text not null,
    reason text,
    checked_in_at bigint,
    started_at bigint,
    ended_at bigint,
    seq bigint not null,
    primary key (clinic_id, uid, recurrence_id)
);
create index appointments_by_practitioner on appointments (clinic_id, practitioner_id, start_at);
create index appointments_by_patient on appointments (clinic_id, patient_id, start_at) where patient_id is not null;
