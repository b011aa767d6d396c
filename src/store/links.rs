//! Links: a calendar at Google and one of ours. One node works a link at a time, by a lease; what happens meanwhile
//! (a notification, a change here) raises its numbers without asking for the lease.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::errands::ErrandState;
use crate::value::{Columns, LIST, Value, list, values};
use crate::{Aside, ClinicId, CollectionId, Conn, LinkId, RemoteId, Result};

macro_rules! columns {
    () => {
        "clinic_id, id, remote_id, calendar, collection_id, terms, state, reason, token, cursor, dirty, done, \
        due_at, polled_at, fails, lease_owner, lease_until, name, backfill"
    };
}

/// `due_at` of a link that rests until somebody wakes it.
pub const NEVER: i64 = i64::MAX / 4;

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its clinic.
    pub clinic: ClinicId,
    /// Its id.
    pub id: LinkId,
    /// Through which account.
    pub remote: RemoteId,
    /// The id of the calendar there.
    pub calendar: String,
    /// Ours.
    pub collection: CollectionId,
    /// How it is kept, the caller's JSON.
    pub terms: String,
    /// In the caller's words.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Where the next pull begins; None: with everything.
    pub token: Option<String>,
    /// Where the next look for changes here begins; None: with everything.
    pub cursor: Option<String>,
    /// Notifications heard of.
    pub dirty: i64,
    /// Of these, covered by a pull.
    pub done: i64,
    /// When it must be worked on next, seconds UTC.
    pub due_at: i64,
    /// When all was last pulled without an error, seconds UTC.
    pub polled_at: i64,
    /// Runs that failed, one after the other.
    pub fails: i64,
    /// Which node works on it.
    pub lease_owner: String,
    /// Until when, seconds UTC.
    pub lease_until: i64,
    /// What the calendar is called there, as last seen in its account's list.
    pub name: String,
    /// Nothing is left to it but errands of a first look: others go before it.
    pub backfill: bool,
}

/// A link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// In which clinic.
    pub clinic: ClinicId,
    /// Through which account.
    pub remote: RemoteId,
    /// The id of the calendar there.
    pub calendar: String,
    /// Ours.
    pub collection: CollectionId,
    /// The caller's JSON.
    pub terms: String,
    /// In the caller's words.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Its first turn, seconds UTC.
    pub due_at: i64,
}

/// What a person of the office should know of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkNote {
    /// The place in its link's notes, from 1.
    pub n: i64,
    /// Seconds UTC.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// To what.
    pub uid: String,
    /// The caller's JSON: no titles, no people.
    pub body: String,
}

fn read(row: &AnyRow) -> Result<Link> {
    let mut columns = Columns::of(row);
    Ok(Link {
        clinic: ClinicId(columns.int()?),
        id: LinkId(columns.int()?),
        remote: RemoteId(columns.int()?),
        calendar: columns.text()?,
        collection: CollectionId(columns.int()?),
        terms: columns.text()?,
        state: columns.text()?,
        reason: columns.text()?,
        token: columns.maybe_text()?,
        cursor: columns.maybe_text()?,
        dirty: columns.int()?,
        done: columns.int()?,
        due_at: columns.int()?,
        polled_at: columns.int()?,
        fails: columns.int()?,
        lease_owner: columns.text()?,
        lease_until: columns.int()?,
        name: columns.text()?,
        backfill: columns.int()? != 0,
    })
}

/// How much stands to one link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Errands that are pending, failed, dead.
    pub errands: [i64; 3],
    /// What was noted of it.
    pub notes: i64,
    /// When its last living channel ends, seconds UTC.
    pub watched_until: Option<i64>,
}

/// Sums over links, for the operator: of all clinics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkSums {
    /// How many are in each state.
    pub links: Vec<(String, i64)>,
    /// Errands that are pending, failed, dead.
    pub errands: [i64; 3],
    /// When the one that waits longest was last pulled, of those that were and do not rest. Seconds UTC.
    pub oldest_pull: Option<i64>,
    /// When the first living channel ends, seconds UTC.
    pub first_channel_end: Option<i64>,
}

impl Conn {
    /// Sums over the links of the whole installation.
    pub async fn link_sums(&mut self) -> Result<LinkSums> {
        let mut sums = LinkSums::default();
        for row in
            self.all("select state, count(*) from links group by state order by state", values![]).await?
        {
            let mut columns = Columns::of(&row);
            sums.links.push((columns.text()?, columns.int()?));
        }
        for (at, (_, state)) in ErrandState::ALL.into_iter().enumerate() {
            let sql = "select count(*) from errands where state = $1";
            sums.errands[at] = self.number(sql, values![state]).await?.unwrap_or(0);
        }
        let sql = "select min(polled_at) from links where polled_at > 0 and due_at < $1 having count(*) > 0";
        sums.oldest_pull = self.number(sql, values![NEVER]).await?;
        let sql = "select min(expires_at) from channels where state = 'live' having count(*) > 0";
        sums.first_channel_end = self.number(sql, values![]).await?;
        Ok(sums)
    }

    /// A link by its id.
    pub async fn link(&mut self, clinic: ClinicId, id: LinkId) -> Result<Option<Link>> {
        let sql = concat!("select ", columns!(), " from links where clinic_id = $1 and id = $2");
        self.one(sql, values![clinic, id]).await?.as_ref().map(read).transpose()
    }

    /// The links of these remotes, by id.
    pub async fn links_of(&mut self, clinic: ClinicId, remotes: &[RemoteId]) -> Result<Vec<Link>> {
        if remotes.is_empty() {
            return Ok(Vec::new());
        }
        let (places, ids) = list(2, remotes.iter().take(LIST).map(|id| Value::from(*id)).collect());
        let sql = format!(
            concat!(
                "select ",
                columns!(),
                " from links where clinic_id = $1 and remote_id in ({}) order by id"
            ),
            places
        );
        self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?.iter().map(read).collect()
    }

    /// Links of the whole installation that must be worked on and that nobody works on, the longest waiting first: at
    /// most `limit` of those that something fresh calls for, then at most `rest` of those that have only a backfill.
    pub async fn links_due(&mut self, now: i64, limit: u32, rest: u32) -> Result<Vec<Link>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from links where due_at <= $1 and lease_until <= $1 and backfill = $2 order by due_at, id limit $3"
        );
        let mut due = self.all(sql, values![now, 0_i64, limit]).await?;
        due.extend(self.all(sql, values![now, 1_i64, rest]).await?);
        due.iter().map(read).collect()
    }

    /// How much stands to the links of these remotes: what is pending, failed and dead, what was noted, and until when
    /// the last living channel tells. Three statements, however many links.
    pub async fn link_counts(
        &mut self,
        clinic: ClinicId,
        remotes: &[RemoteId],
    ) -> Result<HashMap<LinkId, LinkCounts>> {
        let mut counts: HashMap<LinkId, LinkCounts> = HashMap::new();
        for chunk in remotes.chunks(LIST) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let values = [values![clinic], ids].concat();
            let of = format!(
                "clinic_id = $1 and link_id in \
                (select id from links where clinic_id = $1 and remote_id in ({places})) group by link_id"
            );
            let sql = format!("select link_id, state, count(*) from errands where {of}, state");
            for row in self.all(AssertSqlSafe(sql), values.clone()).await? {
                let mut columns = Columns::of(&row);
                let (link, state) = (LinkId(columns.int()?), ErrandState::read(&columns.text()?)?);
                counts.entry(link).or_default().errands[state.place()] = columns.int()?;
            }
            let sql = format!("select link_id, count(*) from link_notes where {of}");
            for row in self.all(AssertSqlSafe(sql), values.clone()).await? {
                let mut columns = Columns::of(&row);
                let (link, count) = (LinkId(columns.int()?), columns.int()?);
                counts.entry(link).or_default().notes = count;
            }
            let sql = format!("select link_id, max(expires_at) from channels where state = 'live' and {of}");
            for row in self.all(AssertSqlSafe(sql), values).await? {
                let mut columns = Columns::of(&row);
                let (link, until) = (LinkId(columns.int()?), columns.int()?);
                counts.entry(link).or_default().watched_until = Some(until);
            }
        }
        Ok(counts)
    }

    /// The last notes of a link, the newest first.
    pub async fn link_notes(&mut self, clinic: ClinicId, link: LinkId, limit: u32) -> Result<Vec<LinkNote>> {
        let sql = "select n, at, kind, uid, body from link_notes where clinic_id = $1 and link_id = $2 \
            order by n desc limit $3";
        let rows = self.all(sql, values![clinic, link, limit]).await?;
        let read = |row| {
            let mut columns = Columns::of(row);
            Ok(LinkNote {
                n: columns.int()?,
                at: columns.int()?,
                kind: columns.text()?,
                uid: columns.text()?,
                body: columns.text()?,
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Aside {
    /// Makes a link, whose turn comes after what is fresh. `Unique(Other)` when the two calendars are linked already.
    pub async fn insert_link(&mut self, new: &NewLink) -> Result<LinkId> {
        self.room()?;
        let id = LinkId(self.next_id().await?);
        let sql = "insert into links (clinic_id, id, remote_id, calendar, collection_id, terms, state, reason, \
            dirty, done, due_at, polled_at, fails, lease_owner, lease_until, backfill) \
            values ($1, $2, $3, $4, $5, $6, $7, $9, 0, 0, $8, 0, 0, '', 0, 1)";
        let values = values![
            new.clinic,
            id,
            new.remote,
            new.calendar.as_str(),
            new.collection,
            new.terms.as_str(),
            new.state.as_str(),
            new.due_at,
            new.reason.as_str(),
        ];
        self.run(sql, values).await.map(|_| id)
    }

    /// Takes the lease of a link that is due and that nobody works on; None: it is not, or another has it. Answers the link
    /// as it is then: since it was found to be due it may have been called for again. While the lease lasts the link counts
    /// as due at its end, so that another node goes on when this one dies.
    pub async fn lease_link(
        &mut self,
        clinic: ClinicId,
        id: LinkId,
        owner: &str,
        until: i64,
    ) -> Result<Option<Link>> {
        let sql = concat!(
            "update links set lease_owner = $3, lease_until = $4, due_at = $4 \
            where clinic_id = $1 and id = $2 and lease_until <= $5 and due_at <= $5 returning ",
            columns!()
        );
        let values = values![clinic, id, owner, until, self.now()];
        self.one(sql, values).await?.as_ref().map(read).transpose()
    }

    /// Prolongs the lease; false: it is not its owner's any more. What called for the link meanwhile is not forgotten.
    pub async fn prolong_link(&mut self, link: &Link, until: i64) -> Result<bool> {
        let sql = "update links set lease_until = $4, due_at = case when due_at < lease_until then due_at else $4 end \
            where clinic_id = $1 and id = $2 and lease_owner = $3";
        let values = values![link.clinic, link.id, link.lease_owner.as_str(), until];
        Ok(self.run(sql, values).await? > 0)
    }

    /// Ends the leases of a node that stops: another may go on at once, and nothing that is still on its way from this one
    /// counts any more.
    pub async fn end_leases(&mut self, owner: &str) -> Result<u64> {
        let sql = "update links set lease_owner = '', lease_until = 0, due_at = $2 \
            where lease_owner = $1 and lease_until > $2";
        let now = self.now();
        self.run(sql, values![owner, now]).await
    }

    /// Writes how far a run came, if the lease is still its own. Where something called for the link meanwhile, it is due
    /// then at the latest, and has more than a backfill to do.
    pub async fn save_link(&mut self, link: &Link) -> Result<bool> {
        let sql = "update links set terms = $4, state = $5, reason = $6, token = $7, cursor = $8, done = $9, \
            due_at = case when due_at < lease_until and due_at < $10 then due_at else $10 end, polled_at = $11, fails = $12, \
            lease_until = $13, backfill = case when due_at < lease_until then 0 else $14 end \
            where clinic_id = $1 and id = $2 and lease_owner = $3";
        let values = values![
            link.clinic,
            link.id,
            link.lease_owner.as_str(),
            link.terms.as_str(),
            link.state.as_str(),
            link.reason.as_str(),
            link.token.clone(),
            link.cursor.clone(),
            link.done,
            link.due_at,
            link.polled_at,
            link.fails,
            link.lease_until,
            i64::from(link.backfill),
        ];
        Ok(self.run(sql, values).await? > 0)
    }

    /// The links of these collections are due now, before those that have only a backfill. One whose lease ran out while
    /// its turn goes on shows that it was called for, as every other, by being due before the end of the lease.
    pub async fn stir_links(&mut self, clinic: ClinicId, of: &[CollectionId]) -> Result<u64> {
        let mut stirred = 0;
        for chunk in of.chunks(LIST) {
            let (places, ids) = list(4, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!(
                "update links set due_at = case when due_at > $2 then $2 when due_at = lease_until then due_at - 1 \
                else due_at end, backfill = 0 where clinic_id = $1 and due_at < $3 \
                and (due_at > $2 or due_at = lease_until or backfill = 1) and collection_id in ({places})"
            );
            let values = [values![clinic, self.now(), NEVER], ids].concat();
            stirred += self.run(AssertSqlSafe(sql), values).await?;
        }
        Ok(stirred)
    }

    /// Google says that something changed: the link is due at `at`. One that rests is left alone. For a lease that ran out
    /// see `stir_links`.
    pub async fn notify_link(&mut self, clinic: ClinicId, id: LinkId, at: i64) -> Result<()> {
        let sql = "update links set dirty = dirty + 1, due_at = case when due_at > $3 then $3 \
            when due_at = lease_until then due_at - 1 else due_at end, backfill = 0 where clinic_id = $1 and id = $2 and due_at < $4";
        self.run(sql, values![clinic, id, at, NEVER]).await.map(|_| ())
    }

    /// Sets what the office decides: the state, why, and when it is due; the lease of whoever works on it ends.
    pub async fn set_link(&mut self, link: &Link) -> Result<()> {
        let sql = "update links set terms = $3, state = $4, reason = $5, token = $6, cursor = $7, due_at = $8, \
            lease_owner = '', lease_until = 0, fails = 0, backfill = 0 where clinic_id = $1 and id = $2";
        let values = values![
            link.clinic,
            link.id,
            link.terms.as_str(),
            link.state.as_str(),
            link.reason.as_str(),
            link.token.clone(),
            link.cursor.clone(),
            link.due_at,
        ];
        self.run(sql, values).await.map(|_| ())
    }

    /// Removes a link with all that hangs on it.
    pub async fn remove_link(&mut self, clinic: ClinicId, id: LinkId) -> Result<bool> {
        let gone =
            self.run("delete from links where clinic_id = $1 and id = $2", values![clinic, id]).await?;
        Ok(gone > 0)
    }

    /// Writes a note, unless the same is said of this object already.
    pub async fn warn_link(&mut self, link: &Link, kind: &str, uid: &str) -> Result<()> {
        self.room()?;
        let sql = "insert into link_notes (clinic_id, link_id, n, at, kind, uid, body) \
            select $1, $2, coalesce(max(n), 0) + 1, cast($3 as bigint), $4, $5, '{}' from link_notes \
            where clinic_id = $1 and link_id = $2 \
            having coalesce(sum(case when kind = $4 and uid = $5 then 1 else 0 end), 0) = 0";
        let values = values![link.clinic, link.id, self.now(), kind, uid];
        self.run(sql, values).await.map(|_| ())
    }

    /// Writes a note.
    pub async fn note_link(&mut self, link: &Link, kind: &str, uid: &str, body: &str) -> Result<()> {
        self.room()?;
        let sql = "insert into link_notes (clinic_id, link_id, n, at, kind, uid, body) \
            select $1, $2, coalesce(max(n), 0) + 1, cast($3 as bigint), $4, $5, $6 from link_notes \
            where clinic_id = $1 and link_id = $2";
        let values = values![link.clinic, link.id, self.now(), kind, uid, body];
        self.run(sql, values).await.map(|_| ())
    }
}
