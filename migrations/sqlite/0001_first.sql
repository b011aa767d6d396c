-- The first schema. Every key begins with the clinic; texts are compared byte by byte (binary is SQLite's default).

create table meta (key text not null primary key, value text not null) without rowid;

create table clinics (
    id bigint not null primary key,
    name text not null unique,
    epoch text not null,
    seq bigint not null,
    structure bigint not null
) without rowid;

-- The last id handed out, whatever for: one counter, so that no id is ever used twice.
create table ids (name text not null primary key, last bigint not null) without rowid;
insert into ids (name, last) values ('id', 0);

create table principals (
    clinic_id bigint not null references clinics (id),
    id bigint not null,
    name text not null unique,
    kind text not null,
    display_name text not null,
    email text,
    zone text,
    password_hash text,
    disabled_at bigint,
    created_at bigint not null,
    seq bigint not null,
    home_seq bigint not null,
    primary key (clinic_id, id)
) without rowid;

create table app_passwords (
    clinic_id bigint not null,
    id bigint not null,
    principal_id bigint not null,
    label text not null,
    hash text not null,
    created_at bigint not null,
    used_at bigint,
    revoked_at bigint,
    primary key (clinic_id, id),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id)
) without rowid;
create index app_passwords_by_principal on app_passwords (clinic_id, principal_id, id);

create table collections (
    clinic_id bigint not null,
    id bigint not null,
    owner_id bigint not null,
    slug text not null,
    components text not null,
    display_name text,
    description text,
    color text,
    sort_order bigint,
    timezone text,
    transparent bigint not null,
    created_at bigint not null,
    seq bigint not null,
    created_seq bigint not null,
    changed_seq bigint not null,
    pruned_seq bigint not null,
    primary key (clinic_id, id),
    unique (clinic_id, owner_id, slug),
    foreign key (clinic_id, owner_id) references principals (clinic_id, id)
) without rowid;

-- What is gone from a home, for its sync.
create table collection_tombstones (
    clinic_id bigint not null,
    owner_id bigint not null,
    slug text not null,
    collection_id bigint not null,
    seq bigint not null,
    primary key (clinic_id, owner_id, slug),
    foreign key (clinic_id, owner_id) references principals (clinic_id, id)
) without rowid;

-- The text stands last, so that a scan of the other columns need not walk through its overflow pages.
create table objects (
    clinic_id bigint not null,
    collection_id bigint not null,
    name text not null,
    uid text not null,
    etag blob not null,
    size bigint not null,
    kind bigint not null,
    first bigint not null,
    last bigint not null,
    digest blob not null,
    seq bigint not null,
    created_at bigint not null,
    modified_at bigint not null,
    text blob not null,
    primary key (clinic_id, collection_id, name),
    unique (clinic_id, collection_id, uid),
    foreign key (clinic_id, collection_id) references collections (clinic_id, id)
);
create index objects_by_seq on objects (clinic_id, collection_id, seq);

create table tombstones (
    clinic_id bigint not null,
    collection_id bigint not null,
    name text not null,
    seq bigint not null,
    at bigint not null,
    primary key (clinic_id, collection_id, name),
    foreign key (clinic_id, collection_id) references collections (clinic_id, id)
) without rowid;
create index tombstones_by_seq on tombstones (clinic_id, collection_id, seq);

-- owner_name is '' unless the owner is an object.
create table dead_properties (
    clinic_id bigint not null,
    owner_kind text not null,
    owner_id bigint not null,
    owner_name text not null,
    namespace text not null,
    name text not null,
    xml text not null,
    primary key (clinic_id, owner_kind, owner_id, owner_name, namespace, name)
) without rowid;

create table grants (
    clinic_id bigint not null,
    collection_id bigint not null,
    principal_id bigint not null,
    privilege text not null,
    created_seq bigint not null,
    seq bigint not null,
    primary key (clinic_id, collection_id, principal_id),
    foreign key (clinic_id, collection_id) references collections (clinic_id, id),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id)
) without rowid;
create index grants_by_principal on grants (clinic_id, principal_id, collection_id);

create table feeds (
    clinic_id bigint not null,
    id bigint not null,
    collection_id bigint not null,
    secret_hash blob not null unique,
    scope text not null,
    label text not null,
    created_at bigint not null,
    used_at bigint,
    revoked_at bigint,
    primary key (clinic_id, id),
    foreign key (clinic_id, collection_id) references collections (clinic_id, id)
) without rowid;
create index feeds_by_collection on feeds (clinic_id, collection_id, id);

create table journal (
    clinic_id bigint not null,
    seq bigint not null,
    n bigint not null,
    kind text not null,
    collection_id bigint,
    principal_id bigint,
    name text,
    etag blob,
    origin text not null,
    caller_id bigint,
    at bigint not null,
    primary key (clinic_id, seq, n)
) without rowid;

create table packs (
    clinic_id bigint not null,
    collection_id bigint not null,
    seq bigint not null,
    version text not null,
    body blob not null,
    primary key (clinic_id, collection_id),
    foreign key (clinic_id, collection_id) references collections (clinic_id, id)
);
