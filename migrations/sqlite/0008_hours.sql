-- Days on which a whole clinic is closed stand once: as blocks of one resource whose closed time is everybody's.
alter table resources add column house bigint not null default 0 check (house in (0, 1));
create unique index resources_house on resources (clinic_id) where house = 1;
