//! Random changes on both sides while Google fails, loses answers and forgets tokens, and the node that has the turn dies
//! between any two steps: in the end both sides are equal and rest. A failing seed replays by
//! `KALENDS_GOOGLE_SEED=... KALENDS_GOOGLE_STEPS=...`.

use fake_google::{Command, Fault, Trouble};
use kalends::google::{Guests, Privacy, Terms};
use serde_json::{Value, json};

use super::world::{HER, World, linked};

/// Numbers of one seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.roll(all.len() as u64) as usize) }
    }

    fn hour(&mut self) -> (u64, u64) {
        (self.roll(28) + 1, self.roll(12) + 6)
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[tokio::test]
async fn both_sides_are_equal_after_anything() {
    let (seed, steps) = (number("KALENDS_GOOGLE_SEED", 1), number("KALENDS_GOOGLE_STEPS", 150));
    for (seed, guests) in [(seed, Guests::None), (seed + 1, Guests::None), (seed, Guests::All)] {
        linked(Terms { privacy: Privacy::Full, guests, ..Terms::default() }, async |world, _| {
            println!("seed {seed}, {steps} steps, guests {guests:?}");
            let sides = if guests == Guests::None { 9 } else { 11 };
            let mut dice = Dice(seed);
            world.run(Command::Seed { seed }).await;
            faults(&world).await;
            for step in 0..steps {
                change(&world, &mut dice, (step, sides)).await;
                if dice.roll(20) == 0 {
                    world.run(Command::InvalidateTokens { calendar: HER.into() }).await;
                }
                turn(&world, &mut dice).await;
            }
            world.run(Command::ClearFaults).await;
            // Leases of the dead, breakers, quotas: all of it ends by itself.
            for _ in 0..6 {
                world.turn(3_700).await;
                world.rounds().await;
            }
            let state = world.state().await;
            assert_eq!(world.theirs().await, world.ours().await, "seed {seed}: {state}");
            if guests != Guests::None {
                let invited = invited_here(&world).await;
                assert_eq!(invited_there(&world).await, invited, "seed {seed}: {state}");
                assert!(invited.iter().any(|(_, guests)| !guests.is_empty()), "nobody was invited");
            }
            world.quiet().await;
        })
        .await;
    }
}

async fn faults(world: &World) {
    let all = [
        ("calendar.events.", Trouble::LostAnswer, 30),
        ("calendar.events.", Trouble::Cut, 20),
        ("calendar.events.", Trouble::HalfAnswer, 10),
        ("calendar.", Trouble::refuse(429, "rateLimitExceeded"), 20),
        ("calendar.", Trouble::refuse(500, "backendError"), 30),
        ("calendar.", Trouble::Html { status: 502 }, 10),
        ("oauth.token", Trouble::refuse(503, "backendError"), 100),
    ];
    for (method, trouble, chance) in all {
        world.run(Command::Fault { fault: Fault::new(method, trouble).per_mille(chance) }).await;
    }
}

/// A turn that may be cut off anywhere: the future is dropped as a killed process drops it, and another node goes on.
async fn turn(world: &World, dice: &mut Dice) {
    world.turn(dice.roll(90) as i64).await;
    match dice.roll(6) {
        0 => {}
        1 => {
            let node = world.node().await;
            let span = std::time::Duration::from_millis(dice.roll(40));
            tokio::time::timeout(span, node.round()).await.ok();
        }
        _ => drop(world.google.round().await),
    }
}

async fn change(world: &World, dice: &mut Dice, (step, sides): (u64, u64)) {
    let objects = world.objects().await;
    let events = world.events().await;
    let singles: Vec<_> = events.iter().filter(|one| one.get("recurringEventId").is_none()).collect();
    let (day, hour) = dice.hour();
    let times = json!({
        "start": { "dateTime": format!("2026-05-{day:02}T{hour:02}:00:00Z"), "timeZone": "Europe/Berlin" },
        "end": { "dateTime": format!("2026-05-{day:02}T{:02}:00:00Z", hour + 1), "timeZone": "Europe/Berlin" },
    });
    match dice.roll(sides) {
        0 | 1 => {
            let rule = if dice.roll(3) == 0 { "RRULE:FREQ=WEEKLY;COUNT=6\n" } else { "" };
            let lines = format!(
                "UID:u{step}\nSUMMARY:made {step}\n{rule}DTSTART;TZID=Europe/Berlin:202604{day:02}T{hour:02}0000\n\
                 DTEND;TZID=Europe/Berlin:202604{day:02}T{:02}0000\n",
                hour + 1
            );
            world.put(&format!("{step}.ics"), &lines).await;
        }
        2 => {
            let mut event = json!({ "id": format!("event{step:05}"), "summary": format!("born {step}") });
            event.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
            if dice.roll(3) == 0 {
                event["recurrence"] = json!(["RRULE:FREQ=DAILY;COUNT=5"]);
            }
            world.event(event).await;
        }
        3 | 4 => {
            if let Some((name, text)) = dice.pick(&objects) {
                let from = text.lines().find(|line| line.starts_with("SUMMARY:")).unwrap_or_default();
                world.put_text(name, &text.replace(from, &format!("SUMMARY:renamed {step}"))).await;
            }
        }
        5 => {
            if let Some((name, _)) = dice.pick(&objects) {
                // What a killed node had sent may still have landed since it was listed.
                world.deletes(name).await;
            }
        }
        6 => {
            if let Some(event) = dice.pick(&singles) {
                let mut change = json!({ "id": event["id"], "summary": format!("retitled {step}") });
                if event.get("recurrence").is_none() {
                    change.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
                }
                world.event(change).await;
            }
        }
        7 => {
            if let Some(event) = dice.pick(&singles) {
                world.cancel(event["id"].as_str().unwrap()).await;
            }
        }
        8 => occurrence(world, dice, &singles, step).await,
        9 => {
            if let Some((name, text)) = dice.pick(&objects) {
                let text = match dice.roll(3) {
                    0 => text
                        .lines()
                        .filter(|line| !line.starts_with("ATTENDEE"))
                        .map(|line| format!("{line}\r\n"))
                        .collect(),
                    _ => {
                        let host = if text.contains("ORGANIZER") {
                            ""
                        } else {
                            "ORGANIZER:mailto:ada@clinic.example\r\n"
                        };
                        let guest = format!("{host}ATTENDEE:mailto:g{step}@other.example\r\nSUMMARY:");
                        if text.matches("BEGIN:VEVENT").count() == 1 {
                            text.replace("SUMMARY:", &guest)
                        } else {
                            text.clone()
                        }
                    }
                };
                world.put_text(name, &text).await;
            }
        }
        _ => {
            if let Some(event) = dice.pick(&singles) {
                let mut all = event["attendees"].as_array().cloned().unwrap_or_default();
                match dice.roll(3) {
                    0 => all.truncate(1),
                    1 => all.iter_mut().for_each(|one| one["responseStatus"] = "accepted".into()),
                    _ => all.push(
                        json!({ "email": format!("t{step}@other.example"), "responseStatus": "needsAction" }),
                    ),
                }
                world.event(json!({ "id": event["id"], "attendees": all })).await;
            }
        }
    }
}

type Invited = Vec<(String, Vec<String>)>;

/// Who is invited to what, and who has said yes; of series and single events.
async fn invited_here(world: &World) -> Invited {
    let mut all = Vec::new();
    for (_, text) in world.objects().await {
        let object = ical::check(text.as_bytes(), &ical::Limits::default()).unwrap();
        for part in
            object.tree.parts().filter(|part| part.name() == "VEVENT" && part.get("RECURRENCE-ID").is_none())
        {
            let title = part.get("SUMMARY").map(|line| line.text().into_owned()).unwrap_or_default();
            let guests = part.all("ATTENDEE").map(|line| {
                let has_accepted = line.param("PARTSTAT").is_some_and(|word| word == "ACCEPTED");
                format!("{} {has_accepted}", line.value().trim_start_matches("mailto:"))
            });
            all.push((title, guests.collect()));
        }
    }
    sorted(all)
}

async fn invited_there(world: &World) -> Invited {
    let events = world.events().await;
    let wholes = events.iter().filter(|one| one.get("recurringEventId").is_none());
    let one = |event: &Value| {
        let guests = event["attendees"].as_array().into_iter().flatten();
        let guest = |one: &Value| {
            format!("{} {}", one["email"].as_str().unwrap(), one["responseStatus"] == "accepted")
        };
        (event["summary"].as_str().unwrap_or_default().to_owned(), guests.map(guest).collect())
    };
    sorted(wholes.map(one).collect())
}

fn sorted(mut all: Invited) -> Invited {
    all.iter_mut().for_each(|(_, guests)| guests.sort());
    all.sort();
    all
}

/// One occurrence of a series is renamed or cancelled there.
async fn occurrence(world: &World, dice: &mut Dice, singles: &[&serde_json::Value], step: u64) {
    let series: Vec<_> = singles.iter().filter(|one| one.get("recurrence").is_some()).collect();
    let Some(series) = dice.pick(&series) else { return };
    let start = chrono::DateTime::parse_from_rfc3339(series["start"]["dateTime"].as_str().unwrap()).unwrap();
    let is_daily = series["recurrence"][0].as_str().unwrap().contains("DAILY");
    let at = start + chrono::Duration::days(if is_daily { 2 } else { 14 });
    let id = format!("{}_{}", series["id"].as_str().unwrap(), at.to_utc().format("%Y%m%dT%H%M%SZ"));
    match dice.roll(2) {
        0 => world.cancel(&id).await,
        _ => drop(world.event(json!({ "id": id, "summary": format!("once {step}") })).await),
    }
}
