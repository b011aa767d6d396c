"""What a person does in Evolution, by the library that Evolution does it with. Passwords are handed over when the engine
asks for them, as Evolution's own prompt would; nothing is kept in a keyring.

Two sources are added: the account (a WebDAV collection: discovery happens in the engine) and one calendar by its path."""

import os
import sys
import time
import urllib.parse

import gi

gi.require_version("ECal", "2.0")
gi.require_version("EDataServer", "1.2")
from gi.repository import ECal, EDataServer, GLib, ICalGLib  # noqa: E402

from checks import Checks  # noqa: E402
from dav import client_of, event, secret_of  # noqa: E402

HOME, USER, PATIENCE = "/dav/calendars/user1/default/", "user1", 40
SERVER = urllib.parse.urlsplit(os.environ["url"])
checks = Checks()
other = client_of(USER)  # another device of the same person


def wait_for(what, condition, seconds=PATIENCE):
    """Runs the main loop until the condition holds: the engine tells everything by D-Bus signals."""
    context, end = GLib.MainContext.default(), time.monotonic() + seconds
    while True:
        while context.iteration(False):
            pass
        if found := condition():
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def hand_over(registry, source, reason, *_):
    """Evolution's credentials prompter, answering at once; a refused password is not offered again."""
    if reason == EDataServer.SourceCredentialsReason.REJECTED:
        print(f"  the engine says that the password of {source.get_display_name()} was rejected", file=sys.stderr)
        return
    given = EDataServer.NamedParameters.new()
    given.set(EDataServer.SOURCE_CREDENTIAL_USERNAME, USER)
    given.set(EDataServer.SOURCE_CREDENTIAL_PASSWORD, secret_of(USER))
    source.invoke_authenticate(given, None, None)


def signed(source):
    login = source.get_extension(EDataServer.SOURCE_EXTENSION_AUTHENTICATION)
    login.set_host(SERVER.hostname)
    login.set_port(SERVER.port)
    login.set_user(USER)
    login.set_method("plain/password")
    source.get_extension(EDataServer.SOURCE_EXTENSION_SECURITY).set_method("none")
    return source


def calendar_source():
    source = EDataServer.Source.new_with_uid("interop-calendar", None)
    source.set_display_name("Visits")
    source.set_parent("caldav-stub")
    source.get_extension(EDataServer.SOURCE_EXTENSION_CALENDAR).set_backend_name("caldav")
    place = source.get_extension(EDataServer.SOURCE_EXTENSION_WEBDAV_BACKEND)
    place.set_resource_path(HOME)
    return signed(source)


def account_source():
    source = EDataServer.Source.new_with_uid("interop-account", None)
    source.set_display_name("Clinic")
    account = source.get_extension(EDataServer.SOURCE_EXTENSION_COLLECTION)
    account.set_backend_name("webdav")
    account.set_identity(USER)
    account.set_calendar_enabled(True)
    account.set_contacts_enabled(False)
    account.set_mail_enabled(False)
    account.set_calendar_url(f"{os.environ['url']}/")
    return signed(source)


def opened(source):
    answer = []
    ECal.Client.connect(source, ECal.ClientSourceType.EVENTS, PATIENCE, None, lambda _, result: answer.append(result))
    return ECal.Client.connect_finish(wait_for("the calendar opens", lambda: answer)[0])


def summaries(client):
    _, found = client.get_object_list_sync("#t", None)
    return sorted(one.get_summary() or "" for one in found)


def refreshed(client, what, condition):
    client.refresh_sync(None)
    return wait_for(what, lambda: condition(summaries(client)))


def text_on_server(uid):
    for name in other.names(HOME):
        text = other.ask("GET", HOME + name).body.decode()
        if uid in text:
            return text
    return ""


def component(text):
    return ICalGLib.Component.new_from_string(text.split("PRODID:-//Kalends//interop//EN\r\n")[1].rsplit("END:VCALENDAR", 1)[0])


def main():
    registry = EDataServer.SourceRegistry.new_sync(None)
    registry.connect("credentials-required", hand_over)
    for n in range(5):
        assert other.put(f"{HOME}before-{n}.ics", event(f"before-{n}@interop", f"Before {n}")).status == 201
    source, clients = calendar_source(), []
    with checks("the calendar is added"):
        registry.commit_source_sync(source, None)
        wait_for("the registry knows it", lambda: registry.ref_source("interop-calendar"))
    with checks("it opens with the password"):
        clients.append(opened(registry.ref_source("interop-calendar")))
    if clients:
        use(clients[0])
    with checks("the account is added and the engine discovers its calendars"):
        registry.commit_source_sync(account_source(), None)
        found = lambda: {
            one.get_extension(EDataServer.SOURCE_EXTENSION_WEBDAV_BACKEND).get_resource_path()
            for kind in (EDataServer.SOURCE_EXTENSION_CALENDAR, EDataServer.SOURCE_EXTENSION_TASK_LIST)
            for one in registry.list_sources(kind)
            if one.get_parent() == "interop-account"
        }
        wait_for("default and tasks of the account", lambda: {HOME, "/dav/calendars/user1/tasks/"} <= found())
    checks.end()


def use(client):
    with checks("it may be written"):
        assert not client.is_readonly()
    with checks("the events of the server are read"):
        refreshed(client, "five events", lambda found: found == [f"Before {n}" for n in range(5)])
    with checks("an event made in Evolution reaches the server"):
        ok, uid = client.create_object_sync(component(event("made@interop", "Made in Evolution")), ECal.OperationFlags.NONE, None)
        assert ok and "SUMMARY:Made in Evolution" in text_on_server("made@interop"), uid
    with checks("a change made in Evolution reaches the server"):
        _, made = client.get_object_sync("made@interop", None, None)
        made.set_summary("Changed in Evolution")
        client.modify_object_sync(made, ECal.ObjModType.ALL, ECal.OperationFlags.NONE, None)
        assert "SUMMARY:Changed in Evolution" in text_on_server("made@interop")
    with checks("a change made elsewhere reaches Evolution"):
        assert other.put(f"{HOME}before-1.ics", event("before-1@interop", "Changed elsewhere")).status in (200, 204)
        refreshed(client, "the changed summary", lambda found: "Changed elsewhere" in found and "Before 1" not in found)
    with checks("an event made elsewhere reaches Evolution"):
        assert other.put(f"{HOME}later.ics", event("later@interop", "Made elsewhere")).status == 201
        refreshed(client, "the new event", lambda found: "Made elsewhere" in found)
    with checks("an event deleted elsewhere leaves Evolution"):
        assert other.ask("DELETE", f"{HOME}before-2.ics").status in (200, 204)
        refreshed(client, "the event gone", lambda found: "Before 2" not in found)
    with checks("one day of a series is changed in Evolution"):
        series = event("series@interop", "Round", more=["RRULE:FREQ=DAILY;COUNT=10"])
        client.create_object_sync(component(series), ECal.OperationFlags.NONE, None)
        day = component(event("series@interop", "Round, later", "20260107T150000Z", ["RECURRENCE-ID:20260107T090000Z"]))
        client.modify_object_sync(day, ECal.ObjModType.THIS, ECal.OperationFlags.NONE, None)
        text = text_on_server("series@interop")
        assert text.count("BEGIN:VEVENT") == 2 and "RECURRENCE-ID" in text and "RRULE:FREQ=DAILY;COUNT=10" in text, text
    with checks("an event deleted in Evolution leaves the server"):
        client.remove_object_sync("made@interop", None, ECal.ObjModType.ALL, ECal.OperationFlags.NONE, None)
        assert text_on_server("made@interop") == ""
    with checks("both sides hold the same in the end"):
        wanted = sorted(["Before 0", "Before 3", "Before 4", "Changed elsewhere", "Made elsewhere", "Round", "Round, later"])
        refreshed(client, "the same events", lambda found: found == wanted)
        assert len(other.names(HOME)) == 6


main()
