"""Google's own OAuth libraries connect to the fake: code with PKCE, refresh, revocation, id token, service account."""

import os
import urllib.parse
import urllib.request

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the fake stands on loopback
os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"

from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import id_token, service_account
from google_auth_oauthlib.flow import Flow

from checks import Checks
from fake_google import FAKE, account, client, control

checks = Checks()
me = account("auth@clinic.example")
CLIENT = "kalends.apps.googleusercontent.com"
SCOPES = ["openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/calendar.events"]
REDIRECT = "http://127.0.0.1:1/back"
config = {"web": {"client_id": CLIENT, "client_secret": "fake-client-secret", "auth_uri": f"{FAKE}/o/oauth2/v2/auth",
                  "token_uri": f"{FAKE}/token", "redirect_uris": [REDIRECT]}}


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def back(url):
    try:
        urllib.request.build_opener(Stay).open(url, timeout=10)
    except urllib.error.HTTPError as answer:
        return answer.headers["location"]


def connect(**options):
    flow = Flow.from_client_config(config, SCOPES, redirect_uri=REDIRECT, autogenerate_code_verifier=True)
    url, state = flow.authorization_url(access_type="offline", prompt="consent", login_hint=me, **options)
    location = back(url)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
    assert query["state"] == [state]
    flow.fetch_token(code=query["code"][0])
    return flow.credentials


with checks("code with PKCE, then the API"):
    credentials = connect()
    assert credentials.refresh_token and client(me, credentials).events().list(calendarId="primary").execute()
with checks("the id token is signed by the published key"):
    certs = f"{FAKE}/oauth2/v3/certs"
    claims = id_token.verify_token(credentials.id_token, Request(), audience=CLIENT, certs_url=certs)
    assert claims["email"] == me and claims["sub"].isdigit()
    assert AuthorizedSession(credentials).get(f"{FAKE}/v1/userinfo").json()["sub"] == claims["sub"]
with checks("an expired access token is refreshed by the library on its own"):
    control(do="expireAccess")
    before = credentials.token
    assert client(me, credentials).events().list(calendarId="primary").execute() and credentials.token != before
with checks("revoked, the refresh is an invalid grant"):
    data = urllib.parse.urlencode({"token": credentials.refresh_token}).encode()
    assert urllib.request.urlopen(f"{FAKE}/revoke", data, timeout=10).status == 200
    try:
        credentials.refresh(Request())
    except RefreshError as error:
        assert "invalid_grant" in str(error), error
    else:
        raise AssertionError("refreshed after revocation")
with checks("a person who denies"):
    control(do="consent", consent={"denies": True})
    flow = Flow.from_client_config(config, SCOPES, redirect_uri=REDIRECT, autogenerate_code_verifier=True)
    assert "error=access_denied" in back(flow.authorization_url()[0])
    control(do="consent", consent={"unticks": ["calendar.events"]})
    assert not any("calendar.events" in one for one in connect().granted_scopes)
    control(do="consent", consent={})
with checks("a service account for a person of its domain"):
    name = "sync@fake.iam.gserviceaccount.com"
    key = control(do="delegate", service=name, scopes=["calendar.events"])
    service = service_account.Credentials.from_service_account_info(key, scopes=[SCOPES[2]], subject=me)
    assert client(me, service).events().list(calendarId="primary").execute()
    stranger = service.with_subject("nobody@x.example")
    try:
        stranger.refresh(Request())
    except RefreshError:
        pass
    else:
        raise AssertionError("acts for anybody")
checks.end()
