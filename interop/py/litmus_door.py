"""A door between litmus and a CalDAV server: litmus makes a plain collection and writes plain files, a calendar home
holds calendars and their objects. The door changes two requests and nothing else: the MKCOL of litmus's own test
collection (the first path segment below the home) becomes one that asks for a calendar (RFC 5689), and a PUT without
`Expect` carries a calendar object: a UID of its own for each object that is made, kept until its path is moved or
deleted. Answers pass through untouched.

usage: litmus_door.py LISTEN_PORT SERVER_PORT HOME
"""

import itertools
import socket
import sys
import threading

CALENDAR = (
    b'<?xml version="1.0"?><mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><resourcetype>'
    b"<collection/><C:calendar/></resourcetype></prop></set></mkcol>"
)


UIDS, COUNTER = {}, itertools.count()


def event(path):
    uid = UIDS.setdefault(path, f"litmus-{next(COUNTER)}")
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Kalends//litmus door//EN", "BEGIN:VEVENT", f"UID:{uid}",
        "DTSTAMP:20260101T000000Z", "DTSTART:20260105T090000Z", "DTEND:20260105T093000Z", "SUMMARY:litmus",
        "END:VEVENT", "END:VCALENDAR", "",
    ]
    return "\r\n".join(lines).encode()


def with_body(head, body, kind):
    lines = [line for line in head.split(b"\r\n") if line
             and line.split(b":")[0].lower() not in (b"content-length", b"content-type")]
    lines += [b"Content-Length: %d" % len(body), b"Content-Type: " + kind]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def read_request(client, held):
    """One request out of the client's bytes: (head, body, rest), or None at the end."""
    while b"\r\n\r\n" not in held:
        more = client.recv(65536)
        if not more:
            return None
        held += more
    head, _, rest = held.partition(b"\r\n\r\n")
    fields = dict(
        (name.strip().lower(), value.strip())
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    )
    if b"expect" in fields:
        return head, None, rest
    length = int(fields.get(b"content-length", b"0"))
    while len(rest) < length:
        rest += client.recv(65536)
    return head, rest[:length], rest[length:]


def changed(head, body, home):
    method, path, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
    below = path.removeprefix(home).strip("/")
    if method == "MKCOL" and not body and below == "litmus":
        return with_body(head, CALENDAR, b'application/xml; charset="utf-8"')
    if method in ("MOVE", "DELETE"):
        UIDS.pop(path, None)
    if method == "PUT":
        return with_body(head, event(path), b"text/calendar; charset=utf-8")
    return head + b"\r\n\r\n" + body


def pump(source, sink):
    try:
        while more := source.recv(65536):
            sink.sendall(more)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, server_port, home):
    with client, socket.create_connection(("127.0.0.1", server_port)) as server:
        threading.Thread(target=pump, args=(server, client), daemon=True).start()
        held = b""
        while request := read_request(client, held):
            head, body, held = request
            if body is None:
                server.sendall(head + b"\r\n\r\n" + held)
                pump(client, server)
                return
            server.sendall(changed(head, body, home))


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, int(sys.argv[2]), sys.argv[3]), daemon=True).start()


main()
