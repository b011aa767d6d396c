-- What the planner is to believe of the tables. Nothing is counted here, ever: a clinic that has just begun looks like one
-- of thousands. Without this SQLite takes every clinic for ten rows, and would rather read all of its millions, one by one,
-- than use a longer key. So: a million rows, nearly all of one clinic; each further column of a key leaves far fewer; a
-- whole key leaves one; an index of some rows has few; and nothing is looked for in one clinic after the other.
--
-- Whoever adds an index says this again, at the end of its step (a test compares).
analyze sqlite_schema;
delete from sqlite_stat1;
insert into sqlite_stat1 (tbl, idx, stat)
select t.name,
    case when l.origin = 'pk' and t.sql like '%without rowid%' then t.name else l.name end,
    n.all_of_it || ' ' || (
        select group_concat(case
            when l."unique" = 1 and c.seqno = (select max(seqno) from pragma_index_info(l.name)) then 1
            when c.seqno = 0 and c.name = 'clinic_id' then n.all_of_it
            when c.seqno <= 1 then max(2, n.all_of_it / 1000)
            when c.seqno = 2 then max(2, n.all_of_it / 10000)
            else max(2, n.all_of_it / 50000)
        end, ' ')
        from pragma_index_info(l.name) as c) || ' noskipscan'
from sqlite_schema as t
    cross join pragma_index_list(t.name) as l
    cross join (select 0 as some, 1000000 as all_of_it union all select 1, 10000) as n
where t.type = 'table' and t.name not like 'sqlite\_%' escape '\' and n.some = l.partial;
analyze sqlite_schema;
