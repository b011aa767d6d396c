//! The Google door, tested against the fake Google of `fake/`, which is a package of its own and never part of the product.
//! A test whose name begins with `s` and a number proves that scenario of the specification; "quiet" is ten further polls
//! that write nothing on either side.
//!
//! Files: `world` (both sides and one clock) · `connect` · `first` (first sync) · `here` (from here to Google) · `there` (from
//! Google to here) · `series` · `singles` (a series by its occurrences) · `conflicts` · `trouble` (errors) · `channels` (notifications) · `places` (several calendars) · `pace` (many links at once) · `logs` · `office` (as JSON) ·
//! `guests` ·
//! `converge` (anything at all).

mod channels;
mod conflicts;
mod connect;
mod converge;
mod first;
mod guests;
mod here;
mod logs;
mod office;
mod pace;
mod places;
mod series;
mod singles;
mod there;
mod trouble;
mod world;

use fake_google::{Clock, Command, Fake};

use crate::support::server::NOW;

#[tokio::test]
async fn one_clock_turns_the_server_and_the_fake() {
    let store::Clock::Turned(cell) = store::Clock::at(NOW) else { panic!("a turned clock") };
    let ours = store::Clock::Turned(cell.clone());
    let google = Fake::start(([127, 0, 0, 1], 0).into(), Clock::Turned(cell)).await.unwrap();
    ours.turn(60);
    assert_eq!(google.lock().clock.now(), NOW + 60);
    google.run(Command::Turn { seconds: 60 }).await.unwrap();
    assert_eq!(ours.now(), NOW + 120);
}
