-- Whether it was said of a hold that it ran out by itself: said once, whatever node looks. Ending stays a comparison.
alter table holds add column told bigint not null default 0;
create index holds_untold on holds (clinic_id, expires_at) where told = 0;
