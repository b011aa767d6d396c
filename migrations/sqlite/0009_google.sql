-- Google, both ways. A remote is somebody's account there; its tokens are sealed by a key that is not in here.
create table remotes (
    clinic_id bigint not null,
    id bigint not null,
    principal_id bigint not null,
    subject text not null,
    email text not null,
    scopes text not null,
    refresh blob,
    access blob,
    access_until bigint not null,
    state text not null,
    reason text not null,
    connected_at bigint not null,
    primary key (clinic_id, id),
    unique (clinic_id, principal_id, subject),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id) on delete cascade
) without rowid;

-- A consent under way: used once, within minutes. hash: SHA-256 of the state that travels.
create table consents (
    clinic_id bigint not null,
    hash blob not null,
    principal_id bigint not null,
    verifier blob not null,
    scopes text not null,
    expires_at bigint not null,
    remote_id bigint,
    primary key (clinic_id, hash),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id) on delete cascade
) without rowid;

-- A calendar there and one of ours. token: where the next pull begins; cursor: where the next push looks for changes.
-- dirty counts notifications, done is what the last pull covered. due_at: when it must be worked on next.
create table links (
    clinic_id bigint not null,
    id bigint not null,
    remote_id bigint not null,
    calendar text not null,
    collection_id bigint not null,
    terms text not null,
    state text not null,
    reason text not null,
    token text,
    cursor text,
    dirty bigint not null,
    done bigint not null,
    due_at bigint not null,
    polled_at bigint not null,
    fails bigint not null,
    lease_owner text not null,
    lease_until bigint not null,
    primary key (clinic_id, id),
    unique (clinic_id, calendar, collection_id),
    foreign key (clinic_id, remote_id) references remotes (clinic_id, id) on delete cascade,
    foreign key (clinic_id, collection_id) references collections (clinic_id, id) on delete cascade
) without rowid;
create index links_by_time on links (due_at);
create index links_by_collection on links (clinic_id, collection_id);

-- One event there and what it is here: an object, or one occurrence of it (recurrence, empty for the whole).
-- base: the fields both sides last agreed on. gone_at: it is no more, and its id there is never used again.
create table twins (
    clinic_id bigint not null,
    link_id bigint not null,
    uid text not null,
    recurrence text not null,
    name text not null,
    event text not null,
    born text not null,
    generation bigint not null,
    etag text not null,
    base text not null,
    gone_at bigint,
    primary key (clinic_id, link_id, uid, recurrence),
    foreign key (clinic_id, link_id) references links (clinic_id, id) on delete cascade
) without rowid;
create index twins_by_event on twins (clinic_id, link_id, event);
create index twins_by_name on twins (clinic_id, link_id, name);

-- What is still to be carried over, or could not be: one row a thing. way: push (key: the object's name) or pull (key:
-- the event's id).
create table errands (
    clinic_id bigint not null,
    link_id bigint not null,
    way text not null,
    key text not null,
    attempt bigint not null,
    next_at bigint not null,
    state text not null,
    reason text not null,
    since bigint not null,
    primary key (clinic_id, link_id, way, key),
    foreign key (clinic_id, link_id) references links (clinic_id, id) on delete cascade
) without rowid;
create index errands_by_time on errands (clinic_id, link_id, state, next_at);

-- A promise of Google to tell of changes. hash: SHA-256 of the secret it echoes.
create table channels (
    clinic_id bigint not null,
    id text not null,
    link_id bigint not null,
    resource text not null,
    hash blob not null,
    state text not null,
    made_at bigint not null,
    expires_at bigint not null,
    primary key (clinic_id, id),
    foreign key (clinic_id, link_id) references links (clinic_id, id) on delete cascade
) without rowid;
create index channels_by_id on channels (id);
create index channels_by_link on channels (clinic_id, link_id);

-- What a person of the office should know of a link: merged, reverted, refused. No titles, no people.
create table link_notes (
    clinic_id bigint not null,
    link_id bigint not null,
    n bigint not null,
    at bigint not null,
    kind text not null,
    uid text not null,
    body text not null,
    primary key (clinic_id, link_id, n),
    foreign key (clinic_id, link_id) references links (clinic_id, id) on delete cascade
) without rowid;
