-- The series of which an appointment is an additional date, or from which one of its dates was taken out: its UID.
alter table appointments add column series text;
create index appointments_by_series on appointments (clinic_id, series) where series is not null;
