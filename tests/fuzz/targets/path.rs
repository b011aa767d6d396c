//! Any text as a path, and as an href in a body: never 500, and nothing of the machine comes back.
#![no_main]

use kalends_fuzz::{CALENDAR, Door, bounded};
use libfuzzer_sys::fuzz_target;

const MULTIGET: &str = "<C:calendar-multiget xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><prop><getetag/></prop><href>";

thread_local!(static DOOR: Door = Door::open());

fuzz_target!(|path: &str| {
    DOOR.with(|door| {
        bounded(path.as_bytes(), || {
            for method in ["PROPFIND", "GET", "OPTIONS"] {
                door.ask(method, path, "0", Vec::new());
            }
            let href = path.replace('&', "&amp;").replace('<', "&lt;");
            let body = format!("{MULTIGET}{href}</href></C:calendar-multiget>");
            if let Some(reply) = door.ask("REPORT", CALENDAR, "0", body.into_bytes()) {
                assert!(matches!(reply.status, 207 | 400 | 403), "{}", reply.status);
            }
        });
    });
});
