"""PyPI's gcal-sync, a syncing client of somebody else's, keeps a copy of a calendar of the fake: after each round its copy
must be what Google's own client lists. A seeded storm of changes, with tokens invalidated and pages cut short."""

import asyncio
import random

import aiohttp
from gcal_sync.api import GoogleCalendarService, SyncEventsRequest
from gcal_sync.auth import AbstractAuth
from gcal_sync.exceptions import ApiException
from gcal_sync.store import InMemoryCalendarStore
from gcal_sync.sync import CalendarEventSyncManager, CalendarListSyncManager

from checks import Checks
from fake_google import FAKE, account, client, control, token, visit

checks = Checks()
me = account("sync@clinic.example")
google = client(me)
events = google.events()
dice = random.Random(5)


class Auth(AbstractAuth):
    async def async_get_access_token(self):
        return token(me)


def truth():
    """id and summary of all that lives, masters and exceptions."""
    items, call = {}, events.list(calendarId=me)
    while call is not None:
        answer = call.execute()
        items.update({one["id"]: one.get("summary") for one in answer["items"] if one["status"] != "cancelled"})
        call = events.list_next(call, answer)
    return items


async def copy(store):
    data = await store.async_load() or {}
    items = data["event_sync"][me]["items"].values()
    return {one["id"]: one["summary"] for one in items if one["status"] != "cancelled"}


def change(number):
    """One of the things people do."""
    living = sorted(truth())
    kind = dice.randrange(6) if living else 0
    if kind <= 1:
        rule = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]} if dice.random() < 0.3 else {}
        events.insert(calendarId=me, body=visit(dice.randrange(1, 28), summary=f"n{number}", **rule)).execute()
        return
    one = dice.choice(living)
    if kind == 2:
        events.delete(calendarId=me, eventId=one).execute()
    elif kind == 3 and "_" not in one:
        instances = events.instances(calendarId=me, eventId=one).execute()["items"]
        if instances and "recurringEventId" in instances[0]:
            instance = dice.choice(instances)["id"]
            events.patch(calendarId=me, eventId=instance, body={"summary": f"x{number}"}).execute()
    else:
        events.patch(calendarId=me, eventId=one, body={"summary": f"c{number}"}).execute()


async def main():
    async with aiohttp.ClientSession() as session:
        service = GoogleCalendarService(Auth(session, f"{FAKE}/calendar/v3"))
        store = InMemoryCalendarStore()
        manager = CalendarEventSyncManager(service, store=store, request_template=SyncEventsRequest(calendar_id=me))
        with checks("the first round"):
            for number in range(20):
                change(number)
            await manager.run()
            assert await copy(store) == truth()
        for round_ in range(12):
            with checks(f"round {round_} of changes"):
                for number in range(dice.randrange(1, 12)):
                    change(f"{round_}-{number}")
                if round_ in (4, 9):
                    control(do="invalidateTokens", calendar=me)
                if round_ == 6:
                    control(do="manners", manners={"pageCap": 3, "order": {"shuffled": 7}})
                await manager.run()
                assert await copy(store) == truth()
        with checks("a refused call changes nothing, the next round heals"):
            change("late")
            before = await copy(store)
            refuse = {"refuse": {"status": 503, "reason": "backendError", "message": "x"}}
            control(do="fault", fault={"method": "calendar.events.list", "trouble": refuse, "times": 1})
            try:
                await manager.run()
            except ApiException:
                pass
            assert await copy(store) == before
            await manager.run()
            assert await copy(store) == truth()
        control(do="manners", manners={})
        with checks("the list of calendars"):
            lists = CalendarListSyncManager(service, InMemoryCalendarStore())
            await lists.run()
            google.calendars().insert(body={"summary": "New"}).execute()
            await lists.run()
            found = (await lists.store_service.async_list_calendars()).calendars
            assert {one.summary for one in found} == {me, "New"}


asyncio.run(main())
checks.end()
