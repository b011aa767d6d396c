//! Guests as an option of a link (R19): carried with their answers, written to only for what somebody does here.

use fake_google::Command;
use kalends::google::{self, Direction, Guests, Mode, Privacy, Terms};
use serde_json::{Value, json};

use super::world::{HER, World, berlin, linked};

const BOB: &str = "bob@other.example";
const EVE: &str = "eve@clinic.example";
/// Hers to invite to: Bob from elsewhere, Eve with a calendar at Google, and whom Google cannot invite.
const MEETING: &str = "UID:a\nSUMMARY:round\nDTSTART;TZID=Europe/Berlin:20260303T100000\n\
    DTEND;TZID=Europe/Berlin:20260303T110000\nORGANIZER;CN=Ada:mailto:Ada@clinic.example\n\
    ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@clinic.example\nATTENDEE;RSVP=TRUE;CN=Bob B.:MAILTO:Bob@other.example\n\
    ATTENDEE;ROLE=OPT-PARTICIPANT;X-OURS=kept:mailto:eve@clinic.example\nATTENDEE;CUTYPE=ROOM:mailto:room@clinic.example\n\
    ATTENDEE:tel:0171\n";

fn inviting(guests: Guests) -> Terms {
    Terms { privacy: Privacy::Full, guests, ..Terms::default() }
}

async fn with_eve(world: &World) {
    world.run(Command::Account { email: EVE.into(), zone: "Europe/Berlin".into() }).await;
}

/// To whom Google wrote since the last look, and for which method.
async fn mails(world: &World, seen: &mut usize) -> Vec<(String, String)> {
    let Value::Array(all) = world.run(Command::Mails).await else { panic!("a list") };
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let new = all[*seen..].iter().map(|one| (text(one, "to"), text(one, "method"))).collect();
    *seen = all.len();
    new
}

fn guests(event: &Value) -> Vec<(&str, &str)> {
    let all = event["attendees"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|one| (one["email"].as_str().unwrap(), one["responseStatus"].as_str().unwrap())).collect()
}

fn to(all: &[&str], method: &str) -> Vec<(String, String)> {
    all.iter().map(|one| ((*one).to_owned(), format!("calendar.events.{method}"))).collect()
}

#[tokio::test]
async fn r19_guests_are_carried_and_hear_of_what_is_done_here() {
    linked(inviting(Guests::All), async |world, _| {
        with_eve(&world).await;
        // The first look is over: what comes now is done.
        world.settle().await;
        let mut seen = 0;
        world.put("a.ics", MEETING).await;
        world.put("alone.ics", "UID:b\nSUMMARY:x\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        world.settle().await;
        let event = world.events().await.into_iter().find(|one| one["summary"] == "round").unwrap();
        assert_eq!(guests(&event), [(BOB, "needsAction"), (EVE, "needsAction")]);
        assert_eq!(
            (&event["attendees"][0]["displayName"], &event["attendees"][1]["optional"]),
            (&json!("Bob B."), &json!(true))
        );
        assert_eq!(mails(&world, &mut seen).await, to(&[BOB, EVE], "insert"));
        for write in world.writes() {
            let updates = if write.body.contains("round") { "all" } else { "none" };
            assert!(write.uri.contains(&format!("sendUpdates={updates}")), "{}", write.uri);
        }
        world.quiet().await;
        world.put("a.ics", &MEETING.replace("T100000", "T103000")).await;
        world.settle().await;
        assert_eq!(mails(&world, &mut seen).await, to(&[BOB, EVE], "patch"));
        assert!(!world.writes().last().unwrap().body.contains("attendees"), "only what changed");
        world.put("a.ics", &MEETING.replace("T100000", "T103000").replace("Bob@other", "carl@other")).await;
        world.settle().await;
        let event = world.events().await.into_iter().find(|one| one["summary"] == "round").unwrap();
        assert_eq!(guests(&event), [(EVE, "needsAction"), ("carl@other.example", "needsAction")]);
        mails(&world, &mut seen).await;
        world.delete("a.ics").await;
        world.settle().await;
        assert_eq!(mails(&world, &mut seen).await, to(&[EVE, "carl@other.example"], "delete"));
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn r19_only_those_elsewhere_hear_where_it_is_so_chosen() {
    linked(inviting(Guests::ExternalOnly), async |world, _| {
        with_eve(&world).await;
        world.settle().await;
        world.put("a.ics", MEETING).await;
        world.settle().await;
        assert_eq!(mails(&world, &mut 0).await, to(&[BOB], "insert"));
        assert_eq!(guests(&world.events().await[0]).len(), 2);
    })
    .await;
}

#[tokio::test]
async fn s39_an_answer_is_its_participation_and_nothing_else() {
    linked(inviting(Guests::All), async |world, _| {
        world.put("a.ics", MEETING).await;
        world.settle().await;
        let mut event = world.events().await.remove(0);
        event["attendees"][0]["responseStatus"] = "accepted".into();
        event["attendees"][0]["comment"] = "late".into();
        world.event(json!({ "id": event["id"], "attendees": event["attendees"] })).await;
        world.settle().await;
        let text = world.text().await;
        assert!(
            text.contains("ATTENDEE;RSVP=TRUE;CN=Bob B.;PARTSTAT=ACCEPTED:MAILTO:Bob@other.example"),
            "{text}"
        );
        for line in MEETING.lines().filter(|line| !line.contains("Bob")) {
            assert!(text.contains(line), "{line}: {text}");
        }
        world.quiet().await;
        assert_eq!(world.writes().len(), 1, "no write back");
        // The list is sent whole: what Google knows of a guest stays hers.
        world
            .put_text(
                "a.ics",
                &text.replace("ATTENDEE:tel", "ATTENDEE:mailto:dan@other.example\r\nATTENDEE:tel"),
            )
            .await;
        world.settle().await;
        let event = world.events().await.remove(0);
        assert_eq!(
            guests(&event),
            [(BOB, "accepted"), (EVE, "needsAction"), ("dan@other.example", "needsAction")]
        );
        assert_eq!(event["attendees"][0]["comment"], "late");
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn guests_of_her_own_meeting_there_are_invited_here_by_her() {
    linked(inviting(Guests::All), async |world, _| {
        let guest = |email: &str| json!({ "email": email, "responseStatus": "needsAction" });
        let mut all = vec![json!({ "email": HER, "self": true, "organizer": true, "responseStatus": "accepted" }), guest(BOB)];
        let event = json!({ "id": "meeting", "summary": "m", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00"), "attendees": all });
        world.event(event).await;
        world.settle().await;
        let text = world.text().await;
        for line in ["ORGANIZER:mailto:ada@clinic.example\r\n", "ATTENDEE:mailto:bob@other.example\r\n"] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert_eq!(text.matches("ATTENDEE").count(), 1);
        // One comes there and another one here, before either side knows.
        all.push(guest("carl@other.example"));
        world.event(json!({ "id": "meeting", "attendees": all })).await;
        let name = world.objects().await.remove(0).0;
        world.put_text(&name, &text.replace("ATTENDEE:", "ATTENDEE:mailto:dan@other.example\r\nATTENDEE:")).await;
        world.settle().await;
        let event = world.events().await.remove(0);
        let mut both: Vec<&str> = guests(&event).into_iter().map(|(address, _)| address).collect();
        both.sort();
        assert_eq!(both, [HER, BOB, "carl@other.example", "dan@other.example"]);
        assert_eq!(world.text().await.matches("ATTENDEE").count(), 3);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn an_occurrence_has_guests_of_its_own() {
    linked(inviting(Guests::All), async |world, _| {
        let series = MEETING.replace("SUMMARY", "RRULE:FREQ=WEEKLY;COUNT=4\nSUMMARY");
        let own =
            series.replace("RRULE:FREQ=WEEKLY;COUNT=4", "RECURRENCE-ID;TZID=Europe/Berlin:20260310T100000");
        let own = own.replace("20260303", "20260310").replace("Bob@other", "carl@other");
        world
            .put("a.ics", &format!("{series}END:VEVENT\nBEGIN:VEVENT\nDTSTAMP:20260101T000000Z\n{own}"))
            .await;
        world.settle().await;
        let all = world.events().await;
        let of = |is_one: bool| {
            let found = all.iter().find(|one| one.get("recurringEventId").is_some() == is_one).unwrap();
            guests(found).into_iter().map(|(address, _)| address).collect::<Vec<_>>()
        };
        assert_eq!((of(false), of(true)), (vec![BOB, EVE], vec![EVE, "carl@other.example"]));
        world.quiet().await;
    })
    .await;
}

/// Switched on later, off, on again: nobody is lost on either side, and nobody is written to.
#[tokio::test]
async fn r19_a_first_comparison_and_a_resync_write_to_nobody() {
    linked(inviting(Guests::None), async |world, link| {
        world.put("a.ics", MEETING).await;
        let there = json!({ "id": "there", "summary": "m", "start": berlin("2026-03-04T10:00"), "end": berlin("2026-03-04T11:00"), "attendees": [{ "email": BOB, "responseStatus": "accepted" }] });
        world.event(there).await;
        world.settle().await;
        let event = world.events().await.into_iter().find(|one| one["summary"] == "round").unwrap();
        assert!(guests(&event).is_empty(), "off by default");
        // Somebody was invited there meanwhile.
        world.event(json!({ "id": event["id"], "attendees": [{ "email": "carl@other.example", "responseStatus": "tentative" }] })).await;
        world.settle().await;
        let who = world.who().await;
        let turn = async |guests: Guests| {
            world.google.change_terms(&who, link, |terms| terms.guests = guests).await.unwrap();
            world.settle().await;
        };
        turn(Guests::All).await;
        let compared = async || {
            let all = world.objects().await;
            let ours: Vec<usize> = all.iter().map(|(_, text)| text.matches("mailto:").count() + text.matches("MAILTO:").count()).collect();
            let all = world.events().await;
            let mut theirs: Vec<usize> = all.iter().map(|one| guests(one).len()).collect();
            theirs.sort();
            (ours, theirs)
        };
        // Organizer, herself, a room, and three guests; organizer and Bob.
        assert_eq!(compared().await, (vec![6, 2], vec![1, 3]));
        world.quiet().await;
        turn(Guests::None).await;
        world.quiet().await;
        world.event(json!({ "id": "there", "attendees": [] })).await;
        world.settle().await;
        assert_eq!(compared().await, (vec![6, 2], vec![0, 3]), "not carried any more");
        turn(Guests::All).await;
        assert_eq!(compared().await, (vec![6, 2], vec![1, 3]), "what happened unseen makes nobody less invited");
        world.google.resync(&who, link).await.unwrap();
        world.settle().await;
        assert!(mails(&world, &mut 0).await.is_empty());
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s71_a_guest_google_does_not_accept_keeps_the_event_from_nobody() {
    linked(inviting(Guests::All), async |world, link| {
        // An address that may be one, and is none to Google.
        let meeting = MEETING.replace("Bob@other.example", "bob@nowhere");
        world.put("a.ics", &meeting.replace("tel:0171", "mailto:not an address")).await;
        world.settle().await;
        let event = world.events().await.remove(0);
        assert_eq!((&event["summary"], guests(&event).len()), (&json!("round"), 0), "{event:#?}");
        assert_eq!(
            (world.notes(link).await, world.dead(link).await.len()),
            (vec!["guest_address".to_owned()], 0)
        );
        world.quiet().await;
        world.put("a.ics", MEETING).await;
        world.settle().await;
        assert_eq!(guests(&world.events().await[0]).len(), 2);
        world.put("a.ics", &meeting.replace("round", "next")).await;
        world.settle().await;
        let event = world.events().await.remove(0);
        assert_eq!(
            (&event["summary"], guests(&event).len()),
            (&json!("next"), 2),
            "those of before stay there"
        );
        assert!(world.text().await.contains("bob@nowhere"));
    })
    .await;
}

/// Nobody is invited in her name to what another one invites to, here or there.
#[tokio::test]
async fn another_ones_meeting_has_none_of_her_guests() {
    linked(inviting(Guests::All), async |world, _| {
        with_eve(&world).await;
        world.put("a.ics", &MEETING.replace("mailto:Ada@clinic.example", "mailto:dr@other.example")).await;
        world.put("b.ics", "UID:b\nSUMMARY:b\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\nATTENDEE:mailto:bob@other.example\n").await;
        let event = json!({ "id": "hers", "summary": "eve's", "organizer": { "email": EVE }, "start": berlin("2026-03-04T10:00"), "end": berlin("2026-03-04T11:00"), "attendees": [{ "email": HER, "self": true, "responseStatus": "needsAction" }, { "email": BOB, "responseStatus": "needsAction" }] });
        world.event(event).await;
        world.settle().await;
        let all = world.objects().await;
        assert_eq!(all.len(), 3, "{all:?}");
        let (name, text) = all.iter().find(|(_, text)| text.contains("eve's")).unwrap();
        assert!(!text.contains("ATTENDEE"), "{text}");
        world.quiet().await;
        let invited = "SUMMARY:moved\r\nORGANIZER:mailto:ada@clinic.example\r\nATTENDEE:mailto:dan@other.example";
        world.put_text(name, &text.replace("SUMMARY:eve's", invited)).await;
        world.settle().await;
        let event = world.events().await.into_iter().find(|one| one["id"] == "hers").unwrap();
        assert_eq!((&event["summary"], guests(&event).len()), (&json!("moved"), 2), "{event:#?}");
        assert!(world.writes().iter().all(|one| !one.body.contains("attendees")), "{:#?}", world.writes());
        world.quiet().await;
        let (before, text) = (world.writes().len(), world.objects().await);
        let text = &text.iter().find(|(own, _)| own == name).unwrap().1;
        world.put_text(name, &text.replace("dan@other", "carl@other")).await;
        world.settle().await;
        assert_eq!(world.writes().len(), before, "and nothing is sent where only guests changed");
    })
    .await;
}

#[tokio::test]
async fn guests_are_refused_where_they_would_be_told_of_by_accident() {
    linked(inviting(Guests::None), async |world, link| {
        let who = world.who().await;
        for (privacy, mode, direction) in [
            (Privacy::Busy, Mode::Series, Direction::Both),
            (Privacy::Title, Mode::Series, Direction::Both),
            (Privacy::Full, Mode::Materialized, Direction::Both),
            (Privacy::Full, Mode::Series, Direction::Pull),
        ] {
            let change = |terms: &mut Terms| {
                (terms.privacy, terms.mode, terms.direction) = (privacy, mode, direction);
                terms.guests = Guests::All;
            };
            let done = world.google.change_terms(&who, link, change).await;
            assert!(matches!(done, Err(google::Error::Refused(_))), "{privacy:?} {mode:?} {direction:?}");
        }
        world.put("a.ics", MEETING).await;
        world.settle().await;
        assert!(guests(&world.events().await[0]).is_empty());
    })
    .await;
}
