"""The practitioner's calendar program in the walk-through: finds the booked series by CalDAV and deletes its third date,
as programs do, by an EXDATE.

Environment: `url`, `data` (with series.json and dates.json of the walk-through), `log` (what the demo printed).
"""
import datetime
import json
import os
import re

import caldav

data = os.environ["data"]
third = json.load(open(f"{data}/dates.json"))["items"][2]
start = datetime.datetime.fromisoformat(third["start"])
said = open(os.environ["log"]).read()

found = []
for user, password in re.findall(r"user (\w+) +password (\S+)\n", said):
    client = caldav.DAVClient(url=os.environ["url"], username=user, password=password)
    calendar = client.calendar(url=f"{os.environ['url']}/dav/calendars/{user}/visits/")
    for event in calendar.search(start=start, end=start + datetime.timedelta(minutes=1), event=True):
        master = event.icalendar_component
        if "COUNT=12" in master["RRULE"].to_ical().decode() if "RRULE" in master else False:
            found.append((event, master))
[(event, master)] = found
zone = master["DTSTART"].dt.tzinfo
master.add("EXDATE", start.astimezone(zone))
event.save()
print(f"deleted {start} in {event.url}")
