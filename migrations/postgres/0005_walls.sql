-- The second wall between clinics: whatever a statement forgets, a session sees the rows of the clinic it says it is in.
-- 0 stands for all of them: what must be read before the clinic is known (a login's name, the hash of a secret), backup
-- and restore, migrations. Nothing said: no row. `force`: the owner of the tables too. A superuser walks through.
-- The setting is read once a statement, because it stands in a sub-select.
do $$
declare
    walled record;
begin
    for walled in
        select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and a.attname = 'clinic_id'
    loop
        execute format('alter table %I enable row level security', walled.name);
        execute format('alter table %I force row level security', walled.name);
        execute format(
            'create policy clinic on %I using '
            '((select nullif(current_setting(''kalends.clinic'', true), '''')::bigint) in (clinic_id, 0))',
            walled.name);
    end loop;
end $$;
