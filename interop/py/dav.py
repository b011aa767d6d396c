"""The little of HTTP, WebDAV and process handling that the suites share, standard library only: one keep-alive client
an account, event texts, and a server that a test may start, stop and kill. A client never retries by itself: a suite
that counts lost answers must see each of them."""

import base64
import http.client
import os
import re
import signal
import subprocess
import time
import urllib.parse
import xml.etree.ElementTree as tree

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def multistatus(self):
        """(href, status, {property tag: element}) for each response element."""
        for response in tree.fromstring(self.body).findall(f"{DAV}response"):
            props = {}
            for propstat in response.findall(f"{DAV}propstat"):
                if " 200 " in propstat.findtext(f"{DAV}status", ""):
                    props.update((prop.tag, prop) for prop in propstat.find(f"{DAV}prop"))
            yield urllib.parse.unquote(response.findtext(f"{DAV}href")), response.findtext(f"{DAV}status"), props


class Client:
    def __init__(self, url, user, password, timeout=60):
        parts = urllib.parse.urlsplit(url)
        self.line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        secret = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {secret}"}

    def ask(self, method, path, body=None, **headers):
        """Header names are given with _ for -. A connection that breaks raises and is opened anew at the next call."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, str):
            body = body.encode()
        try:
            try:
                self.line.request(method, path, body=body, headers={**self.headers, **named})
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused while the body was on its way: the answer may be there to read
            answer = self.line.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except BaseException:
            self.line.close()
            raise

    def put(self, path, text, **headers):
        return self.ask("PUT", path, text, Content_Type="text/calendar; charset=utf-8", **headers)

    def etags(self, path):
        body = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
        answer = self.ask("PROPFIND", path, body, Depth="1", Content_Type="application/xml")
        assert answer.status == 207, f"PROPFIND {path}: {answer.status} {answer.body[:300]!r}"
        return {
            href.rsplit("/", 1)[1]: props[f"{DAV}getetag"].text
            for href, _, props in answer.multistatus()
            if not href.endswith("/")
        }

    def names(self, path):
        return set(self.etags(path))

    def sync(self, path, token=""):
        """(changed names, removed names, the next token)"""
        body = (
            f'<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level>'
            "<prop><getetag/></prop></sync-collection>"
        )
        answer = self.ask("REPORT", path, body, Content_Type="application/xml")
        assert answer.status == 207, f"sync-collection {path}: {answer.status} {answer.body[:300]!r}"
        changed, removed = set(), set()
        for href, status, _ in answer.multistatus():
            if not href.endswith("/"):
                (removed if status and " 404 " in status else changed).add(href.rsplit("/", 1)[1])
        return changed, removed, tree.fromstring(answer.body).findtext(f"{DAV}sync-token")


def event(uid, summary="Visit", start="20260105T090000Z", more=()):
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Kalends//interop//EN", "BEGIN:VEVENT", f"UID:{uid}",
        "DTSTAMP:20260101T000000Z", f"DTSTART:{start}", "DURATION:PT30M", f"SUMMARY:{summary}", *more,
        "END:VEVENT", "END:VCALENDAR", "",
    ]
    return "\r\n".join(lines)


class Server:
    """`kalends serve` on the folder, port and database that lib.sh made, under the command line of the issue."""

    def __init__(self, port=None, before=(), words=(), env=None):
        self.port = port or int(os.environ["port"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.before, self.words, self.env = list(before), list(words), {**os.environ, **(env or {})}
        self.process = None

    def start(self, seconds=30):
        """Seconds until /health/ready answered 200."""
        command = [
            *self.before, os.environ["KALENDS"], "serve", "--data", os.environ["data"],
            "--listen", f"127.0.0.1:{self.port}", *self.words,
        ]
        began = time.monotonic()
        with open(os.environ["log"], "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        while time.monotonic() - began < seconds:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode} before it was ready, see the log")
            if self.ready():
                return time.monotonic() - began
            time.sleep(0.002)
        raise RuntimeError(f"the server was not ready within {seconds} s")

    def ready(self):
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request("GET", "/health/ready")
            return line.getresponse().status == 200
        except OSError:
            return False
        finally:
            line.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def memory_mib(self, which="VmRSS"):
        """Resident now, or at most so far (VmHWM)."""
        with open(f"/proc/{self.process.pid}/status") as said:
            return int(re.search(which + r":\s+(\d+)", said.read())[1]) / 1024


def secret_of(user):
    return f"interop-{user}-passphrase"


def client_of(user, url=None, timeout=60):
    return Client(url or os.environ["url"], user, secret_of(user), timeout)
