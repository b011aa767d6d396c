//! Any bytes as the body of a request that has XML: the first byte chooses method and depth. Never 500, in bounds.
#![no_main]

use kalends_fuzz::{CALENDAR, Door, bounded};
use libfuzzer_sys::fuzz_target;

const ASKED: [(&str, &str); 8] = [
    ("PROPFIND", "0"),
    ("PROPFIND", "1"),
    ("REPORT", "0"),
    ("REPORT", "1"),
    ("REPORT", "1"),
    ("PROPPATCH", "0"),
    ("MKCALENDAR", "0"),
    ("MKCOL", "0"),
];

thread_local!(static DOOR: Door = Door::open());

fuzz_target!(|input: &[u8]| {
    let [asked, body @ ..] = input else { return };
    let (method, depth) = ASKED[usize::from(*asked) % ASKED.len()];
    DOOR.with(|door| {
        bounded(input, || {
            door.ask(method, CALENDAR, depth, body.to_vec());
        });
    });
});
