//! Holds: times kept for minutes. A hold is live while `expires_at` lies after [`Tx::moment`], never by a job; its
//! intervals stand in `busy` and go with it.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::busy::{LONGEST, SOURCE, SPANS, padded};
use crate::statements::{Keyed, Listing, Statements, places};
use crate::value::{Columns, LIST, Value, list, values};
use crate::{Busy, ClinicId, Conn, PrincipalId, Result, Source, Tx};

macro_rules! columns {
    () => {
        "id, party, made_by, made_at, expires_at, extended, plan, other_party"
    };
}

/// Rows of holds.
const HOLDS: Listing = Listing {
    before: "insert into holds (clinic_id, id, party, made_by, made_at, expires_at, extended, plan, other_party)",
    after: "",
};

/// The key of a hold.
const TAKEN: Keyed = Keyed { table: "holds", key: &["clinic_id", "id"] };

/// Seconds for which it is news that a hold ran out: what did so while no server ran is none.
const LATELY: i64 = 3600;

/// A time kept.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptHold {
    /// Not to be guessed: whoever knows it may use it.
    pub id: String,
    /// By whom it is counted against hoarding.
    pub party: String,
    /// Who made it.
    pub made_by: Option<PrincipalId>,
    /// Seconds UTC.
    pub made_at: i64,
    /// Seconds UTC, exclusive.
    pub expires_at: i64,
    /// How often it was prolonged.
    pub extended: i64,
    /// What is to be booked, in the maker's own words.
    pub plan: String,
    /// By whom else it is counted.
    pub other_party: Option<String>,
}

impl KeptHold {
    /// By whom it is counted.
    pub fn parties(&self) -> impl Iterator<Item = &str> {
        [Some(&self.party), self.other_party.as_ref()].into_iter().flatten().map(String::as_str)
    }
}

fn read(row: &AnyRow) -> Result<KeptHold> {
    let mut columns = Columns::of(row);
    Ok(KeptHold {
        id: columns.text()?,
        party: columns.text()?,
        made_by: columns.maybe_int()?.map(PrincipalId),
        made_at: columns.int()?,
        expires_at: columns.int()?,
        extended: columns.int()?,
        plan: columns.text()?,
        other_party: columns.maybe_text()?,
    })
}

impl Conn {
    /// A hold by its id, live or run out.
    pub async fn hold(&mut self, clinic: ClinicId, id: &str) -> Result<Option<KeptHold>> {
        let sql = concat!("select ", columns!(), " from holds where clinic_id = $1 and id = $2");
        self.one(sql, values![clinic, id]).await?.as_ref().map(read).transpose()
    }

    /// When these resources are kept by holds that are live at `moment` ([`crate::Store::moment`]), buffers left out: a
    /// statement for many.
    pub async fn kept(
        &mut self,
        clinic: ClinicId,
        of: &[PrincipalId],
        (from, until): (i64, i64),
        moment: i64,
    ) -> Result<Vec<(PrincipalId, i64, i64)>> {
        let mut found = Vec::new();
        for chunk in of.chunks(LIST) {
            let (places, ids) = list(5, chunk.iter().map(|id| Value::from(*id)).collect());
            // By resource and time, as everything else is found; of that the few that are holds.
            let sql = format!(
                "select resource_id, start_at, end_at from busy where clinic_id = $1 and from_at > $2 - {LONGEST} \
                 and from_at < $3 and start_at < $3 and end_at > $2 and expires_at > $4 and resource_id in ({places})"
            );
            let rows =
                self.all(AssertSqlSafe(sql), [values![clinic, from, until, moment], ids].concat()).await?;
            for row in &rows {
                let mut columns = Columns::of(row);
                found.push((PrincipalId(columns.int()?), columns.int()?, columns.int()?));
            }
        }
        Ok(found)
    }

    /// Whether there are holds that ran out lately and of which that was not said yet.
    pub async fn has_untold_holds(&mut self, clinic: ClinicId, moment: i64) -> Result<bool> {
        let sql = "select count(*) from holds where clinic_id = $1 and told = 0 and expires_at <= $2 \
            and expires_at > $3";
        Ok(self.number(sql, values![clinic, moment, moment - LATELY]).await?.unwrap_or(0) > 0)
    }

    /// Holds by their ids, live or run out: of those who go together, a few.
    pub(crate) async fn holds(&mut self, clinic: ClinicId, ids: &[&str]) -> Result<Vec<KeptHold>> {
        let (places, ids) = list(2, ids.iter().map(|id| Value::from(*id)).collect());
        let sql = format!(
            concat!("select ", columns!(), " from holds where clinic_id = $1 and id in ({})"),
            places
        );
        let rows = self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?;
        rows.iter().map(read).collect()
    }

    /// How many live holds each of these parties has that are there.
    pub(crate) async fn holds_of(
        &mut self,
        clinic: ClinicId,
        parties: &[&str],
        moment: i64,
    ) -> Result<Vec<(String, i64)>> {
        let mut found = Vec::new();
        for chunk in parties.chunks(SPANS) {
            let size = padded(chunk.len());
            let mut values = values![clinic, moment];
            values.extend((0..size).map(|n| Value::from(chunk.get(n).copied().unwrap_or_default())));
            // Each by its index: with an `or` SQLite would look through all of the clinic, with a list of both PostgreSQL
            // too.
            let live = |party| {
                format!("from holds where clinic_id = $1 and {party} = v.column1 and expires_at > $2")
            };
            let (one, other) = (live("party"), live("other_party"));
            let sql = format!(
                "select v.column1, (select count(*) {one}) + (select count(*) {other} and party <> v.column1) \
                 from (values {}) as v",
                places(3, size, 1)
            );
            for row in &self.all(AssertSqlSafe(sql), values).await? {
                let mut columns = Columns::of(row);
                found.push((columns.text()?, columns.int()?));
            }
        }
        Ok(found)
    }
}

impl Tx {
    /// Keeps a hold; its intervals are written with [`Tx::occupy`].
    pub async fn insert_hold(&mut self, new: &KeptHold) -> Result<()> {
        self.room()?;
        let row = values![
            self.clinic(),
            new.id.as_str(),
            new.party.as_str(),
            new.made_by,
            new.made_at,
            new.expires_at,
            new.extended,
            new.plan.as_str(),
            new.other_party.clone(),
        ];
        self.put(Statements::default().rows(&HOLDS, vec![row])).await
    }

    /// Prolongs a live hold with its intervals; false when it has run out or is gone.
    pub async fn extend_hold(&mut self, id: &str, expires_at: i64) -> Result<bool> {
        let (clinic, moment) = (self.clinic(), self.moment());
        let sql = "update holds set expires_at = $3, extended = extended + 1 \
            where clinic_id = $1 and id = $2 and expires_at > $4";
        if self.run(sql, values![clinic, id, expires_at, moment]).await? == 0 {
            return Ok(false);
        }
        let sql = format!(
            "update busy{} set expires_at = $3 where clinic_id = $1 and collection_id = 0 and name = $2 \
             returning resource_id, start_at, end_at",
            self.database().through(SOURCE)
        );
        let rows = self.all(AssertSqlSafe(sql), values![clinic, id, expires_at]).await?;
        self.touch_rows(&rows)?;
        Ok(true)
    }

    /// The holds that ran out lately, each told once to whoever asks first; their intervals go.
    pub async fn ran_out(&mut self) -> Result<Vec<KeptHold>> {
        let (clinic, moment) = (self.clinic(), self.moment());
        let sql = concat!(
            "update holds set told = 1 where clinic_id = $1 and told = 0 and expires_at <= $2 \
             and expires_at > $3 returning ",
            columns!()
        );
        let rows = self.all(sql, values![clinic, moment, moment - LATELY]).await?;
        let found = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        for hold in &found {
            self.vacate(&Source::Hold(hold.id.clone())).await?;
        }
        Ok(found)
    }

    /// Takes a live hold to use it, without its intervals: [`Tx::look`] removes them. None when it has run out, is
    /// gone, or the intervals were taken by somebody stronger.
    pub async fn take_hold(&mut self, id: &str) -> Result<Option<KeptHold>> {
        if let Some(seen) = self.foreseen_hold(id) {
            let Some(hold) = seen.filter(|hold| hold.expires_at > self.moment()) else { return Ok(None) };
            let key = values![self.clinic(), id];
            self.put(Statements::default().keys(&TAKEN, vec![key])).await?;
            return Ok(Some(hold));
        }
        let sql = concat!(
            "delete from holds where clinic_id = $1 and id = $2 and expires_at > $3 returning ",
            columns!()
        );
        let values = values![self.clinic(), id, self.moment()];
        self.one(sql, values).await?.as_ref().map(read).transpose()
    }

    /// Ends a hold with its intervals, live or not; true when there was one.
    pub async fn remove_hold(&mut self, id: &str) -> Result<bool> {
        let sql = "delete from holds where clinic_id = $1 and id = $2";
        let values = values![self.clinic(), id];
        let was = self.run(sql, values).await? > 0;
        self.vacate(&Source::Hold(id.into())).await?;
        Ok(was)
    }
}

/// The holds among these intervals, each once.
pub fn holds_among<'a>(busy: impl IntoIterator<Item = &'a Busy>) -> Vec<String> {
    let ids = busy.into_iter().filter_map(|one| match &one.source {
        Source::Hold(id) => Some(id.clone()),
        Source::Object(..) => None,
    });
    let mut ids: Vec<String> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
