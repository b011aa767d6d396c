//! Consent, its end and its return; leaving.

use fake_google::{Command, Consent, Fault, Trouble};
use kalends::accounts::RemoteState;
use kalends::google::{Access, Error, Leave, Service, Terms};
use serde_json::{Value, json};

use super::world::{HER, World, berlin, key, linked, pair, remote_id};
use crate::support::database::each;

#[tokio::test]
async fn s1_a_consent_connects_once_and_only_its_own_state_counts() {
    each(async |fresh| {
        let world = World::over(fresh).await;
        let (asking, back) = world.consent(Consent::default()).await;
        let (state, code) = (pair(&back, "state"), pair(&back, "code"));
        for wrong in ["", "x", &code] {
            assert!(world.google.consented(wrong, &code).await.is_err(), "a state that is not ours");
        }
        assert_eq!(world.status().await, json!([]), "nothing is stored");
        world.google.consented(&state, &code).await.unwrap();
        assert!(world.google.consented(&state, &code).await.is_err(), "replayed");
        let who = world.who().await;
        let answered = world.google.answered(&who, &asking).await.unwrap().unwrap();
        assert_eq!((answered.email.as_str(), RemoteState::of(&answered)), (HER, RemoteState::Unconfirmed));
        world.google.confirm(&who, answered.id).await.unwrap();
        let listed = world.google.listed(&who, answered.id).await.unwrap();
        assert_eq!((listed[0].id.as_str(), listed[0].role.as_str()), (HER, "owner"));
    })
    .await;
}

#[tokio::test]
async fn s9_a_state_ends_after_ten_minutes_and_tokens_are_sealed() {
    each(async |fresh| {
        let world = World::over(fresh).await;
        let (_, back) = world.consent(Consent::default()).await;
        world.turn(601).await;
        assert!(world.google.consented(&pair(&back, "state"), &pair(&back, "code")).await.is_err());
        let remote = world.connect().await;
        let refresh = world.accounts.refresh_token(&remote).unwrap();
        let sealed = remote.refresh.clone().unwrap();
        let clear = refresh.expose().as_bytes();
        assert!(!sealed.windows(clear.len()).any(|part| part == clear));
        let mut archive = Vec::new();
        world.store.backup(&mut archive).await.unwrap();
        assert!(remote.access.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_workspace_domain_delegates_and_nobody_is_asked() {
    each(async |fresh| {
        let world = World::over(fresh).await;
        let robot = "robot@project.iam.gserviceaccount.com";
        let delegate = |scopes: &[&str]| Command::Delegate {
            service: robot.into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        let file = world.run(delegate(&["calendar.calendarlist.readonly", "calendar.events"])).await;
        assert!(Service::read("{}").is_none() && Service::read("x").is_none());
        let google = world.with_service(Service::read(&file.to_string()).unwrap()).await;
        let who = world.who().await;
        assert!(world.google.delegate(&who, HER).await.is_err(), "no service account is set");
        assert!(google.delegate(&who, "nobody@clinic.example").await.is_err());
        assert_eq!(world.status().await, json!([]), "nothing is kept that does not work");
        let id = google.delegate(&who, HER).await.unwrap();
        google.link(&who, id, HER, "own", Terms::default()).await.unwrap();
        world.event(json!({ "id": "event", "summary": "x", "start": berlin("2026-03-03T10:00"), "end": berlin("2026-03-03T11:00") })).await;
        let settle = async || {
            // Past the life of an access token, too.
            world.turn(4_000).await;
            while google.round().await.unwrap() > 0 {}
        };
        settle().await;
        world.put("a.ics", "UID:a\nSUMMARY:talk\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        settle().await;
        assert_eq!((world.objects().await.len(), world.events().await.len()), (2, 2));
        let grants: Vec<_> = world.fake.record().into_iter().filter(|one| one.method_id == "oauth.token").collect();
        assert!(grants.len() > 1 && grants.iter().all(|one| one.body.contains("jwt-bearer")));
        world.run(delegate(&[])).await;
        settle().await;
        let status = world.status().await;
        assert_eq!((&status[0]["state"], &status[0]["links"][0]["state"]), (&json!("needs_reauth"), &json!("needs_reauth")));
    })
    .await;
}

/// After a rekey the older key may go; an account that no key opens is counted and stays as it is.
#[tokio::test]
async fn tokens_are_sealed_anew_with_the_first_key() {
    each(async |fresh| {
        let world = World::over(fresh).await;
        let remote = world.connect().await;
        let opened = async |keys: &[u8]| {
            let sealing_keys = keys.iter().map(|byte| key(*byte)).collect();
            let settings = kalends::accounts::Settings { sealing_keys, ..Default::default() };
            kalends::accounts::Accounts::open(world.store.clone(), settings).await.unwrap()
        };
        assert_eq!(opened(&[8]).await.rekey(world.id).await.unwrap(), (0, 1), "by no key of these");
        let both = opened(&[8, 7]).await;
        assert_eq!(both.rekey(world.id).await.unwrap(), (1, 0));
        assert_eq!(both.rekey(world.id).await.unwrap(), (0, 0), "all is done");
        let new = opened(&[8]).await;
        let kept = new.remote(world.id, remote.id).await.unwrap();
        let (old, now) = (world.accounts.refresh_token(&remote).unwrap(), new.refresh_token(&kept).unwrap());
        assert!(old.expose() == now.expose() && new.access_token(&kept).is_some());
    })
    .await;
}

#[tokio::test]
async fn s2_a_box_left_unticked_is_said_by_name() {
    each(async |fresh| {
        let world = World::over(fresh).await;
        let (_, back) = world.consent(Consent { denies: true, ..Consent::default() }).await;
        assert_eq!(pair(&back, "error"), "access_denied");
        let unticks = vec!["calendar.events".to_owned()];
        let (_, back) = world.consent(Consent { unticks, ..Consent::default() }).await;
        let remote = world.google.consented(&pair(&back, "state"), &pair(&back, "code")).await.unwrap();
        assert_eq!(RemoteState::of(&remote), RemoteState::ScopeMissing);
        let who = world.who().await;
        world.google.link(&who, remote.id, HER, "own", Terms::default()).await.unwrap();
        world.settle().await;
        assert_eq!(world.calls("calendar.events.list"), 0, "no link runs");
        assert_eq!(world.status().await[0]["reason"], "calendar.events");
    })
    .await;
}

/// google-sync.md 4.10: first who she is and which calendars there are; their events with the first link.
#[tokio::test]
async fn a_person_is_asked_little_by_little() {
    each(async |fresh| {
        let world = World::over(fresh).await;
        let scopes = |asking: &kalends::google::Asking| {
            let url = url::Url::parse(&asking.url).unwrap();
            assert_eq!(pair(&url, "include_granted_scopes"), "true");
            pair(&url, "scope").split(' ').filter_map(|one| one.rsplit_once("auth/")).count()
        };
        let (asking, back) = world.consent_to(Consent::default(), None, Access::Calendars).await;
        assert_eq!(scopes(&asking), 2, "her address and her calendars");
        let remote = world.google.consented(&pair(&back, "state"), &pair(&back, "code")).await.unwrap();
        assert!(!remote.scopes.contains("calendar.events"), "{}", remote.scopes);
        let who = world.who().await;
        world.google.confirm(&who, remote.id).await.unwrap();
        assert!(!world.google.listed(&who, remote.id).await.unwrap().is_empty());
        let link = world.google.link(&who, remote.id, HER, "own", Terms::default()).await.unwrap();
        world.settle().await;
        let shown = &world.status().await[0]["links"][0];
        assert_eq!((&shown["state"], &shown["reason"]), (&json!("needs_reauth"), &json!("scope")));
        assert_eq!(world.calls("calendar.events.list"), 0, "it waits");
        // By her address: that she has a link is enough to know what to ask for.
        let (asking, back) = world.consent_to(Consent::default(), Some(HER), Access::Calendars).await;
        assert_eq!(scopes(&asking), 3);
        let again = world.google.consented(&pair(&back, "state"), &pair(&back, "code")).await.unwrap();
        assert_eq!(again.id, remote.id);
        world.settle().await;
        assert_eq!(world.status().await[0]["links"][0]["state"], "live");
        assert!(world.calls("calendar.events.list") > 0);
        assert_eq!(world.status().await[0]["links"][0]["id"], link.0);
    })
    .await;
}

#[tokio::test]
async fn s3_an_access_token_that_ends_mid_page_is_refreshed_once() {
    linked(Terms::default(), async |world, _| {
        for n in 0..6 {
            let at = format!("2026-03-0{}T10:00", n + 3);
            world.event(json!({ "id": format!("event{n}"), "summary": "x", "start": berlin(&at), "end": berlin(&at) })).await;
        }
        let manners = fake_google::Manners { page_cap: 2, ..Default::default() };
        world.run(Command::Manners { manners }).await;
        let gone = Trouble::refuse(401, "authError");
        world.run(Command::Fault { fault: Fault::new("calendar.events.list", gone).after(1).once() }).await;
        let before = world.calls("oauth.token");
        world.settle().await;
        assert_eq!(world.objects().await.len(), 6);
        assert_eq!(world.calls("oauth.token") - before, 1);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s4_a_consent_taken_back_stops_the_link_and_a_new_one_lets_the_backlog_flow() {
    linked(Terms::default(), async |world, _| {
        world.settle().await;
        world.run(Command::RevokeAccess { email: HER.into() }).await;
        world.put("a.ics", "UID:a\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        world.settle().await;
        assert_eq!(world.status().await[0]["state"], "needs_reauth");
        let calls = world.fake.record().len();
        world.settle().await;
        assert_eq!(world.fake.record().len(), calls, "no retries");
        world.put("b.ics", "UID:b\nDTSTART:20260304T090000Z\nDTEND:20260304T100000Z\n").await;
        let remote = world.connect().await;
        assert_eq!(remote.id, remote_id(&world.status().await), "the same account");
        world.settle().await;
        assert_eq!(world.events().await.len(), 2);
        world.quiet().await;
    })
    .await;
}

#[tokio::test]
async fn s5_a_token_endpoint_that_is_down_is_no_revocation() {
    linked(Terms::default(), async |world, _| {
        world.settle().await;
        world.run(Command::ExpireAccess).await;
        world
            .run(Command::Fault { fault: Fault::new("oauth.token", Trouble::refuse(503, "backendError")) })
            .await;
        world.put("a.ics", "UID:a\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        for _ in 0..10 {
            world.turn(60).await;
            world.rounds().await;
        }
        assert_eq!(world.status().await[0]["state"], "active");
        world.run(Command::ClearFaults).await;
        world.settle().await;
        assert_eq!(world.events().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn s6_leaving_removes_our_events_and_nobody_elses() {
    linked(Terms::default(), async |world, _| {
        world.put("a.ics", "UID:a\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        world.event(json!({ "id": "personal", "summary": "hers", "start": berlin("2026-03-04T10:00"), "end": berlin("2026-03-04T11:00") })).await;
        world.settle().await;
        assert_eq!(world.events().await.len(), 2);
        let id = remote_id(&world.status().await);
        world.google.disconnect(&world.who().await, id, Leave::Remove).await.unwrap();
        let left = world.events().await;
        assert!(left.len() == 1 && left[0]["id"] == "personal", "{left:?}");
        assert_eq!((world.calls("oauth.revoke"), world.status().await), (1, json!([])));
        assert_eq!(world.objects().await.len(), 2, "here all stays");
    })
    .await;
}

/// The narrow grant of google-sync.md 4.10: a calendar of the clinic's own beside hers, and nothing of hers.
#[tokio::test]
async fn a_calendar_that_is_made_there_needs_none_of_hers() {
    each(async |fresh| {
        let world = World::over(fresh).await;
        let who = world.who().await;
        let came_back = async |hint: Option<&str>, access: Access| {
            let (_, back) = world.consent_to(Consent::default(), hint, access).await;
            world.google.consented(&pair(&back, "state"), &pair(&back, "code")).await.unwrap()
        };
        let remote = came_back(None, Access::Calendars).await;
        world.google.confirm(&who, remote.id).await.unwrap();
        let made = Terms { made: true, ..Terms::default() };
        let make = async |name: &str| world.google.link(&who, remote.id, name, "own", made.clone()).await;
        assert!(matches!(make("Clinic").await, Err(Error::Refused(_))), "she has not consented to one");
        let remote = came_back(Some(HER), Access::Own).await;
        assert!(remote.scopes.contains("calendar.app.created") && !remote.scopes.contains("calendar.events"));
        for wrong in ["", " ", "a\nb", &"x".repeat(201)] {
            assert!(matches!(make(wrong).await, Err(Error::Refused(_))), "{wrong:?}");
        }
        make(" Clinic ").await.unwrap();
        let listed = world.google.listed(&who, remote.id).await.unwrap();
        let made = listed.iter().find(|one| one.summary == "Clinic").unwrap();
        assert_eq!((made.role.as_str(), made.zone.as_deref()), ("owner", Some("Europe/Berlin")));
        world.put("a.ics", "UID:a\nDTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n").await;
        world.settle().await;
        let Value::Array(all) = world.run(Command::Events { calendar: made.id.clone() }).await else { panic!("a list") };
        assert_eq!((all.len(), world.events().await.len()), (1, 0));
        let hers = json!({ "id": "there", "summary": "x", "start": berlin("2026-03-04T10:00"), "end": berlin("2026-03-04T11:00") });
        world.run(Command::Event { calendar: made.id.clone(), event: hers.as_object().unwrap().clone() }).await;
        world.settle().await;
        assert_eq!(world.objects().await.len(), 2);
        world.quiet().await;
        // One of hers waits for a consent to more, which keeps what it had.
        world.calendar("other").await;
        world.google.link(&world.who().await, remote.id, HER, "other", Terms::default()).await.unwrap();
        let states = async || {
            let status = world.status().await;
            let links = status[0]["links"].as_array().unwrap();
            let mut all: Vec<String> = links.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect();
            all.sort();
            all
        };
        world.settle().await;
        assert_eq!(states().await, ["live", "needs_reauth"]);
        let remote = came_back(Some(HER), Access::Calendars).await;
        assert!(remote.scopes.contains("calendar.app.created") && remote.scopes.contains("calendar.events"));
        world.settle().await;
        assert_eq!(states().await, ["live", "live"]);
    })
    .await;
}

#[tokio::test]
async fn s7_a_calendar_is_linked_once() {
    linked(Terms::default(), async |world, _| {
        let remote = world.connect().await;
        let who = world.who().await;
        assert!(world.google.link(&who, remote.id, HER, "own", Terms::default()).await.is_err());
    })
    .await;
}
