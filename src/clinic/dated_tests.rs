//! A thousand made-up series, their dates counted day by day: the list must say the very same, whatever window is asked
//! for, and number them the same from every window.

use ical::{Budget, Civil, Window, Zone};
use store::{BusyKind, ClinicId, Origin, PrincipalId};

use super::dated::{Stored, by_uid};
use super::visit::Visit;
use super::{By, pattern, plan, text};

const DAY: i64 = 86_400;
const OWNER: PrincipalId = PrincipalId(1);
const WEEK: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as i64
    }
}

/// A rule, and whether a day is one of its days.
struct Made {
    rule: String,
    is_day: Box<dyn Fn(i64) -> bool>,
}

fn monday(day: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    day - (day + 3).rem_euclid(7)
}

fn made(dice: &mut Dice, first: i64) -> Made {
    let every = 1 + dice.below(4);
    let of = |day: i64| Civil::from_seconds(day * DAY);
    let start = of(first);
    match dice.below(4) {
        0 => Made {
            rule: format!("FREQ=DAILY;INTERVAL={every}"),
            is_day: Box::new(move |day| (day - first) % every == 0),
        },
        1 => {
            let own = (first + 3).rem_euclid(7);
            let days: Vec<i64> = (0..7).filter(|day| *day == own || dice.below(3) == 0).collect();
            let names: Vec<&str> = days.iter().map(|day| WEEK[*day as usize]).collect();
            let rule = format!("FREQ=WEEKLY;INTERVAL={every};BYDAY={}", names.join(","));
            let is_day = move |day: i64| {
                (monday(day) - monday(first)) / 7 % every == 0 && days.contains(&(day + 3).rem_euclid(7))
            };
            Made { rule, is_day: Box::new(is_day) }
        }
        2 => Made {
            rule: format!("FREQ=MONTHLY;INTERVAL={every}"),
            is_day: Box::new(move |day| {
                let day = of(day);
                let months =
                    i64::from(day.year - start.year) * 12 + i64::from(day.month) - i64::from(start.month);
                day.day == start.day && months % every == 0
            }),
        },
        _ => Made {
            rule: format!("FREQ=YEARLY;INTERVAL={every}"),
            is_day: Box::new(move |day| {
                let day = of(day);
                (day.month, day.day) == (start.month, start.day)
                    && i64::from(day.year - start.year) % every == 0
            }),
        },
    }
}

/// (original start, start, end, number), by time.
type Told = Vec<(i64, i64, i64, u64)>;

#[test]
fn a_thousand_series_are_listed_as_they_are_counted() {
    let (zone, mut dice) = (Zone::named("Europe/Berlin").unwrap(), Dice(11));
    for round in 0..1_000 {
        let first = 20_454 + dice.below(800);
        // Not in the hour that clocks skip.
        let civil = first * DAY + (4 + dice.below(19)) * 3600;
        let Made { rule, is_day } = made(&mut dice, first);
        let mut days: Vec<i64> = (first..first + 5 * 366).filter(|day| is_day(*day)).collect();
        let rule = match dice.below(3) {
            0 => rule,
            1 => {
                let count = 1 + dice.below(40);
                days.truncate(count as usize);
                format!("{rule};COUNT={count}")
            }
            _ => {
                let last = first + dice.below(900);
                days.retain(|day| *day <= last);
                let until = zone.to_instant(last * DAY + civil.rem_euclid(DAY));
                format!("{rule};UNTIL={}", ical::When::Utc(until).print())
            }
        };
        let start = zone.to_instant(civil);
        let visit = Visit {
            practitioner: OWNER,
            with: Vec::new(),
            start,
            end: start + 1800,
            zone: zone.name().into(),
            rule: Some(rule.clone()),
            buffers: (0, 0),
            title: "t".into(),
            place: None,
            location: None,
            mode: None,
            patient: None,
            service: None,
            is_pending: false,
            details: None,
        };
        let mut bytes = visit.text("u", 0);
        let mut expected: Told = Vec::new();
        for (n, day) in days.iter().enumerate() {
            let instant = zone.to_instant(day * DAY + civil.rem_euclid(DAY));
            let (mut from, mut until) = (instant, zone.to_instant(day * DAY + civil.rem_euclid(DAY) + 1800));
            match dice.below(12) {
                0 => {
                    bytes = pattern::without(&bytes, &[instant], 0).unwrap();
                    continue;
                }
                1 => {
                    (from, until) = (instant + 5400, instant + 9000);
                    bytes = text::moved(&bytes, Some(instant), (from, until), 0).unwrap();
                }
                _ => {}
            }
            expected.push((instant, from, until, n as u64 + 1));
            if n > 60 {
                break;
            }
        }
        let last = expected.last().map_or(start, |date| date.1);
        let by = By { clinic: ClinicId(1), who: None, door: Origin::House };
        let rows = by_uid(vec![visit.row("u", by, 0)]);
        let object = plan::read(&bytes).unwrap();
        let stored = Stored { object: &object, owner: OWNER, kind: BusyKind::Visit, zone: &zone };
        for _ in 0..4 {
            let from = start - 3 * DAY + dice.below((last - start).max(0) + 3 * DAY);
            let window = Window { from, until: (from + 1 + dice.below(90 * DAY)).min(last + 1) };
            let mut budget = Budget::steps(Budget::REQUEST);
            let found = stored.dates(&rows, window, &mut budget).unwrap();
            let mut found: Told = found
                .iter()
                .map(|date| (date.original.unwrap(), date.start, date.end, date.number.unwrap().0))
                .collect();
            found.sort_unstable();
            let mut expected: Told = expected
                .iter()
                .filter(|(_, start, end, _)| *start < window.until && *end > window.from)
                .copied()
                .collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{round}: {rule} from {civil}, {window:?}");
        }
    }
}
