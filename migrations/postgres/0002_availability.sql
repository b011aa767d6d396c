-- When somebody may be booked at all: CALDAV:calendar-availability of their scheduling inbox (RFC 7953 7.2.4), byte for
-- byte, and what the index keeps of it.

create table availabilities (
    clinic_id bigint not null,
    principal_id bigint not null,
    text text not null,
    digest bytea not null,
    seq bigint not null,
    primary key (clinic_id, principal_id),
    foreign key (clinic_id, principal_id) references principals (clinic_id, id)
);

-- The inbox takes its place in every home; a calendar that stood there keeps all but its address.
update collections set slug = 'inbox-' || id where slug = 'inbox';
