-- The list of an account's calendars at Google. list_at: when it must be looked at next; unlinked: calendars in it that no
-- link has. A link's name: what its calendar is called there.
alter table remotes add column list_at bigint not null default 0;
alter table remotes add column unlinked bigint not null default 0;
alter table links add column name text not null default '';
create index remotes_by_list on remotes (list_at);

-- Whether an errand is only of a first look at a calendar, or of all of it anew; whether only such ones are left to a link.
-- What is fresh goes before them.
alter table errands add column backfill bigint not null default 0;
alter table links add column backfill bigint not null default 0;
create index links_by_turn on links (backfill, due_at);

-- The life of the database (its clinic's epoch) in which a channel was opened; another's is of before a restore.
alter table channels add column life text not null default '';

-- A promise of Google to tell of changes in an account's list of calendars; like channels, which are of a link.
create table list_channels (
    clinic_id bigint not null,
    id text not null,
    remote_id bigint not null,
    resource text not null,
    hash blob not null,
    state text not null,
    made_at bigint not null,
    expires_at bigint not null,
    life text not null,
    primary key (clinic_id, id),
    foreign key (clinic_id, remote_id) references remotes (clinic_id, id) on delete cascade
) without rowid;
create index list_channels_by_id on list_channels (id);
create index list_channels_by_remote on list_channels (clinic_id, remote_id);
