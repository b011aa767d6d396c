-- A clinic's people and things: roles, tokens, what can be chosen (terms), what is booked (services), patients, requests,
-- keys of repeated calls, and the audit.

-- Null: no part in the clinic's work; only calendars of its own.
alter table principals add column role text;

-- The hash of the last row of this clinic's audit; null: it has none.
alter table clinics add column audit_head blob;

create table tokens (
    clinic_id bigint not null,
    id bigint not null,
    principal_id bigint not null,
    label text not null,
    secret_hash blob not null unique,
    scopes text not null,
    created_at bigint not null,
    expires_at bigint,
    used_at bigint,
    revoked_at bigint,
    primary key (clinic_id, id),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id)
) without rowid;
create index tokens_by_principal on tokens (clinic_id, principal_id, id);

-- Of whoever can be booked: what no calendar says.
create table profiles (
    clinic_id bigint not null,
    principal_id bigint not null,
    status text not null,
    public bigint not null,
    online bigint not null,
    licence text,
    qualifications text,
    seq bigint not null,
    primary key (clinic_id, principal_id),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id)
) without rowid;

create table terms (
    clinic_id bigint not null,
    id bigint not null,
    dimension text not null,
    code text not null,
    name text not null,
    detail text,
    disabled_at bigint,
    seq bigint not null,
    primary key (clinic_id, id),
    unique (clinic_id, dimension, code)
) without rowid;

-- weekdays: bit 0 is Monday; 127 is every day.
create table resource_terms (
    clinic_id bigint not null,
    principal_id bigint not null,
    term_id bigint not null,
    weekdays bigint not null check (weekdays between 1 and 127),
    primary key (clinic_id, principal_id, term_id),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id),
    foreign key (clinic_id, term_id) references terms (clinic_id, id)
) without rowid;
create index resource_terms_by_term on resource_terms (clinic_id, term_id, principal_id);

-- Lengths in minutes unless the name says otherwise; fee in the smallest unit of its currency.
create table services (
    clinic_id bigint not null,
    id bigint not null,
    code text not null,
    name text not null,
    modes text not null,
    minutes bigint not null check (minutes > 0),
    step bigint not null check (step > 0),
    pad_before bigint not null,
    pad_after bigint not null,
    notice bigint not null,
    horizon_days bigint not null,
    day_limit bigint,
    week_limit bigint,
    seats bigint not null check (seats > 0),
    needs text not null,
    hold_patient bigint,
    hold_staff bigint,
    fee bigint,
    currency text,
    cancel_window bigint not null,
    disabled_at bigint,
    seq bigint not null,
    primary key (clinic_id, id),
    unique (clinic_id, code)
) without rowid;

-- What is different when this practitioner, room or thing does it; null: as the service says.
create table service_overrides (
    clinic_id bigint not null,
    service_id bigint not null,
    principal_id bigint not null,
    offered bigint not null,
    minutes bigint,
    pad_before bigint,
    pad_after bigint,
    day_limit bigint,
    week_limit bigint,
    fee bigint,
    primary key (clinic_id, service_id, principal_id),
    foreign key (clinic_id, service_id) references services (clinic_id, id),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id)
) without rowid;
create index service_overrides_by_principal on service_overrides (clinic_id, principal_id, service_id);

-- The keys are what phone and mail come down to when written in one way: for caps and for finding somebody again.
create table patients (
    clinic_id bigint not null,
    id bigint not null,
    external_id text,
    name text not null,
    phone text,
    phone_key text,
    email text,
    email_key text,
    zone text,
    language text,
    created_at bigint not null,
    disabled_at bigint,
    seq bigint not null,
    primary key (clinic_id, id),
    unique (clinic_id, external_id)
) without rowid;
create index patients_by_phone on patients (clinic_id, phone_key, id);
create index patients_by_email on patients (clinic_id, email_key, id);

-- Leave: asked for, then decided. first and last: seconds UTC, half open.
create table requests (
    clinic_id bigint not null,
    id bigint not null,
    kind text not null,
    principal_id bigint not null,
    first bigint not null,
    last bigint not null,
    body text not null,
    status text not null,
    object_name text,
    created_by bigint,
    created_at bigint not null,
    decided_by bigint,
    decided_at bigint,
    seq bigint not null,
    primary key (clinic_id, id),
    check (first < last),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id)
) without rowid;
create index requests_by_principal on requests (clinic_id, principal_id, id);
create index requests_by_status on requests (clinic_id, status, id);

-- A call with a key is done once. status null: it is being done.
create table idempotency (
    clinic_id bigint not null,
    credential text not null,
    key text not null,
    body_hash blob not null,
    begun_at bigint not null,
    status bigint,
    answer blob,
    primary key (clinic_id, credential, key)
) without rowid;
create index idempotency_by_time on idempotency (clinic_id, begun_at);

-- Append only. hash: SHA-256 of the hash before and of this row.
create table audit (
    clinic_id bigint not null,
    seq bigint not null,
    n bigint not null,
    at bigint not null,
    actor_id bigint,
    credential text not null,
    door text not null,
    kind text not null,
    subject text not null,
    body text not null,
    hash blob not null,
    primary key (clinic_id, seq, n)
) without rowid;
create index audit_by_subject on audit (clinic_id, subject, seq, n);
create index audit_by_actor on audit (clinic_id, actor_id, seq, n);
create trigger audit_is_never_changed before update on audit begin
    select raise(abort, 'a row of the audit is never changed');
end;
