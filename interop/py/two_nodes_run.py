"""Eight clients; each writes through one node (they take turns) and asks the other at once, with no pause between: the
text and the ETag by GET, and in turn the listing, the sync report, a deletion, a property, a multiget.
Last line on stdout: FRESH STALE, one of the two for every write."""

import os
import random
import sys
import threading

from dav import DAV, Server, client_of, event

WRITES, CLIENTS = int(os.environ["WRITES"]), 8
HOME = "/dav/calendars/user1/default/"


class Pair(threading.Thread):
    def __init__(self, number, urls):
        super().__init__(daemon=True)
        self.number, self.urls = number, urls
        self.fresh, self.stale = 0, []

    def run(self):
        lines = [client_of("user1", url) for url in self.urls]
        chance = random.Random(f"two nodes {self.number}")
        for n in range(self.number, WRITES, CLIENTS):
            chance.shuffle(lines)
            name = f"n{self.number}-{chance.randrange(60)}.ics"
            try:
                wrong = self.write_and_ask(lines[0], lines[1], name, n)
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            self.fresh += not wrong
            if wrong:
                self.stale.append(f"write {n} of {name}: {wrong}")

    def write_and_ask(self, writer, reader, name, n):
        token = reader.sync(HOME)[2] if n % 10 == 3 else None
        text = event(f"{name}@interop", f"Write {n}")
        put = writer.put(HOME + name, text)
        if put.status not in (201, 204):
            return f"PUT {put.status}"
        got = reader.ask("GET", HOME + name)
        if got.status != 200 or got.body.decode() != text or got.headers["ETag"] != put.headers["ETag"]:
            return f"GET {got.status}, not the text just written"
        if n % 10 == 1 and reader.etags(HOME).get(name) != put.headers["ETag"]:
            return "PROPFIND shows another ETag"
        if token and name not in reader.sync(HOME, token)[0]:
            return "sync-collection does not tell the change"
        if n % 10 == 5:
            return self.multiget(reader, name, put.headers["ETag"])
        if n % 10 == 7:
            return self.delete(writer, reader, name)
        return ""

    def multiget(self, reader, name, etag):
        body = (
            '<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns="DAV:"><prop><getetag/></prop>'
            f"<href>{HOME}{name}</href></C:calendar-multiget>"
        )
        found = [props for _, _, props in reader.ask("REPORT", HOME, body, Content_Type="application/xml").multistatus()]
        return "" if found and found[0][f"{DAV}getetag"].text == etag else "multiget shows another ETag"

    def delete(self, writer, reader, name):
        gone = writer.ask("DELETE", HOME + name)
        seen = reader.ask("GET", HOME + name)
        return "" if gone.status in (200, 204) and seen.status == 404 else f"DELETE {gone.status}, then GET {seen.status}"


def main():
    first = Server()
    first.start()
    os.environ["data"] = os.environ["data"] + "/second"
    os.makedirs(os.environ["data"])
    second = Server(int(os.environ["SECOND"]))
    second.start()
    pairs = [Pair(n, (first.url, second.url)) for n in range(CLIENTS)]
    [pair.start() for pair in pairs]
    [pair.join() for pair in pairs]
    stale = [line for pair in pairs for line in pair.stale]
    for line in stale[:8]:
        print(f"  RED {line}", file=sys.stderr)
    listed = [client_of("user1", node.url).etags(HOME) for node in (first, second)]
    if listed[0] != listed[1]:
        stale.append("the two nodes list different calendars at the end")
        print(f"  RED {stale[-1]}", file=sys.stderr)
    first.stop(), second.stop()
    print(sum(pair.fresh for pair in pairs), len(stale))


main()
