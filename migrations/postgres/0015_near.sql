-- The trigger of `busy` as it was, but that it asks first whether anything stands near at all: mostly nothing does, and then
-- one look is enough where two were weighed.
create or replace function busy_fits() returns trigger language plpgsql as $$
declare
    near int8range := int8range(new.from_at, new.until_at);
begin
    -- The lock: a real update, once a transaction, so that whoever waited sees what was committed meanwhile, and under
    -- repeatable read is refused. Every statement below has a snapshot of its own (read committed).
    update resources set epoch = epoch + 1 where clinic_id = new.clinic_id and id = new.resource_id
        and xmin <> pg_current_xact_id()::xid;
    if new.overbook = 1 then
        return new;
    end if;
    -- Nothing near: nothing to weigh.
    if not exists (
        select 1 from busy b where b.clinic_id = new.clinic_id and b.resource_id = new.resource_id
            and b.from_at > new.from_at - 172800 and b.from_at < new.until_at and b.until_at > new.from_at
            and b.overbook = 0)
    then
        return new;
    end if;
    if exists (
        select 1 from busy b where b.clinic_id = new.clinic_id and b.resource_id = new.resource_id
            and b.from_at > new.from_at - 172800 and b.from_at < new.until_at
            and b.overbook = 0 and (b.kind = 'block') <> (new.kind = 'block')
            and b.start_at < new.end_at and b.end_at > new.start_at)
    then
        raise exception 'busy: a closed time' using errcode = 'exclusion_violation';
    end if;
    if new.kind = 'block' then
        return new;
    end if;
    -- The number of intervals rises only where one begins: looking there is looking everywhere.
    if exists (
        with beside as materialized (
            select b.from_at, b.start_at, b.end_at, b.until_at from busy b
            where b.clinic_id = new.clinic_id and b.resource_id = new.resource_id
                and b.from_at > new.from_at - 172800 and b.from_at < new.until_at and b.until_at > new.from_at
                and b.overbook = 0 and b.kind <> 'block'),
        points as (
            select new.from_at as instant union select new.start_at
            union select from_at from beside union select start_at from beside)
        select 1 from points p where near @> p.instant
            and (p.instant >= new.start_at and p.instant < new.end_at
                or exists (select 1 from beside where start_at <= p.instant and end_at > p.instant))
            and (select count(*) from beside where from_at <= p.instant and until_at > p.instant) >= new.capacity)
    then
        raise exception 'busy: above capacity' using errcode = 'exclusion_violation';
    end if;
    return new;
end $$;
