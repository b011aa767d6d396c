"""Requests over kept connections, as many at a time as there are clients, each timed: raw sockets under one event loop,
because a driver of threads would measure itself. What is timed ends with the last byte of the answer."""

import asyncio
import base64
import os
import time
import urllib.parse


class Answered:
    """One request's answer: status, body, milliseconds."""

    __slots__ = ("status", "body", "ms")

    def __init__(self, status, body, ms):
        self.status, self.body, self.ms = status, body, ms


def head_of(url, user, password):
    at = urllib.parse.urlsplit(url)
    secret = base64.b64encode(f"{user}:{password}".encode()).decode()
    return at.hostname, at.port, f"Host: {at.netloc}\r\nAuthorization: Basic {secret}\r\n"


def packed(head, method, path, body="", kind="application/json"):
    data = body.encode()
    more = f"Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n" if data or method in ("POST", "PUT") else ""
    return f"{method} {path} HTTP/1.1\r\n{head}{more}\r\n".encode() + data


class Line(asyncio.Protocol):
    def __init__(self, turn, done):
        self.turn, self.done, self.got, self.at = turn, done, bytearray(), None

    def connection_made(self, transport):
        self.transport = transport
        self.next()

    def next(self):
        self.at = next(self.turn, None)
        if self.at is None:
            self.transport.close()
            return
        self.got.clear()
        self.want = None
        self.begun = time.perf_counter()
        self.transport.write(self.at[1])

    def data_received(self, data):
        self.got += data
        if self.want is None:
            end = self.got.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.got[:end]).lower()
            length = head.find(b"content-length:")
            if length < 0 and b"\r\ntransfer-encoding:" in head:
                raise RuntimeError(f"an answer of unknown length: {head!r}")
            size = 0 if length < 0 else int(head[length + 15 : (head + b"\r\n").find(b"\r\n", length)])
            self.begins, self.want = end + 4, end + 4 + size
        if len(self.got) >= self.want:
            took = (time.perf_counter() - self.begun) * 1000
            status = int(self.got[9:12])
            self.at[2].append((self.at[0], Answered(status, bytes(self.got[self.begins : self.want]), took)))
            self.next()

    def connection_lost(self, error):
        self.done(self.at)


def replay(door, requests, clients=1):
    """All of them in order of their beginning; their answers in the order of the requests, and the seconds it took."""

    async def run():
        loop, answers, left = asyncio.get_running_loop(), [], asyncio.Event()
        turn, open_lines = iter([(n, data, answers) for n, data in enumerate(requests)]), clients

        def done(at):
            nonlocal open_lines
            if at is not None:
                answers.append((at[0], Answered(0, b"the connection broke", 0.0)))
            open_lines -= 1
            if open_lines == 0:
                left.set()

        begun = time.perf_counter()
        for _ in range(clients):
            await loop.create_connection(lambda: Line(turn, done), door[0], door[1])
        await left.wait()
        return answers, time.perf_counter() - begun

    answers, took = asyncio.run(run())
    return [answer for _, answer in sorted(answers, key=lambda one: one[0])], took


def share(values, part):
    """The value below which that part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def cpu_ms(pid):
    with open(f"/proc/{pid}/stat") as said:
        fields = said.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def cpu_ms_of_all(name):
    """The same of all processes of a name together."""
    used = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as said:
                used += cpu_ms(pid) if said.read().strip() == name else 0
        except OSError:
            pass  # it has ended
    return used
