"""Google's own Python client drives every method of the fake: the shapes of URLs, paging, error bodies, official retries."""

from http.client import HTTPException

from googleapiclient.errors import HttpError
from httplib2 import HttpLib2Error

from checks import Checks
from fake_google import account, client, control, visit

checks = Checks()
me = account("client@clinic.example")
google = client(me)
events = google.events()


def refused(call, status, reason):
    try:
        call.execute()
    except HttpError as error:
        assert error.status_code == status, error
        assert error.error_details[0]["reason"] == reason, error.error_details
        return
    raise AssertionError(f"{status} {reason} was not refused")


def pages(call, following):
    items = []
    while call is not None:
        answer = call.execute()
        items += answer.get("items", [])
        call = following(call, answer)
    return items, answer.get("nextSyncToken")


with checks("calendarList and calendars: make, read, change, subscribe, remove"):
    made = google.calendars().insert(body={"summary": "Clinic"}).execute()
    assert google.calendars().get(calendarId=made["id"]).execute()["summary"] == "Clinic"
    google.calendars().patch(calendarId=made["id"], body={"description": "x"}).execute()
    changed = google.calendars().update(calendarId=made["id"], body={"summary": "Clinic 2"}).execute()
    assert changed["summary"] == "Clinic 2"
    listed = google.calendarList().list().execute()
    assert {one["id"] for one in listed["items"]} == {me, made["id"]}
    google.calendarList().patch(calendarId=made["id"], body={"summaryOverride": "Mine"}).execute()
    google.calendarList().update(calendarId=made["id"], body={"hidden": True}).execute()
    assert google.calendarList().get(calendarId=made["id"]).execute()["summaryOverride"] == "Mine"
    assert len(google.calendarList().list().execute()["items"]) == 1
    google.calendarList().delete(calendarId=made["id"]).execute()
    assert google.calendarList().insert(body={"id": made["id"]}).execute()["id"] == made["id"]
    google.calendars().delete(calendarId=made["id"]).execute()
    refused(google.calendars().get(calendarId=made["id"]), 404, "notFound")
with checks("calendarList tells the removed by its sync token"):
    _, token = pages(google.calendarList().list(), google.calendarList().list_next)
    made = google.calendars().insert(body={"summary": "Short"}).execute()
    google.calendars().delete(calendarId=made["id"]).execute()
    delta = google.calendarList().list(syncToken=token).execute()["items"]
    assert [(one["id"], one["deleted"]) for one in delta] == [(made["id"], True)]
with checks("events: insert, get, patch, update, delete"):
    event = events.insert(calendarId="primary", body=visit(3, id="aaaaa")).execute()
    assert event["iCalUID"] == "aaaaa@google.com" and event["status"] == "confirmed"
    assert events.get(calendarId=me, eventId="aaaaa").execute() == event
    assert events.patch(calendarId=me, eventId="aaaaa", body={"location": "1"}).execute()["location"] == "1"
    assert "location" not in events.update(calendarId=me, eventId="aaaaa", body=visit(4)).execute()
    events.delete(calendarId=me, eventId="aaaaa", sendUpdates="none").execute()
    refused(events.delete(calendarId=me, eventId="aaaaa"), 410, "deleted")
with checks("events: a null in a patch clears"):
    events.insert(calendarId=me, body=visit(3, id="bbbbb", location="1", description="2")).execute()
    assert "location" not in events.patch(calendarId=me, eventId="bbbbb", body={"location": None}).execute()
with checks("events: errors in Google's form"):
    refused(events.insert(calendarId=me, body=visit(3, id="bbbbb")), 409, "duplicate")
    refused(events.insert(calendarId=me, body=visit(3, id="XX")), 400, "invalid")
    refused(events.get(calendarId=me, eventId="nnnnn"), 404, "notFound")
    refused(events.list(calendarId="nobody@x.example"), 404, "notFound")
    refused(events.list(calendarId=me, syncToken="x"), 400, "invalid")
with checks("events: If-Match by a header of the request"):
    call = events.patch(calendarId=me, eventId="bbbbb", body={"summary": "x"})
    call.headers["If-Match"] = '"1"'
    refused(call, 412, "conditionNotMet")
with checks("events: list by pages, then by tokens"):
    for day in range(10, 20):
        events.insert(calendarId=me, body=visit(day)).execute()
    items, token = pages(events.list(calendarId=me, maxResults=3, showDeleted=True), events.list_next)
    assert len(items) == 12, len(items)
    events.delete(calendarId=me, eventId="bbbbb").execute()
    changed, token = pages(events.list(calendarId=me, syncToken=token, maxResults=3), events.list_next)
    assert [(one["id"], one["status"]) for one in changed] == [("bbbbb", "cancelled")]
    control(do="invalidateTokens", calendar=me)
    refused(events.list(calendarId=me, syncToken=token), 410, "fullSyncRequired")
with checks("events: filters"):
    body = visit(21, extendedProperties={"private": {"cuid": "x"}, "shared": {"s": "y"}})
    wanted = events.insert(calendarId=me, body=body).execute()
    for query in [
        {"iCalUID": wanted["iCalUID"]},
        {"privateExtendedProperty": ["cuid=x"]},
        {"sharedExtendedProperty": ["s=y"]},
        {"q": "visit 21"},
        {"timeMin": "2026-03-21T00:00:00Z", "timeMax": "2026-03-22T00:00:00Z"},
    ]:
        assert [one["id"] for one in events.list(calendarId=me, **query).execute()["items"]] == [wanted["id"]], query
with checks("events: a series, its instances, an exception, a cancelled instance"):
    series = events.insert(calendarId=me, body=visit(2, id="ccccc", recurrence=["RRULE:FREQ=WEEKLY;COUNT=5"])).execute()
    all_of = lambda: events.instances(calendarId=me, eventId="ccccc").execute()["items"]
    assert len(all_of()) == 5 and all(one["recurringEventId"] == "ccccc" for one in all_of())
    second, third = all_of()[1]["id"], all_of()[2]["id"]
    events.patch(calendarId=me, eventId=second, body={"summary": "other"}).execute()
    events.delete(calendarId=me, eventId=third).execute()
    assert [one["summary"] for one in all_of()] == ["Visit 2", "other", "Visit 2", "Visit 2"]
    shown = [one for one in events.list(calendarId=me).execute()["items"] if one["id"].startswith("ccccc")]
    assert {one["id"]: one["status"] for one in shown}[third] == "cancelled"
    again = events.instances(calendarId=me, eventId="ccccc", originalStart="2026-03-09T08:00:00Z").execute()["items"]
    assert [one["id"] for one in again] == [second]
with checks("events: instances paged and expanded in the list"):
    items, _ = pages(events.instances(calendarId=me, eventId="ccccc", maxResults=2), events.instances_next)
    assert len(items) == 4
    range_ = {"timeMin": "2026-03-01T00:00:00Z", "timeMax": "2026-03-09T00:00:00Z"}
    first = events.list(calendarId=me, singleEvents=True, orderBy="startTime", **range_).execute()["items"]
    assert first[0]["recurringEventId"] == "ccccc"
with checks("events: import and move"):
    body = visit(5, iCalUID="foreign@x", organizer={"email": "other@x.example"})
    imported = events.import_(calendarId=me, body=body).execute()
    assert imported["organizer"]["email"] == "other@x.example"
    other = google.calendars().insert(body={"summary": "Other"}).execute()["id"]
    moved = events.move(calendarId=me, eventId=imported["id"], destination=other).execute()
    assert moved["id"] == imported["id"] and moved["organizer"]["email"] == other
with checks("events: a conference, guests and reminders"):
    body = visit(6, conferenceData={"createRequest": {"requestId": "r"}}, attendees=[{"email": "guest@x.example"}])
    body["reminders"] = {"useDefault": False, "overrides": [{"method": "email", "minutes": 1440}]}
    made = events.insert(calendarId=me, body=body, conferenceDataVersion=1, sendUpdates="all").execute()
    assert made["hangoutLink"] and made["reminders"]["overrides"][0]["minutes"] == 1440
    assert control(do="mails")[-1]["to"] == "guest@x.example"
with checks("events: whole days and every type"):
    for kind in ["outOfOffice", "focusTime", "workingLocation", "birthday", "fromGmail"]:
        times = {"start": {"date": "2026-05-01"}, "end": {"date": "2026-05-02"}}
        control(do="event", calendar=me, event={"id": f"t{ord(kind[0]):05}", "eventType": kind, **times})
        found = events.list(calendarId=me, eventTypes=[kind]).execute()["items"]
        assert [one["start"] for one in found] == [{"date": "2026-05-01"}], kind
with checks("watch and stop"):
    body = {"id": "c1", "type": "web_hook", "address": "https://clinic.example/hook", "token": "t"}
    channel = events.watch(calendarId=me, body=body).execute()
    assert int(channel["expiration"]) > 0
    refused(events.watch(calendarId=me, body=body), 400, "channelIdNotUnique")
    google.channels().stop(body={"id": "c1", "resourceId": channel["resourceId"]}).execute()
    google.calendarList().watch(body={**body, "id": "c2"}).execute()
with checks("colors, settings, freebusy"):
    assert "11" in google.colors().get().execute()["event"]
    assert google.settings().get(setting="timezone").execute()["value"] == "Europe/Berlin"
    assert google.settings().list().execute()["items"]
    body = {"timeMin": "2026-03-10T00:00:00Z", "timeMax": "2026-03-11T00:00:00Z", "items": [{"id": me}]}
    busy = google.freebusy().query(body=body).execute()["calendars"][me]["busy"]
    assert [one["start"] for one in busy] == ["2026-03-10T08:00:00.000Z"], busy
with checks("the client's own retries outlast 500, 429 and rate limits"):
    for status, reason in [(500, "backendError"), (429, "rateLimitExceeded"), (403, "userRateLimitExceeded")]:
        refuse = {"refuse": {"status": status, "reason": reason, "message": reason}}
        control(do="fault", fault={"method": "calendar.colors.get", "trouble": refuse, "times": 1})
        assert google.colors().get().execute(num_retries=3)["event"], reason
with checks("a broken answer is an error of the connection, not a wrong answer"):
    for trouble in ["cut", "lostAnswer", "halfAnswer"]:
        # Without end: httplib2 asks again by itself when a connection closes.
        control(do="fault", fault={"method": "calendar.colors.get", "trouble": trouble})
        try:
            client(me).colors().get().execute(num_retries=0)
        except (OSError, HTTPException, HttpLib2Error):
            continue
        finally:
            control(do="clearFaults")
        raise AssertionError(trouble)
checks.end()
