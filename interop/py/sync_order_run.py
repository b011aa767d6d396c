"""R2a: PUTs from four clients against a server under strace, then the order of its system calls.

For every answer `HTTP/1.1 20x` to a PUT that leaves by a write to a socket, the request is the last read on the same
socket that carried `PUT /`; between that read and the departure a sync call on the write-ahead log must have *begun
after the log was written for it and returned*. What is asserted is the part that can be seen from outside without
knowing the threads: at least one write to the -wal file after the request was read, and after the last such write that
the answer can depend on, a finished sync. Grouped commits are fine: one sync may cover many answers.
In MODE=normal the same analysis must find violations (the control)."""

import os
import re
import sys
import threading

from dav import Server, client_of, event

WRITES, MODE, TRACE = int(os.environ["WRITES"]), os.environ["MODE"], os.environ["trace"]
CALLS = "trace=read,recvfrom,recvmsg,readv,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync,openat,close,accept4"
HOME = "/dav/calendars/user1/default/"


def write_all():
    refused = []

    def worker(number):
        line = client_of("user1", timeout=60)
        for n in range(number, WRITES, 4):
            answer = line.put(f"{HOME}order-{n}.ics", event(f"order-{n}@interop", f"Order {n}"), If_None_Match="*")
            if answer.status != 201:
                refused.append(answer.status)

    threads = [threading.Thread(target=worker, args=(n,)) for n in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not refused, f"PUT refused: {refused[:5]}"


CALL = re.compile(r"^(\d+)\s+([\d.]+) (\w+)\((.*)$")
RESUMED = re.compile(r"^(\d+)\s+([\d.]+) <\.\.\. (\w+) resumed>(.*)$")


def events():
    """(kind, name, rest) in the order of the trace: `begin` and `end` of each call, with all its arguments at both."""
    pending = {}
    with open(TRACE, errors="replace") as lines:
        for line in lines:
            if found := RESUMED.match(line):
                thread, _, name, rest = found.groups()
                yield "end", name, pending.pop(thread, "") + rest
            elif found := CALL.match(line):
                thread, _, name, rest = found.groups()
                yield "begin", name, rest
                if "<unfinished ...>" in rest:
                    pending[thread] = rest
                else:
                    yield "end", name, rest


def analyse():
    """(2xx answers seen, those that left without a covering sync, syncs of the log, writes to the log)

    The descriptor's path comes from strace -y. `covered` is the place of the beginning of the newest sync of the log
    that has returned: whatever was written to the log before that place is on the disk."""
    place = syncs = logged = answers = early = 0
    covered = -1
    last_log, begun, asked = -1, [], {}
    for kind, name, rest in events():
        place += 1
        log = "-wal>" in rest.split(",")[0] or "-wal>" in rest.split(")")[0]
        if name in ("fsync", "fdatasync") and log:
            if kind == "begin":
                begun.append(place)
            elif begun:
                syncs += 1
                covered = max(covered, begun.pop(0))
        elif name in ("pwrite64", "pwritev", "write", "writev") and log:
            if kind == "end":
                logged += 1
                last_log = place
        elif name in ("read", "recvfrom", "recvmsg", "readv") and kind == "end" and "PUT /dav/calendars/" in rest:
            asked[rest.split(",")[0].split(">")[0]] = place
        elif name in ("write", "writev", "sendto", "sendmsg") and kind == "begin" and re.search(r'"HTTP/1\.1 20[014]', rest):
            socket = rest.split(",")[0].split(">")[0]
            if socket in asked:
                answers += 1
                early += covered < asked.pop(socket)
    return answers, early, syncs, logged


def main():
    server = Server(before=["strace", "-f", "-y", "-ttt", "-s", "96", "-e", CALLS, "-o", TRACE])
    server.start(120)
    write_all()
    os.system(f"kill -TERM $(pgrep -P {server.process.pid})")
    server.process.wait(timeout=60)
    answers, early, syncs, logged = analyse()
    print(
        f"  synchronous={MODE}: {answers} answers 2xx, {early} before their sync, {syncs} syncs of the log for {logged} "
        "writes to it", file=sys.stderr,
    )
    assert answers == WRITES, f"the trace shows {answers} answers for {WRITES} writes"
    assert logged > 0, "the trace shows no write to the log"
    if MODE == "full":
        assert early == 0 and syncs > 0, f"{early} answers left before their sync"
    else:
        assert early > answers * 0.5, "the control was not caught: this test cannot see a missing sync"


main()
