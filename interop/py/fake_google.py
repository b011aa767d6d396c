"""The fake Google from outside: its control path, and the official client built from the discovery document in its wheel."""

import json
import os
import urllib.request

FAKE = os.environ["FAKE"]


def control(**command):
    """One command, e.g. control(do="turn", seconds=60)."""
    request = urllib.request.Request(f"{FAKE}/control", json.dumps(command).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def account(email):
    control(do="account", email=email, zone="Europe/Berlin")
    return email


def token(email, *scopes):
    return control(do="token", email=email, scopes=list(scopes) or ["calendar"])


def client(email, credentials=None):
    from google.oauth2.credentials import Credentials
    from googleapiclient.discovery import build

    options = {"api_endpoint": f"{FAKE}/calendar/v3/"}
    credentials = credentials or Credentials(token(email))
    return build("calendar", "v3", credentials=credentials, static_discovery=True, client_options=options)


def visit(day, **more):
    at = lambda time: {"dateTime": f"2026-03-{day:02}T{time}", "timeZone": "Europe/Berlin"}
    return {"summary": f"Visit {day}", "start": at("09:00:00"), "end": at("09:30:00"), **more}
