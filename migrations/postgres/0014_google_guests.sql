-- Whether an errand is nothing that somebody here asked for just now: a backfill, or what a comparison found to be sent. An
-- event's guests hear nothing of it.
alter table errands add column quiet bigint not null default 0;
