//! A link's turn: pull, look for changes here, push, keep the channel. What comes of it decides when its next turn is; one
//! link that fails never holds up another.

use futures_util::{StreamExt, stream};

use super::carry::Run;
use super::connect::NO_EVENTS;
use super::error::{Error, Failure, Result};
use super::terms::{self, Direction, Mode, Terms, state};
use super::{Google, watch};
use crate::accounts::RemoteState;
use crate::calendar::{Errand, ErrandState, Link, RESTS, Watched, Way};

/// Seconds a lease lasts; prolonged while the work goes on.
const LEASE: i64 = 60;
/// Seconds before the tries after the first.
const AGAIN: [i64; 4] = [1, 2, 4, 8];
/// Seconds without writes after so many errands failed in a row, and how many.
const BREAKS: [i64; 4] = [60, 300, 900, 3_600];
const FAILED_IN_A_ROW: i64 = 3;
/// The calendar's quota: hours.
const QUOTA: i64 = 3_600;
/// Between two safety polls: with a channel, and without.
pub const POLL_WATCHED: i64 = 6 * 3_600;
const POLL: i64 = 300;
const DAY: i64 = 86_400;
/// Links worked on at once by a node.
pub const AT_ONCE: usize = 8;
/// Errands of a backfill in one turn of a link: then what is fresh has its own, in this link and in all others.
const SLICE: usize = 20;
/// A channel that Google refused or failed to open is not asked for again before.
const REFUSED: i64 = 86_400;
const FAILED: i64 = 600;
/// Looks of a first time at a calendar, of 500 changes each.
const LOOKS: usize = 1_000;

impl Google {
    /// Everything that is due now, on this node, to its end; how many links had their turn.
    pub async fn round(&self) -> Result<usize> {
        self.stir().await?;
        let turns = self.mirrors().due().await?.into_iter().map(|link| self.turn(link));
        let count = stream::iter(turns).buffer_unordered(AT_ONCE).count().await;
        Ok(count + self.lists().await?)
    }

    /// This node stops, its turns are over or given up: what it was at is another's at once.
    pub async fn retire(&self) -> Result<u64> {
        Ok(self.mirrors().end_leases(self.node()).await?)
    }

    /// Calendars that changed call for their links.
    pub(super) async fn stir(&self) -> Result<()> {
        for clinic in self.accounts().clinics().await? {
            let seen = self.seen(clinic.id);
            let now = self.mirrors().stir(clinic.id, seen).await?;
            self.saw(clinic.id, now);
        }
        Ok(())
    }

    /// What went wrong stands in the link; false: that could not be written either.
    pub(super) async fn turn(&self, link: Link) -> bool {
        let mut link = match self.mirrors().lease(&link, self.node(), LEASE).await {
            Ok(Some(link)) => link,
            Ok(None) => return true,
            Err(error) => {
                tracing::warn!(%error, link.id = link.id.0, "a link could not be leased");
                return false;
            }
        };
        let done = self.work(&mut link).await;
        if matches!(done, Err(Error::Leased)) {
            return true;
        }
        let kept = self.outcome(&mut link, done).await;
        if let Err(error) = &kept {
            tracing::warn!(%error, link.id = link.id.0, "the end of a link's turn was not kept");
        }
        kept.is_ok()
    }

    async fn work(&self, link: &mut Link) -> Result<()> {
        let remote = self.accounts().remote(link.clinic, link.remote).await?;
        if RemoteState::of(&remote) != RemoteState::Active {
            return Err(Failure::Revoked.into());
        }
        let mut run = self.run(remote, link.clone()).await?;
        let done = run.all(self).await;
        *link = run.link;
        done
    }

    /// What the link is after a turn, and when it is due again.
    async fn outcome(&self, link: &mut Link, done: Result<()>) -> Result<()> {
        let now = self.mirrors().now();
        let (totals, next) = self.mirrors().errands_total(link).await?;
        link.lease_until = 0;
        match &done {
            Ok(()) => {
                let terms = Terms::of(link);
                let throttled = terms.write_at > now;
                // What is only pushed is never polled: its channel is seen to, all the same.
                let polled_at = if terms.direction == Direction::Push { now } else { link.polled_at };
                let poll = polled_at + self.poll(link).await?;
                link.backfill = next.is_some_and(|(_, is_backfill)| is_backfill);
                let errand =
                    next.map(|(next, _)| if throttled { next.max(terms.write_at) } else { next.max(now) });
                link.due_at = errand.map_or(poll, |errand| errand.min(poll));
                if throttled && totals[1] > 0 {
                    link.due_at = link.due_at.min(terms.write_at);
                }
                if link.state == state::READ_ONLY {
                    link.due_at = poll;
                }
                let word = if throttled { state::THROTTLED } else { state::LIVE };
                if link.state != state::READ_ONLY {
                    (link.state, link.reason) = (word.into(), String::new());
                }
                link.fails = if throttled { link.fails } else { 0 };
            }
            Err(error) => self.trouble(link, error, now).await?,
        }
        self.mirrors().save(link).await?;
        Ok(())
    }

    async fn trouble(&self, link: &mut Link, error: &Error, now: i64) -> Result<()> {
        let (word, reason, due) = match error {
            Error::Budget(seconds) => (link.state.clone(), link.reason.clone(), now + seconds),
            Error::Guarded(count) => {
                let reason = format!("guard: {count} events were deleted at once");
                self.mirrors().note(link, "guard", "", "{}".into()).await?;
                (state::PAUSED.into(), reason, RESTS)
            }
            Error::Google(Failure::Revoked) => (state::NEEDS_REAUTH.into(), "consent".into(), RESTS),
            Error::Google(Failure::NotFound) => {
                (state::GONE.into(), "the calendar is not there".into(), RESTS)
            }
            Error::Google(Failure::Forbidden(why)) if why.contains("nsufficient") => {
                let mut remote = self.accounts().remote(link.clinic, link.remote).await?;
                self.accounts().set_remote(&mut remote, RemoteState::ScopeMissing, why).await?;
                (state::NEEDS_REAUTH.into(), NO_EVENTS.into(), RESTS)
            }
            Error::Google(Failure::Limited { retry_after: Some(seconds) }) => {
                self.budget().hold(link.remote, now + seconds);
                (link.state.clone(), "rate_limited".into(), now + seconds)
            }
            Error::Google(failure) => {
                let wait = AGAIN
                    .iter()
                    .chain(&BREAKS)
                    .nth(usize::try_from(link.fails).unwrap_or(0))
                    .unwrap_or(&3_600);
                link.fails += 1;
                (link.state.clone(), failure.code(), now + wait)
            }
            busy if busy.is_busy() => (link.state.clone(), link.reason.clone(), now + AGAIN[1]),
            other => {
                tracing::warn!(error = %other, link.id = link.id.0, "a link's turn failed; it is tried again");
                (link.state.clone(), "internal".into(), now + BREAKS[0])
            }
        };
        (link.state, link.reason, link.due_at) = (word, reason, due);
        Ok(())
    }

    /// Seconds to the next safety poll.
    async fn poll(&self, link: &Link) -> Result<i64> {
        let is_watched = watch::watched_until(self, link).await?.is_some();
        let pause = if is_watched { POLL_WATCHED } else { POLL };
        Ok(spread(pause, link.id.0))
    }
}

/// A pause spread by a fifth, the same for one id each time.
pub fn spread(pause: i64, id: i64) -> i64 {
    pause * 4 / 5 + id.wrapping_mul(7_919).rem_euclid(pause * 2 / 5)
}

impl Run<'_> {
    async fn all(&mut self, google: &Google) -> Result<()> {
        let now = self.mirrors.now();
        let wants_pull = self.terms.direction != Direction::Push;
        let is_due = self.link.token.is_none() || self.link.dirty > self.link.done;
        if wants_pull && (is_due || now >= self.link.polled_at + google.poll(&self.link).await?) {
            self.pull().await?;
            // The role may be back: one errand finds out.
            if self.link.state == state::READ_ONLY {
                self.link.state = state::LIVE.into();
            }
            self.recovered().await?;
        }
        if self.terms.direction != Direction::Pull {
            self.look_ahead(now)?;
            self.follow().await?;
        }
        self.errands().await?;
        self.watched(google, now).await
    }

    async fn watched(&mut self, google: &Google, now: i64) -> Result<()> {
        let (of, calendar) = (Watched::Calendar(self.link.id), self.link.calendar.clone());
        let may_open = self.terms.watch_at <= now;
        let refused = watch::upkeep(google, &mut self.session, (of, Some(&calendar)), may_open).await?;
        if let Some(failure) = refused {
            let is_no = matches!(failure, Failure::Invalid(_) | Failure::Forbidden(_));
            let wait = if is_no { REFUSED } else { FAILED };
            terms::set(&mut self.link, |terms| terms.watch_at = now + wait)?;
            self.terms = Terms::of(&self.link);
        }
        Ok(())
    }

    /// Once a day all is looked at anew where occurrences stand there by themselves: others have come near.
    fn look_ahead(&mut self, now: i64) -> Result<()> {
        if self.terms.mode == Mode::Materialized && now >= self.terms.looked_ahead_at + DAY {
            self.link.cursor = None;
            terms::set(&mut self.link, |terms| terms.looked_ahead_at = now)?;
            self.terms = Terms::of(&self.link);
        }
        Ok(())
    }

    async fn follow(&mut self) -> Result<()> {
        self.look().await?;
        let is_first = self.link.cursor.is_none();
        for _ in 0..LOOKS {
            if !self.mirrors.follow(&self.shown, &mut self.link, (is_first, &self.written)).await? {
                break;
            }
        }
        Ok(())
    }

    /// The link works: what had failed begins anew.
    async fn recovered(&mut self) -> Result<()> {
        if self.terms.write_at <= self.mirrors.now() {
            self.mirrors.revive(&self.link, ErrandState::Failed).await?;
        }
        Ok(())
    }

    async fn errands(&mut self) -> Result<()> {
        let (mut in_a_row, mut backfilled) = (0, 0);
        loop {
            let due = self.mirrors.errands_due(&self.link).await?;
            let due: Vec<Errand> =
                due.into_iter().filter(|one| one.way == Way::Pull || self.may_write()).collect();
            if due.is_empty() {
                return Ok(());
            }
            self.look().await?;
            for errand in due {
                backfilled += usize::from(errand.backfill);
                if backfilled > SLICE {
                    return Ok(());
                }
                self.prolong().await?;
                self.session.is_backfill = errand.backfill;
                let done = self.errand(&errand).await;
                self.session.is_backfill = false;
                match done {
                    Ok(()) => in_a_row = 0,
                    Err(Error::Google(failure)) => {
                        self.failed(errand, failure).await?;
                        in_a_row += 1;
                    }
                    Err(Error::Calendar(crate::calendar::Error::Busy { .. })) => in_a_row += 1,
                    // It cannot be read, on one side: that is its own matter.
                    Err(Error::Refused(why)) => {
                        self.failed(errand, Failure::Invalid(why.into_owned())).await?;
                    }
                    Err(other) => return Err(other),
                }
                // Google is away, or says no to all: the others need not find out one by one.
                if in_a_row >= 2 || !self.may_write() {
                    return Ok(());
                }
            }
        }
    }

    fn may_write(&self) -> bool {
        self.terms.write_at <= self.mirrors.now() && self.link.state != state::READ_ONLY
    }

    /// Another node must not begin while this one is at it.
    pub async fn prolong(&mut self) -> Result<()> {
        if self.link.lease_until - self.mirrors.now() > LEASE / 2 {
            return Ok(());
        }
        if self.mirrors.prolong(&mut self.link, LEASE).await? { Ok(()) } else { Err(Error::Leased) }
    }

    async fn errand(&mut self, errand: &Errand) -> Result<()> {
        match errand.way {
            Way::Pull => return self.look_again(errand).await,
            Way::Push => self.push(&errand.key, errand.quiet).await?,
        }
        self.mirrors.end_errand(&self.link, Way::Push, &errand.key).await?;
        let now = self.mirrors.now();
        terms::set(&mut self.link, |terms| terms.pushed_at = now)?;
        self.terms = Terms::of(&self.link);
        if self.terms.breaks > 0 || self.link.fails > 0 {
            self.link.fails = 0;
            terms::set(&mut self.link, |terms| terms.breaks = 0)?;
            self.terms = Terms::of(&self.link);
            self.recovered().await?;
        }
        Ok(())
    }

    /// 1, 2, 4, 8 seconds, then failed until the link recovers; what is not accepted is dead until it changes.
    async fn failed(&mut self, mut errand: Errand, failure: Failure) -> Result<()> {
        let now = self.mirrors.now();
        errand.reason = failure.code();
        match &failure {
            Failure::Revoked | Failure::Unauthorized => return Err(failure.into()),
            Failure::Forbidden(why) if why.contains("nsufficient") => return Err(failure.into()),
            Failure::Forbidden(_) => {
                (self.link.state, self.link.reason) = (state::READ_ONLY.into(), failure.code());
                return Ok(());
            }
            Failure::Quota => self.stop_writing(now + QUOTA)?,
            Failure::Limited { retry_after: Some(seconds) } => {
                self.session.budget.hold(self.session.remote.id, now + seconds);
                errand.next_at = now + seconds;
                self.stop_writing(now + seconds)?;
            }
            failure if failure.is_passing() || *failure == Failure::Changed => {
                let tried = usize::try_from(errand.attempt).unwrap_or(usize::MAX);
                errand.attempt += 1;
                match AGAIN.get(tried) {
                    Some(wait) => errand.next_at = now + wait,
                    None => {
                        errand.state = ErrandState::Failed;
                        self.link.fails += 1;
                        if self.link.fails >= FAILED_IN_A_ROW {
                            let at = usize::try_from(self.terms.breaks).unwrap_or(0).min(BREAKS.len() - 1);
                            terms::set(&mut self.link, |terms| terms.breaks += 1)?;
                            self.stop_writing(now + BREAKS[at])?;
                        }
                    }
                }
            }
            _ => errand.state = ErrandState::Dead,
        }
        Ok(self.mirrors.keep_errand(&self.link, errand).await?)
    }

    fn stop_writing(&mut self, until: i64) -> Result<()> {
        terms::set(&mut self.link, |terms| terms.write_at = until)?;
        self.terms = Terms::of(&self.link);
        Ok(())
    }
}
