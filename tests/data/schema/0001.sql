-- Made by hand: what an installation of schema 1 may hold, odd things among them. Blobs are written x'..'.
insert into meta (key, value) values ('schema', '1'), ('installation', '00112233445566778899aabbccddeeff'), ('secret', '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');
insert into clinics (id, name, epoch, seq, structure) values (1, 'default', 'e1', 9, 8);
update ids set last = 40 where name = 'id';
insert into principals (clinic_id, id, name, kind, display_name, email, zone, password_hash, disabled_at, created_at, seq, home_seq) values (1, 2, 'ada', 'individual', 'Dr. Äda "Ω"', null, 'Europe/Berlin', null, null, 0, 1, 3), (1, 3, 'gone@x', 'room', ' ', 'a@b', 'Mars/Base', '$argon2id$', 7, 0, 2, 2);
insert into collections (clinic_id, id, owner_id, slug, components, display_name, description, color, sort_order, timezone, transparent, created_at, seq, created_seq, changed_seq, pruned_seq) values (1, 10, 2, 'inbox', 'VEVENT', 'Eingang', null, null, -5, 'no zone', 1, 0, 9, 3, 3, 0), (1, 11, 2, 'visits', 'VEVENT,VTODO', null, '', '#fff', null, null, 0, 0, 5, 4, 4, 4);
insert into objects (clinic_id, collection_id, name, uid, etag, size, kind, first, last, digest, seq, created_at, modified_at, text) values (1, 10, 'a b/%2f.ics', 'u', x'9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 4, 99, -1, 2305843009213693951, x'00', 9, 0, 0, x'74657374');
insert into dead_properties (clinic_id, owner_kind, owner_id, owner_name, namespace, name, xml) values (1, 'object', 10, 'a b/%2f.ics', '', 'x', '<x/>');
insert into packs (clinic_id, collection_id, seq, version, body) values (1, 10, 9, '1.1.old', x'ff');
insert into tombstones (clinic_id, collection_id, name, seq, at) values (1, 11, 'c.ics', 5, 0);
insert into grants (clinic_id, collection_id, principal_id, privilege, created_seq, seq) values (1, 11, 3, 'busy', 6, 6);
