//! A booking goes by an index of free time that is a little behind: it does not read what those before it took, and what
//! people, hours and services are counts at once all the same.

use kalends::accounts::Caller;
use kalends::clinic::{Error, Ground, Interval, NewOverride, NewTerm, Site, Step, TermKey, Unfit, Wish};
use store::{Dimension, PrincipalId, trips};

use super::hours::{on, week as weekly};
use super::office::{Office, berlin, by, everywhere, service, week};
use super::world::DAY;

impl Office {
    /// Somebody whose request begins now.
    async fn now(&self) -> Caller {
        self.accounts.operator("bot").await.unwrap()
    }

    /// Books as whoever says with what else: without a look for a free room.
    async fn book_alone(&self, with: PrincipalId, minute: i64) -> Result<(), Error> {
        let wish = Wish { with: Some(Vec::new()), ..self.wish(with, minute) };
        self.clinic.reserve(&self.now().await, &wish, Ground::Bare).await.map(drop)
    }

    /// Open then on the Monday, and not besides.
    async fn only(&self, of: PrincipalId, hours: Interval) {
        let day = berlin().to_civil(self.monday).div_euclid(DAY);
        let week = weekly("Europe/Berlin", &[hours]);
        let new = NewOverride { first: day, last: day, is_urgent: true, week };
        let done = self.clinic.put_override(by(&self.admin), (of, None), new, (None, Step::Sure)).await;
        done.unwrap();
    }
}

#[tokio::test]
async fn a_booking_costs_no_more_after_others() {
    everywhere(async |office| {
        // The least of a few: other things of the store count as well.
        let cost = async |first: i64, is_known: bool| {
            let mut least = u64::MAX;
            for minute in [first, first + 30, first + 60] {
                if is_known {
                    office.starts(office.ada).await;
                }
                let before = trips();
                office.book_alone(office.ada, minute).await.unwrap();
                least = least.min(trips() - before);
            }
            least
        };
        let known = cost(540, true).await;
        let behind = cost(630, false).await;
        assert!(behind <= known, "{behind} after others, {known} where the index knows them");
    })
    .await;
}

#[tokio::test]
async fn hours_and_services_are_those_of_now_though_time_is_not() {
    everywhere(async |office| {
        let (ada, bot) = (office.ada, async || office.now().await);
        office.book_alone(ada, 540).await.unwrap();
        office.book_alone(ada, 570).await.unwrap();
        let taken = office.book_alone(ada, 570).await.unwrap_err();
        assert_eq!(taken.code(), "SCHEDULING_CONFLICT", "what the index does not know yet");
        // Hours of one day, which are objects.
        office.only(ada, on(127, 15, 17)).await;
        let closed = office.book_alone(ada, 600).await.unwrap_err();
        assert!(matches!(closed, Error::Unfit(Unfit::Closed)), "{closed:?}");
        office.book_alone(ada, 900).await.unwrap();
        // Hours of every week.
        office.book_alone(office.bob, 540).await.unwrap();
        office.hours("bob", Some(week("1300", "1400"))).await;
        let closed = office.book_alone(office.bob, 600).await.unwrap_err();
        assert!(matches!(closed, Error::Unfit(Unfit::Closed)), "{closed:?}");
        office.book_alone(office.bob, 780).await.unwrap();
        // A service by its name: another one has it now.
        let renamed = service("second");
        office.directory.change_service(by(&office.admin), office.first, None, renamed).await.unwrap();
        let other = office.directory.add_service(by(&office.admin), service("first")).await.unwrap().id;
        assert_eq!(office.clinic.service_called(&bot().await, "first").await.unwrap(), other);
        assert_eq!(office.clinic.service_called(&bot().await, "second").await.unwrap(), office.first);
        office.book_alone(ada, 930).await.unwrap();
        assert_eq!(office.starts(office.bob).await, [810], "a search knows all of it");
    })
    .await;
}

/// What is overbooked is not asked in its transaction what it was planned by.
#[tokio::test]
async fn what_is_overbooked_goes_by_the_hours_of_now() {
    everywhere(async |office| {
        let video =
            NewTerm { dimension: Dimension::Mode, code: "video".into(), name: "Video".into(), detail: None };
        let video = office.directory.add_term(by(&office.admin), video).await.unwrap().id;
        office.book_alone(office.ada, 540).await.unwrap();
        let site = Site { place: None, mode: Some(TermKey(video.0)) };
        office.only(office.ada, Interval { site, ..on(127, 9, 12) }).await;
        let wish =
            Wish { with: Some(Vec::new()), minutes: Some(30), ..Wish::new(office.ada, office.at(540)) };
        let desk = office.accounts.operator("receptionist").await.unwrap();
        let ground = Ground::Overbook("urgent".into());
        let booked = office.clinic.reserve(&desk, &wish, ground).await.unwrap();
        assert_eq!(booked.row.mode.as_deref(), Some("video"));
    })
    .await;
}
