//! Who works in the demo clinic and what stands in their calendars: a table.
//!
//! Days are counted from the Monday of the week of the first run, so the weeks around it are always full.

use crate::clinic::{IN_PERSON, Interval, ServiceFields, Site, VIDEO};

/// Somebody of the demo clinic.
pub struct Practitioner {
    pub name: &'static str,
    pub display_name: &'static str,
    /// IANA name.
    pub zone: &'static str,
    pub color: &'static str,
    pub plan: &'static [Planned],
}

/// A visit, a leave or a task.
#[derive(Clone, Copy)]
pub struct Planned {
    /// Part of the UID.
    pub key: &'static str,
    pub summary: &'static str,
    /// Days from this week's Monday to the first occurrence.
    pub day: i64,
    pub when: When,
    pub rule: Option<&'static str>,
    pub exceptions: &'static [Exception],
}

/// When on its day.
#[derive(Clone, Copy)]
pub enum When {
    /// Hour, minute, and how many minutes it takes.
    At(u32, u32, i64),
    /// Whole days.
    Days(i64),
    /// A task due at this hour.
    Due(u32),
}

/// What happens to one occurrence of a series; days from the series' first.
pub enum Exception {
    Cancelled {
        day: i64,
    },
    /// To another day and time, for a reason.
    Moved {
        day: i64,
        to: i64,
        at: (u32, u32),
        summary: &'static str,
    },
}

/// What is booked.
pub fn service() -> ServiceFields {
    ServiceFields {
        code: "consultation".into(),
        name: "Consultation".into(),
        modes: vec![IN_PERSON.into(), VIDEO.into()],
        minutes: 30,
        step: 15,
        pad_before: 0,
        pad_after: 0,
        notice: 60,
        horizon_days: 180,
        day_limit: None,
        week_limit: None,
        seats: 1,
        needs: Vec::new(),
        hold_patient: None,
        hold_staff: None,
        fee: None,
        currency: None,
        cancel_window: 0,
        active: true,
    }
}

/// Monday to Friday, nine to twelve and one to five.
pub fn hours() -> Vec<Interval> {
    const WORKDAYS: u8 = 0b1_1111;
    let from = |start: u16, end: u16| Interval {
        weekdays: WORKDAYS,
        start: start * 60,
        end: end * 60,
        from: None,
        until: None,
        site: Site::default(),
    };
    vec![from(9, 12), from(13, 17)]
}

use Exception::{Cancelled, Moved};
use When::{At, Days, Due};

const fn planned(key: &'static str, summary: &'static str, day: i64, when: When) -> Planned {
    Planned { key, summary, day, when, rule: None, exceptions: &[] }
}

const fn series(
    key: &'static str,
    summary: &'static str,
    (day, when): (i64, When),
    rule: &'static str,
    exceptions: &'static [Exception],
) -> Planned {
    Planned { key, summary, day, when, rule: Some(rule), exceptions }
}

pub const PEOPLE: &[Practitioner] = &[
    Practitioner {
        name: "ada",
        display_name: "Dr. Ada Berg",
        zone: "Europe/Berlin",
        color: "#2E7D6BFF",
        plan: &[
            series(
                "knee",
                "Physiotherapy, knee: M. Keller",
                (-21, At(9, 0, 45)),
                "FREQ=WEEKLY;COUNT=10",
                &[
                    Cancelled { day: 14 },
                    Moved {
                        day: 28,
                        to: 29,
                        at: (11, 30),
                        summary: "Physiotherapy, knee: M. Keller (moved)",
                    },
                ],
            ),
            series("round", "Ward round", (-56, At(8, 0, 30)), "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", &[]),
            series(
                "team",
                "Team meeting",
                (-54, At(12, 30, 45)),
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE",
                &[Moved { day: 56, to: 57, at: (13, 0), summary: "Team meeting with the new colleague" }],
            ),
            series("call", "On call", (-52, At(18, 0, 14 * 60)), "FREQ=MONTHLY;BYDAY=-1FR", &[]),
            planned("first", "First consultation: T. Okafor", 3, At(14, 0, 45)),
            planned("ultrasound", "Ultrasound: J. Lind", 4, At(10, 15, 30)),
            planned("leave", "Leave", 28, Days(5)),
            planned("report", "Write report for T. Okafor", 4, Due(17)),
            series("stock", "Check emergency bag", (0, Due(9)), "FREQ=WEEKLY", &[]),
        ],
    },
    Practitioner {
        name: "ben",
        display_name: "Ben Carter, Speech Therapy",
        zone: "America/New_York",
        color: "#B0562BFF",
        plan: &[
            series(
                "voice",
                "Voice training: P. Duarte",
                (-13, At(15, 30, 50)),
                "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=16",
                &[
                    Cancelled { day: 9 },
                    Moved { day: 14, to: 14, at: (17, 0), summary: "Voice training: P. Duarte (later)" },
                ],
            ),
            series("remote", "Remote visit with Berlin", (-26, At(9, 0, 30)), "FREQ=WEEKLY;INTERVAL=2", &[]),
            series("child", "Speech therapy: twins R.", (-4, At(16, 30, 40)), "FREQ=WEEKLY;BYDAY=FR", &[]),
            planned("assessment", "Assessment: L. Novak", 2, At(11, 0, 90)),
            planned("conference", "Conference", 16, Days(3)),
            planned("letter", "Letter to school", 2, Due(12)),
        ],
    },
    Practitioner {
        name: "chiyo",
        display_name: "Dr. Chiyo Mori",
        zone: "Asia/Tokyo",
        color: "#5B4FA3FF",
        plan: &[
            series("acupuncture", "Acupuncture: H. Sato", (-7, At(10, 0, 60)), "FREQ=WEEKLY;COUNT=8", &[]),
            series(
                "clinic",
                "Walk-in clinic",
                (-60, At(13, 0, 180)),
                "FREQ=MONTHLY;BYDAY=TH;BYSETPOS=1,3",
                &[],
            ),
            series("founding", "Founding day of the clinic", (2, Days(1)), "FREQ=YEARLY", &[]),
            planned("second", "Second opinion: K. Abe", 1, At(9, 30, 30)),
            planned("slides", "Slides for the students", 5, Due(18)),
        ],
    },
    Practitioner {
        name: "dayo",
        display_name: "Dayo Adeyemi, Midwife",
        zone: "Africa/Lagos",
        color: "#9C2F5CFF",
        plan: &[
            series(
                "antenatal",
                "Antenatal visit: F. Bello",
                (-10, At(8, 30, 40)),
                "FREQ=WEEKLY;INTERVAL=4;COUNT=7",
                &[],
            ),
            series(
                "course",
                "Birth course",
                (-8, At(18, 0, 90)),
                "FREQ=WEEKLY;COUNT=6",
                &[Cancelled { day: 21 }],
            ),
            planned("home", "Home visit: N. Eze", 0, At(15, 0, 60)),
            planned("rest", "Leave", 7, Days(2)),
        ],
    },
];
