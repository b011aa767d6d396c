"""Every answer the fake gave so far is valid against Google's discovery document, as it lies in the wheel of its Python
client: no field Google does not know, every type and format, every word of the enumerations in the descriptions; every
parameter and every field of a request is one of the method's own. Each method the fake offers must have been judged."""

import copy
import json
import re
import urllib.parse
from importlib.resources import files

from jsonschema import Draft202012Validator, FormatChecker

from checks import Checks
from fake_google import control

checks = Checks()
document = json.loads(files("googleapiclient").joinpath("discovery_cache/documents/calendar.v3.json").read_text())
NEVER_CALLED = {"acl", "quickAdd", "clear", "transferOwnership", "settings.watch"}
formats = FormatChecker()
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
formats.checks("date-time")(lambda text: DATE_TIME.fullmatch(text) is not None)
formats.checks("date")(lambda text: re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None)
formats.checks("int64")(lambda text: not isinstance(text, str) or re.fullmatch(r"-?\d+", text) is not None)


def words(text):
    """The words of an enumeration that stands in a description."""
    return re.findall(r'^- "([^"]+)"', text or "", re.M) if "Possible values are" in (text or "") else []


def strict(schema):
    """A discovery schema as a JSON schema that knows no further fields."""
    out = {}
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    for name in ("type", "format", "items", "properties", "additionalProperties"):
        if name in schema:
            out[name] = copy.deepcopy(schema[name])
    if schema.get("type") == "any":
        return {}
    if "items" in out:
        out["items"] = strict(out["items"])
    if out.get("type") == "string" and words(schema.get("description")):
        out["enum"] = words(schema["description"])
    if out.get("type") == "object":
        out["properties"] = {name: strict(one) for name, one in out.get("properties", {}).items()}
        more = out.get("additionalProperties")
        out["additionalProperties"] = strict(more) if more else False
    return out


defs = {name: strict(schema) for name, schema in document["schemas"].items()}
methods = {m["id"]: m for r in document["resources"].values() for m in r["methods"].values()}


def validator(name):
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": defs}, format_checker=formats)


validators = {name: validator(name) for name in defs}


def wrong(exchange):
    """What is wrong with one exchange, if anything."""
    method = methods[exchange["methodId"]]
    if method["httpMethod"] != exchange["httpMethod"]:
        return f"by {exchange['httpMethod']}"
    known = set(method.get("parameters", {})) | set(document["parameters"])
    strange = set(urllib.parse.parse_qs(urllib.parse.urlsplit(exchange["uri"]).query)) - known
    if strange:
        return f"parameters {strange}"
    status, answer = exchange["status"], exchange["answer"]
    if status == 0 or status in (204, 304):
        return None if answer is None else f"{status} with a body"
    if status >= 400:
        error = answer["error"]
        entry = error["errors"][0]
        is_good = error["code"] == status and error["message"] and {"domain", "reason", "message"} <= set(entry)
        return None if is_good else f"error {answer}"
    if "response" not in method:
        return f"a body where none belongs: {answer}"
    found = next(validators[method["response"]["$ref"]].iter_errors(answer), None)
    return found and f"{found.json_path}: {found.message}"


judged = {}
for exchange in control(do="record"):
    if exchange["methodId"].startswith("calendar."):
        judged.setdefault(exchange["methodId"], []).append(exchange)
total = 0
for name in sorted(methods):
    if any(part in name for part in NEVER_CALLED):
        continue
    with checks(f"{name} as the discovery document describes it"):
        exchanges = judged.get(name, [])
        assert any(0 < one["status"] < 300 for one in exchanges), "never answered well"
        problems = {found for one in exchanges if (found := wrong(one))}
        assert not problems, "\n".join(sorted(problems)[:10])
        total += len(exchanges)
with checks("the judge itself sees a wrong field, a wrong type and a wrong word"):
    for event in [{"nonsense": 1}, {"sequence": "1"}, {"reminders": {"overrides": [{"minutes": "x"}]}}, {"updated": "today"}]:
        assert next(validators["Event"].iter_errors(event), None), event
with checks("many answers were judged"):
    assert total > 250, total  # the storm cuts pages by chance: some 430 to 650
checks.end()
