//! Errands: what is still to be carried over a link, or could not be. One row a thing: a newer change of the same thing
//! takes the place of the older one and begins its tries anew.

use sqlx::any::AnyRow;

use crate::value::{Columns, values};
use crate::{Aside, ClinicId, Conn, Error, LinkId, Result};

macro_rules! columns {
    () => {
        "way, key, attempt, next_at, state, reason, since, backfill, quiet"
    };
}

/// In which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From here to Google; the key is the object's name.
    Push,
    /// From Google to here; the key is the event's id.
    Pull,
}

impl Way {
    fn text(self) -> &'static str {
        match self {
            Way::Push => "push",
            Way::Pull => "pull",
        }
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrandState {
    /// To be done at its time.
    Pending,
    /// Tried as often as it may be; begins anew when the link recovers.
    Failed,
    /// It will not go as it is: a person, or a new change, must move it.
    Dead,
}

impl ErrandState {
    pub(crate) const ALL: [(ErrandState, &'static str); 3] =
        [(ErrandState::Pending, "pending"), (ErrandState::Failed, "failed"), (ErrandState::Dead, "dead")];

    /// Where it stands among the counts of all states.
    pub(crate) fn place(self) -> usize {
        self as usize
    }

    /// Its name.
    pub fn text(self) -> &'static str {
        ErrandState::ALL.iter().find(|(state, _)| *state == self).map_or("dead", |(_, text)| text)
    }

    pub(crate) fn read(text: &str) -> Result<ErrandState> {
        let found = ErrandState::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(state, _)| *state).ok_or_else(|| Error::broken("an errand of no known state"))
    }
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// In which direction.
    pub way: Way,
    /// Of what.
    pub key: String,
    /// Tries so far.
    pub attempt: i64,
    /// Seconds UTC.
    pub next_at: i64,
    /// How it stands.
    pub state: ErrandState,
    /// The last answer, as a code.
    pub reason: String,
    /// Seconds UTC: when it became one.
    pub since: i64,
    /// Only of a first look at a calendar, or of all of it anew: what is fresh goes before it.
    pub backfill: bool,
    /// Nobody here asked for it just now: guests hear nothing of it.
    pub quiet: bool,
}

fn read(row: &AnyRow) -> Result<Errand> {
    let mut columns = Columns::of(row);
    let way = if columns.text()? == "push" { Way::Push } else { Way::Pull };
    Ok(Errand {
        way,
        key: columns.text()?,
        attempt: columns.int()?,
        next_at: columns.int()?,
        state: ErrandState::read(&columns.text()?)?,
        reason: columns.text()?,
        since: columns.int()?,
        backfill: columns.int()? != 0,
        quiet: columns.int()? != 0,
    })
}

impl Conn {
    /// Those whose time has come, the earliest first; what is of a backfill after all others.
    pub async fn errands_due(
        &mut self,
        (clinic, link): (ClinicId, LinkId),
        now: i64,
        limit: u32,
    ) -> Result<Vec<Errand>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from errands where clinic_id = $1 and link_id = $2 and state = 'pending' and next_at <= $3 \
            order by backfill, next_at, way, key limit $4"
        );
        self.all(sql, values![clinic, link, now, limit]).await?.iter().map(read).collect()
    }

    /// Those in this state, the oldest first.
    pub async fn errands(
        &mut self,
        (clinic, link): (ClinicId, LinkId),
        state: ErrandState,
        limit: u32,
    ) -> Result<Vec<Errand>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from errands where clinic_id = $1 and link_id = $2 and state = $3 order by since, way, key limit $4"
        );
        self.all(sql, values![clinic, link, state.text(), limit]).await?.iter().map(read).collect()
    }

    /// How many are in each state: pending, failed, dead.
    pub async fn errands_total(&mut self, (clinic, link): (ClinicId, LinkId)) -> Result<[i64; 3]> {
        let sql = "select state, count(*) from errands where clinic_id = $1 and link_id = $2 group by state";
        let mut totals = [0; 3];
        for row in self.all(sql, values![clinic, link]).await? {
            let mut columns = Columns::of(&row);
            let state = ErrandState::read(&columns.text()?)?;
            totals[state.place()] = columns.int()?;
        }
        Ok(totals)
    }

    /// When the next of them is due, and whether all that are pending are of a backfill.
    pub async fn errand_next(&mut self, (clinic, link): (ClinicId, LinkId)) -> Result<Option<(i64, bool)>> {
        let sql = "select min(next_at), min(backfill) from errands \
            where clinic_id = $1 and link_id = $2 and state = 'pending' having count(*) > 0";
        let row = self.one(sql, values![clinic, link]).await?;
        let read = |row| {
            let mut columns = Columns::of(row);
            Ok((columns.int()?, columns.int()? != 0))
        };
        row.as_ref().map(read).transpose()
    }
}

impl Aside {
    /// These are to be carried over, from now on; each begins its tries anew. `cursor` is how far the link has looked:
    /// both in one transaction, so that no change is missed. What is fresh stays so, though a backfill comes by it; what is
    /// not quiet too.
    pub async fn add_errands(
        &mut self,
        (clinic, link): (ClinicId, LinkId),
        (keys, backfill): (&[(String, bool)], bool),
        cursor: &str,
    ) -> Result<()> {
        self.room()?;
        let now = self.now();
        let sql = "insert into errands (clinic_id, link_id, way, key, attempt, next_at, state, reason, since, \
            backfill, quiet) values ($1, $2, 'push', $3, 0, $4, 'pending', '', $4, $5, $6) \
            on conflict (clinic_id, link_id, way, key) do update set attempt = 0, next_at = excluded.next_at, \
            backfill = case when errands.state = 'pending' then errands.backfill * excluded.backfill \
            else excluded.backfill end, quiet = case when errands.state = 'pending' \
            then errands.quiet * excluded.quiet else excluded.quiet end, state = 'pending', reason = ''";
        for (key, quiet) in keys {
            let (backfill, quiet) = (i64::from(backfill), i64::from(*quiet));
            self.run(sql, values![clinic, link, key.as_str(), now, backfill, quiet]).await?;
        }
        let sql = "update links set cursor = $3 where clinic_id = $1 and id = $2";
        self.run(sql, values![clinic, link, cursor]).await.map(|_| ())
    }

    /// Keeps one as it now stands. One that is pending and not quiet stays so.
    pub async fn save_errand(&mut self, (clinic, link): (ClinicId, LinkId), one: &Errand) -> Result<()> {
        self.room()?;
        let sql = "insert into errands (clinic_id, link_id, way, key, attempt, next_at, state, reason, since, \
            backfill, quiet) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
            on conflict (clinic_id, link_id, way, key) do update set attempt = excluded.attempt, \
            next_at = excluded.next_at, reason = excluded.reason, backfill = excluded.backfill, \
            quiet = case when errands.state = 'pending' then errands.quiet * excluded.quiet \
            else excluded.quiet end, state = excluded.state";
        let values = values![
            clinic,
            link,
            one.way.text(),
            one.key.as_str(),
            one.attempt,
            one.next_at,
            one.state.text(),
            one.reason.as_str(),
            one.since,
            i64::from(one.backfill),
            i64::from(one.quiet),
        ];
        self.run(sql, values).await.map(|_| ())
    }

    /// It is done, says whose lease the link was. Another's since then may have found it anew: that one stays.
    pub async fn remove_errand(
        &mut self,
        (clinic, link): (ClinicId, LinkId),
        (way, key): (Way, &str),
        owner: &str,
    ) -> Result<()> {
        let sql = "delete from errands where clinic_id = $1 and link_id = $2 and way = $3 and key = $4 \
            and exists (select 1 from links where clinic_id = $1 and id = $2 and lease_owner = $5)";
        self.run(sql, values![clinic, link, way.text(), key, owner]).await.map(|_| ())
    }

    /// Those in this state begin anew, now. Returns how many.
    pub async fn revive_errands(
        &mut self,
        (clinic, link): (ClinicId, LinkId),
        state: ErrandState,
    ) -> Result<u64> {
        let sql = "update errands set state = 'pending', attempt = 0, next_at = $4 \
            where clinic_id = $1 and link_id = $2 and state = $3";
        let now = self.now();
        self.run(sql, values![clinic, link, state.text(), now]).await
    }
}
