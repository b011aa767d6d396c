//! What the service can do (RFC 7808 5.1, 6.1): exactly the actions of this folder.

use serde_json::{Value, json};

use super::ROOT;

/// Name, what follows the root in its template, its parameters and whether they must be given.
type Action = (&'static str, &'static str, &'static [(&'static str, bool)]);
const ACTIONS: &[Action] = &[
    ("capabilities", "/capabilities", &[]),
    ("list", "/zones{?changedsince}", &[("changedsince", false)]),
    ("get", "/zones{/tzid}{?start,end}", &[("start", false), ("end", false)]),
    ("expand", "/zones{/tzid}/observances{?start,end}", &[("start", true), ("end", true)]),
    ("find", "/zones{?pattern}", &[("pattern", true)]),
    ("leapseconds", "/leapseconds", &[]),
];

pub fn capabilities() -> Value {
    json!({
        "version": 1,
        "info": {
            "primary-source": format!("IANA:{}", ical::tzdata_version()),
            "formats": ["text/calendar"],
            "truncated": { "any": true, "untruncated": true },
        },
        "actions": ACTIONS.iter().map(action).collect::<Vec<_>>(),
    })
}

fn action((name, template, parameters): &Action) -> Value {
    let parameter =
        |(name, required): &(&str, bool)| json!({ "name": name, "required": required, "multi": false });
    json!({
        "name": name,
        "uri-template": format!("{ROOT}{template}"),
        "parameters": parameters.iter().map(parameter).collect::<Vec<_>>(),
    })
}
