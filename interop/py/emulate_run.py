"""Our server connects to npm's `emulate` as to Google: consent page, code with PKCE, refresh, first push, revocation.

Between them stands a door that gives the emulator's addresses the names the settings expect, lets the suite see what was
sent, and shortens the life of access tokens: the emulator itself never looks at one. Last line: PASSED FAILED."""

import html
import http.server
import json
import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from checks import Checks
from dav import Client, event

EMULATE, URL = os.environ["EMULATE"], os.environ["url"]
PATHS = {"/token": "/oauth2/token", "/revoke": "/oauth2/revoke", "/v1/userinfo": "/oauth2/v2/userinfo"}
seen = []  # (path, form or JSON, bearer, status, answer)


class Door(http.server.BaseHTTPRequestHandler):
    def relay(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() in ("authorization", "content-type")}
        to = EMULATE + PATHS.get(path, path) + ("?" + query if query else "")
        request = urllib.request.Request(to, body or None, headers, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                status, kind, text = answer.status, answer.headers.get("content-type", ""), answer.read()
        except urllib.error.HTTPError as answer:
            status, kind, text = answer.code, answer.headers.get("content-type", ""), answer.read()
        told = json.loads(text) if "json" in kind else {}
        if path == "/token" and status == 200:
            told["expires_in"] = 1
            text = json.dumps(told).encode()
        form = dict(urllib.parse.parse_qsl(body.decode())) if path in PATHS else {}
        seen.append((path, form, self.headers.get("authorization", ""), status, told))
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_DELETE = relay

    def log_message(self, *_):
        pass


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def fetch(url, data=None):
    """Status, headers and text, whatever the status is."""
    try:
        with urllib.request.build_opener(Stay).open(url, data, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


def kalends(*words, wait=True):
    command = [os.environ["KALENDS"], *words, "--data", os.environ["data"]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process.communicate(timeout=60)[0].strip() if wait else process


def consent(page, email, **other):
    """What the consent page sends back for whoever is chosen there, with these fields put in place of its own."""
    status, _, text = fetch(page)
    assert status == 200, text
    forms = re.findall(r"<form.*?</form>", text, re.S)
    form = next(form for form in forms if f'value="{email}"' in form)
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            fields[name[1]] = html.unescape(value[1]) if value else ""
    data = urllib.parse.urlencode({**fields, **other}).encode()
    status, headers, text = fetch(f"{EMULATE}/o/oauth2/v2/auth/callback", data)
    assert status == 302, text
    return fields, headers["location"]


def connect(email, **other):
    """Fields of the page, the address sent back to, our answer there, and the command that waits."""
    process = kalends("google", "connect", "ada", "--yes", "--events", wait=False)
    fields, back = consent(process.stdout.readline().strip(), email, **other)
    return fields, back, fetch(back), process


def calls(path, since=0):
    return [one for one in seen[since:] if one[0] == path]


def status():
    return json.loads(kalends("google", "status", "ada"))


def until(what):
    for _ in range(200):
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it never came")


door = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["DOOR"])), Door)
threading.Thread(target=door.serve_forever, daemon=True).start()
checks = Checks()

with checks("a code whose challenge is another's is not taken, and nothing is kept"):
    other = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
    _, _, (code, _, _), process = connect("ada@example.org", code_challenge=other)
    process.kill()
    assert code == 400 and calls("/token")[-1][4]["error"] == "invalid_grant", (code, calls("/token"))
    assert status() == []
with checks("consent with PKCE S256 and a state; the account that answered is there"):
    fields, back, (code, _, _), process = connect("ada@example.org")
    account = process.communicate(timeout=60)[0].split()[0]
    assert code == 200 and fields["code_challenge_method"] == "S256" and len(fields["state"]) >= 32, fields
    _, form, _, answered, _ = calls("/token")[-1]
    assert answered == 200 and 43 <= len(form["code_verifier"]) <= 128 and form["grant_type"] == "authorization_code"
    assert (status()[0]["email"], status()[0]["state"]) == ("ada@example.org", "active"), status()
with checks("a code and a state are taken once"):
    before = len(seen)
    assert fetch(back)[0] == 400 and len(status()) == 1
    assert not calls("/token", before), "the state was used: Google is not even asked"
with checks("a redirect address that is not registered is refused by the page"):
    page = f"{EMULATE}/o/oauth2/v2/auth?client_id={fields['client_id']}&redirect_uri=http://127.0.0.1:1/"
    assert fetch(page)[0] == 400
with checks("an access token at its end is refreshed, and the new one is used"):
    before = len(seen)
    assert "primary" in kalends("google", "calendars", "ada", account)
    _, form, _, answered, told = calls("/token", before)[0]
    assert form["grant_type"] == "refresh_token" and answered == 200, form
    used = calls("/calendar/v3/users/me/calendarList", before)[0]
    assert used[2] == "Bearer " + told["access_token"] and used[3] == 200
    assert form["refresh_token"].startswith("google_refresh_")
with checks("a first push"):
    kalends("google", "link", "ada", account, "primary", "default", "--privacy", "full", "--direction", "push")
    line = Client(URL, "ada", os.environ["PASSWORD"])
    assert line.put("/dav/calendars/ada/default/a.ics", event("a", "emulated", "20270301T090000Z")).status == 201
    events = "/calendar/v3/calendars/primary/events"
    pushed = until(lambda: [one for one in calls(events) if one[3] in (200, 201) and one[4].get("summary") == "emulated"])
    assert len(pushed) == 1 and pushed[0][4]["start"]["dateTime"].startswith("2027-03-01T09:00:00"), pushed
with checks("revoked there: the next refresh ends the consent, and nothing is tried again"):
    token = calls("/token")[-1][1]["refresh_token"]
    assert fetch(f"{EMULATE}/oauth2/revoke", urllib.parse.urlencode({"token": token}).encode())[0] == 200
    assert line.put("/dav/calendars/ada/default/b.ics", event("b", "kept", "20270302T090000Z")).status == 201
    until(lambda: status()[0]["state"] == "needs_reauth")
    assert status()[0]["links"][0]["state"] in ("needs_reauth", "live"), status()
    until(lambda: status()[0]["links"][0]["state"] == "needs_reauth")
    before = len(seen)
    time.sleep(3)
    assert len(seen) == before, seen[before:]
with checks("consented again, the same account goes on with what waited"):
    _, _, (code, _, _), process = connect("ada@example.org")
    assert code == 200 and process.communicate(timeout=60)[0].split()[0] == account
    until(lambda: [one for one in calls(events) if one[4].get("summary") == "kept"])
    assert len(status()) == 1 and status()[0]["state"] == "active"
with checks("disconnected here: the refresh token is revoked there, and forgotten"):
    token = calls("/token")[-1][1].get("refresh_token") or calls("/token")[-1][4]["refresh_token"]
    before = len(seen)
    kalends("google", "disconnect", "ada", account, "--keep")
    assert [one[1]["token"] for one in calls("/revoke", before)] == [token]
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": fields["client_id"],
            "client_secret": "emulated-secret"}
    code, _, text = fetch(f"{EMULATE}/oauth2/token", urllib.parse.urlencode(form).encode())
    assert code == 400 and "invalid_grant" in text and status() == []
checks.end()
