//! Any bytes as the inside of a VTIMEZONE: compiled or refused; what is compiled is a clock.
#![no_main]

use ical::Zone;
use kalends_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

const YEAR: i64 = 31_556_952;

fuzz_target!(|inside: &[u8]| {
    let text = [&b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Own\r\n"[..], inside].concat();
    let text = [&text[..], b"\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n"].concat();
    bounded(inside, || {
        let Ok(zone) = Zone::from_vtimezone(&text) else { return };
        for year in (-69..8_030).step_by(37) {
            let instant = year * YEAR + 4_321;
            let civil = zone.to_civil(instant);
            assert_eq!(civil - instant, i64::from(zone.offset_at(instant)));
            assert!((zone.to_instant(civil) - instant).abs() <= 2 * 86_400, "{year}");
        }
    });
});
