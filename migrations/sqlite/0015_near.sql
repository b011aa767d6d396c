-- The trigger of `busy` as it was, but that it asks first whether anything stands near at all: mostly nothing does, and then
-- one look is enough where two were weighed.
drop trigger busy_fits;
create trigger busy_fits before insert on busy when new.overbook = 0 and exists (
    select 1 from busy b where b.clinic_id = new.clinic_id and b.resource_id = new.resource_id
        and b.from_at > new.from_at - 172800 and b.from_at < new.until_at and b.until_at > new.from_at
        and b.overbook = 0)
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
