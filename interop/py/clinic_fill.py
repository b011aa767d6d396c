"""Fills a clinic over its JSON door, so that made-up calls meet something: words, people, rooms, services, patients.

    clinic_fill.py URL USER PASSWORD
"""

import base64
import json
import sys
import urllib.request

url, user, password = sys.argv[1:4]
basic = base64.b64encode(f"{user}:{password}".encode()).decode()


def done(method, path, body):
    data = json.dumps(body).encode()
    request = urllib.request.Request(url + "/api/v1" + path, data, method=method)
    request.add_header("Authorization", "Basic " + basic)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def term(dimension, code):
    made = done("POST", "/terms", {"dimension": dimension, "code": code, "name": code.title()})
    return {"term": made["id"]}


person = term("mode", "in-person")
video = term("mode", "video")
place = term("location", "north")
skin = term("specialty", "dermatology")
ultrasound = term("room-type", "ultrasound")
for name in ["berg", "keller", "lind"]:
    made = done("POST", "/practitioners", {
        "name": name, "display_name": f"Dr. {name.title()}", "zone": "Europe/Berlin", "public": True,
        "online": True, "terms": [person, video, place, skin],
    })
    for status in ["pending", "active"]:
        done("PATCH", f"/practitioners/{made['id']}", {"status": status})
for n in range(2):
    done("POST", "/rooms", {"display_name": f"Room {n}", "terms": [place, ultrasound]})
done("POST", "/equipment", {"display_name": "Ultrasound", "terms": [ultrasound]})
for code, needs in [("first", []), ("scan", [{"kind": "room", "term": "ultrasound"}])]:
    done("POST", "/services", {
        "code": code, "name": code.title(), "modes": ["in-person", "video"], "minutes": 30, "needs": needs,
    })
for n in range(3):
    done("POST", "/patients", {"external_id": f"p{n}", "name": f"Patient {n}", "phone": f"+49 30 123{n}"})
