//! Busy time: the intervals of bookable resources, derived from the texts of their calendars and from live holds. Kept
//! here so that the database can refuse what would not fit (`migrations/*/0003_booking.sql`), whoever writes it.
//! The one invariant: no row is longer than [`LONGEST`], so what overlaps an instant is found by the key alone.

use std::cmp::Ordering;
use std::sync::Arc;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::conn::LONG;
use crate::journal::FACTS;
use crate::statements::{Keyed, Listing, Statements, places};
use crate::value::{Columns, LIST, Value, list, values};
use crate::{Aside, ClinicId, CollectionId, Conn, Error, Origin, PrincipalId, Result, Tx};

/// Seconds from the start of an interval's buffer before to the end of the one after, at most.
pub const LONGEST: i64 = 172_800;

/// An interval's beginning and its length are told as one number: so much room the length has.
const ROOM: i64 = 1 << 18;
const _: () = assert!(LONGEST < ROOM);

/// The indexes of `busy`: by what an interval comes from, and of holds by their end.
pub(crate) const SOURCE: &str = "busy_by_source";
pub(crate) const EXPIRY: &str = "busy_by_expiry";

/// All the time there may be intervals in, for a touch that is not told apart.
const EVER: (i64, i64) = (0, 1 << 40);

/// What an interval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BusyKind {
    /// Something that takes one place.
    Visit,
    /// Closed: leave, maintenance. Any number may lie over one another.
    Block,
    /// A place kept for minutes.
    Hold,
}

/// An interval with its buffers, seconds UTC, ends exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where the buffer before begins.
    pub from: i64,
    /// Start.
    pub start: i64,
    /// End.
    pub end: i64,
    /// Where the buffer after ends.
    pub until: i64,
    /// The instant its RECURRENCE-ID names; 0 when its object does not recur.
    pub occurrence: i64,
}

impl Span {
    /// Whether the two share an instant, buffers included.
    pub fn overlaps(&self, other: &Span) -> bool {
        self.from < other.until && other.from < self.until
    }
}

/// What an interval comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The object of this name.
    Object(CollectionId, String),
    /// The hold of this id.
    Hold(String),
}

impl Source {
    /// Holds stand under the collection that cannot be.
    fn parts(&self) -> (CollectionId, &str) {
        match self {
            Source::Object(collection, name) => (*collection, name),
            Source::Hold(id) => (CollectionId(0), id),
        }
    }
}

/// Why an interval stands where there is no room: who put it there, by which door, for what reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// None: the house itself.
    pub by: Option<PrincipalId>,
    /// The door.
    pub door: Origin,
    /// The reason.
    pub why: String,
}

/// One interval of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Whose.
    pub resource: PrincipalId,
    /// When.
    pub span: Span,
    /// What.
    pub kind: BusyKind,
    /// From where.
    pub source: Source,
    /// Of a hold: seconds UTC from which on it counts no more.
    pub expires_at: Option<i64>,
    /// It is overbooked.
    pub mark: Option<Mark>,
    /// What it counts for where a service is limited: its code.
    pub service: Option<String>,
}

/// As much of an interval as a search for free time needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whose.
    pub resource: PrincipalId,
    /// When.
    pub span: Span,
    /// Closed, whatever the capacity.
    pub closed: bool,
    /// What it counts for.
    pub service: Option<Arc<str>>,
    /// Of a hold: when it ends.
    pub expires_at: Option<i64>,
}

/// Something that takes a place, on whomever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// The name of its object.
    pub name: String,
    /// The instant its RECURRENCE-ID names; 0 when it does not recur.
    pub occurrence: i64,
    /// One of those it stands on.
    pub resource: PrincipalId,
    /// Seconds UTC.
    pub start: i64,
    /// Exclusive.
    pub end: i64,
}

impl BusyKind {
    fn text(self) -> &'static str {
        match self {
            BusyKind::Visit => "visit",
            BusyKind::Block => "block",
            BusyKind::Hold => "hold",
        }
    }

    fn read(text: &str) -> Result<BusyKind> {
        let all = [BusyKind::Visit, BusyKind::Block, BusyKind::Hold];
        all.into_iter()
            .find(|kind| kind.text() == text)
            .ok_or_else(|| Error::broken("an unknown kind of interval"))
    }
}

/// The columns of an interval `b`.
macro_rules! columns {
    () => {
        "b.resource_id, b.from_at, b.start_at, b.end_at, b.until_at, b.occurrence, b.kind, b.collection_id, \
         b.name, b.expires_at, b.overbook, b.overbook_by, b.overbook_door, b.overbook_why, b.service"
    };
}

/// The same.
pub(crate) const COLUMNS: &str = columns!();

/// None where a left join found nothing.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Option<Busy>> {
    let Some(resource) = columns.maybe_int()?.map(PrincipalId) else { return Ok(None) };
    let span = Span {
        from: columns.int()?,
        start: columns.int()?,
        end: columns.int()?,
        until: columns.int()?,
        occurrence: columns.int()?,
    };
    let kind = BusyKind::read(&columns.text()?)?;
    let source = match (CollectionId(columns.int()?), columns.text()?) {
        (CollectionId(0), id) => Source::Hold(id),
        (collection, name) => Source::Object(collection, name),
    };
    let expires_at = columns.maybe_int()?;
    let is_marked = columns.truth()?;
    let (by, door, why) = (columns.maybe_int()?, columns.maybe_text()?, columns.maybe_text()?);
    let mark = match (door, why) {
        (Some(door), Some(why)) if is_marked => {
            Some(Mark { by: by.map(PrincipalId), door: Origin::read(&door)?, why })
        }
        _ => None,
    };
    let service = columns.maybe_text()?;
    Ok(Some(Busy { resource, span, kind, source, expires_at, mark, service }))
}

pub(crate) fn in_order(a: &Busy, b: &Busy) -> Ordering {
    (a.resource, a.span, &a.source).cmp(&(b.resource, b.span, &b.source))
}

/// As [`Conn::taken`] has it told; most count for the service of the one before.
fn read_line(resource: PrincipalId, line: &str, last: &mut Option<Arc<str>>) -> Option<Taken> {
    let mut fields = line.split(',');
    let number = |fields: &mut std::str::Split<'_, char>| fields.next()?.parse::<i64>().ok();
    let both = number(&mut fields)?;
    let (from, length) = (both.div_euclid(ROOM), both.rem_euclid(ROOM));
    let code = fields.next()?;
    if last.as_deref().unwrap_or_default() != code {
        *last = Some(Arc::from(code)).filter(|code: &Arc<str>| !code.is_empty());
    }
    let service = last.clone();
    let (mut before, mut after, mut closed, mut expires) = (0, 0, 0, 0);
    if let Some(first) = fields.next() {
        before = first.parse().ok()?;
        (after, closed, expires) = (number(&mut fields)?, number(&mut fields)?, number(&mut fields)?);
    }
    let until = from + length;
    Some(Taken {
        resource,
        span: Span { from, start: from + before, end: until - after, until, occurrence: 0 },
        closed: closed != 0,
        service,
        expires_at: Some(expires).filter(|at| *at != 0),
    })
}

fn read_some(row: &AnyRow) -> Result<Option<Busy>> {
    read(&mut Columns::of(row))
}

impl Conn {
    /// What of these resources overlaps the window, buffers included, ordered by resource and time. Holds that have
    /// run out by `moment` ([`crate::Store::moment`]) are left out.
    pub async fn busy_between(
        &mut self,
        clinic: ClinicId,
        of: &[PrincipalId],
        (from, until): (i64, i64),
        moment: i64,
    ) -> Result<Vec<Busy>> {
        let mut found = Vec::new();
        for chunk in of.chunks(LIST) {
            let (places, ids) = list(5, chunk.iter().map(|id| Value::from(*id)).collect());
            let select = concat!("select ", columns!(), " from busy b where b.clinic_id = $1");
            let sql = format!(
                "{select} and b.from_at > $2 - {LONGEST} and b.from_at < $3 and b.until_at > $2 \
                 and (b.expires_at is null or b.expires_at > $4) and b.resource_id in ({places}) \
                 order by b.resource_id, b.from_at, b.collection_id, b.name, b.occurrence"
            );
            let rows =
                self.all(AssertSqlSafe(sql), [values![clinic, from, until, moment], ids].concat()).await?;
            found.extend(
                rows.iter().filter_map(|row| read_some(row).transpose()).collect::<Result<Vec<_>>>()?,
            );
        }
        Ok(found)
    }

    /// What takes a place of anybody's in the window, buffers left out, an appointment once and not for each who takes part:
    /// the first so many by their start, and how many there are. Reads all of them, but hands over no more.
    pub async fn visits_between(
        &mut self,
        clinic: ClinicId,
        (from, until): (i64, i64),
        most: u32,
    ) -> Result<(Vec<Met>, u64)> {
        self.wait(LONG);
        // By each resource's key: SQLite keeps to the order of a cross join.
        let sql = format!(
            "select name, occurrence, min(resource_id), min(start_at), max(end_at), count(*) over () from \
             (select b.name, b.occurrence, b.resource_id, b.start_at, b.end_at, case when exists \
                 (select 1 from appointments a where a.clinic_id = $1 and a.uid = substr(b.name, 1, length(b.name) - 4) \
                  and a.recurrence_id = '') then 0 else b.resource_id end as whose \
              from resources r cross join busy b where r.clinic_id = $1 and b.clinic_id = $1 and b.resource_id = r.id \
              and b.from_at > $2 - {LONGEST} and b.from_at < $3 and b.start_at < $3 and b.end_at > $2 \
              and b.kind = 'visit') as met \
             group by name, occurrence, whose order by 4, 3, 1, 2 limit $4"
        );
        let (mut all, mut count) = (Vec::new(), 0);
        for row in &self.all(AssertSqlSafe(sql), values![clinic, from, until, most]).await? {
            let mut columns = Columns::of(row);
            all.push(Met {
                name: columns.text()?,
                occurrence: columns.int()?,
                resource: PrincipalId(columns.int()?),
                start: columns.int()?,
                end: columns.int()?,
            });
            count = columns.int()?;
        }
        Ok((all, count.unsigned_abs()))
    }

    /// What is taken of people and things, each in a window of its own, as an index of free time keeps it; ordered by
    /// resource and time. Holds that have run out at `moment` are passed over. Each one's intervals come as one text,
    /// because to hand over a row costs ten times what it costs to find it.
    pub async fn taken(
        &mut self,
        clinic: ClinicId,
        of: &[(PrincipalId, i64, i64)],
        moment: i64,
    ) -> Result<Vec<Taken>> {
        let mut found = Vec::new();
        for chunk in of.chunks(SPANS) {
            let size = padded(chunk.len());
            let (windows, mut values) = (places(3, size, 3), values![clinic, moment]);
            let nobody = (PrincipalId(0), 0, 0);
            for at in 0..size {
                let (id, from, until) = chunk.get(at).copied().unwrap_or(nobody);
                values.extend(values![id, from, until]);
            }
            // A service's code holds neither a comma nor the end of a line.
            let sql = format!(
                "select v.column1, (select string_agg((b.from_at * {ROOM} + b.until_at - b.from_at) || ',' || \
                     case when b.start_at = b.from_at and b.end_at = b.until_at and b.kind <> 'block' \
                     and b.expires_at is null then coalesce(b.service, '') else coalesce(b.service, '') || ',' || \
                     (b.start_at - b.from_at) || ',' || (b.until_at - b.end_at) || ',' || \
                     case when b.kind = 'block' then 1 else 0 end || ',' || coalesce(b.expires_at, 0) end, '\n') \
                     from busy b where b.clinic_id = $1 and b.resource_id = v.column1 \
                     and b.from_at > v.column2 - {LONGEST} and b.from_at < v.column3 and b.until_at > v.column2 \
                     and (b.expires_at is null or b.expires_at > $2)) from (values {windows}) as v"
            );
            for row in &self.all(AssertSqlSafe(sql), values).await? {
                let mut columns = Columns::of(row);
                let (resource, mut last) = (PrincipalId(columns.int()?), None);
                for line in columns.maybe_text()?.unwrap_or_default().lines() {
                    let told = read_line(resource, line, &mut last);
                    found.push(told.ok_or_else(|| Error::broken("an interval that cannot be read"))?);
                }
            }
        }
        found.sort_unstable_by_key(|one| (one.resource, one.span));
        Ok(found)
    }

    /// The intervals that come from any of these objects and holds, ordered by resource and time.
    pub async fn busy_from_any(&mut self, clinic: ClinicId, sources: &[Source]) -> Result<Vec<Busy>> {
        let mut found = Vec::new();
        for chunk in sources.chunks(SPANS) {
            let size = padded(chunk.len());
            let (keys, mut values) = (places(2, size, 2), values![clinic]);
            for source in (0..size).filter_map(|at| chunk.get(at).or(chunk.last())) {
                let (collection, name) = source.parts();
                values.extend(values![collection, name]);
            }
            // Joined, not `in`: SQLite would look through all of the clinic for a pair in a list.
            let sql = concat!("select ", columns!(), " from (values ");
            let sql = format!(
                "{sql}{keys}) as v cross join busy b \
                 where b.clinic_id = $1 and b.collection_id = v.column1 and b.name = v.column2"
            );
            let rows = self.all(AssertSqlSafe(sql), values).await?;
            found.extend(
                rows.iter().filter_map(|row| read_some(row).transpose()).collect::<Result<Vec<_>>>()?,
            );
        }
        found.sort_unstable_by(in_order);
        found.dedup();
        Ok(found)
    }

    /// The intervals that come from one object or hold, ordered by resource and time.
    pub async fn busy_from(&mut self, clinic: ClinicId, source: &Source) -> Result<Vec<Busy>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from busy b where b.clinic_id = $1 and b.collection_id = $2 and b.name = $3 \
             order by b.resource_id, b.from_at, b.occurrence"
        );
        let (collection, name) = source.parts();
        let rows = self.all(sql, values![clinic, collection, name]).await?;
        rows.iter().filter_map(|row| read_some(row).transpose()).collect()
    }
}

/// Rows that one statement looks around or reads by; lists are padded to these sizes, so that few statements are prepared.
const SIZES: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, SPANS];

/// The most that one statement takes.
pub(crate) const SPANS: usize = 200;

/// To how many rows so many are padded.
pub(crate) fn padded(rows: usize) -> usize {
    SIZES.into_iter().find(|size| *size >= rows).unwrap_or(rows)
}

/// The key of an interval.
const INTERVALS: Keyed = Keyed {
    table: "busy",
    key: &["clinic_id", "resource_id", "from_at", "collection_id", "name", "occurrence"],
};

/// Intervals, with the capacity of their resources.
const BUSY: Listing = Listing {
    before: "insert into busy (clinic_id, resource_id, from_at, collection_id, name, occurrence, start_at, end_at, \
        until_at, kind, expires_at, overbook, overbook_by, overbook_door, overbook_why, service, capacity) \
        select v.*, r.capacity from (",
    after: ") as v join resources r on r.clinic_id = v.column1 and r.id = v.column2",
};

/// Rows that one statement inserts: a list is cut into these, the largest first.
const ROWS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

impl Tx {
    /// How many intervals of a resource that count for a service begin in the window, leaving out those of one object.
    pub async fn count_of_service(
        &mut self,
        of: PrincipalId,
        service: &str,
        (from, until): (i64, i64),
        except: &str,
    ) -> Result<i64> {
        let sql = format!(
            "select count(*) from busy where clinic_id = $1 and resource_id = $2 and from_at > $3 - {LONGEST} \
             and from_at < $4 and start_at >= $3 and start_at < $4 and service = $5 and name <> $6 \
             and (expires_at is null or expires_at > $7)"
        );
        let moment = self.moment();
        let values = values![self.clinic(), of, from, until, service, except, moment];
        let row = self.one(AssertSqlSafe(sql), values).await?;
        row.map_or(Ok(0), |row| Columns::of(&row).int())
    }

    /// Writes intervals, with the capacity of their resources. `Error::Overlap` when the database finds no room for
    /// one that is not marked; resources that do not exist are passed over.
    pub async fn occupy(&mut self, busy: &[Busy]) -> Result<()> {
        self.room()?;
        busy.iter().for_each(|one| self.touch(one.resource, (one.span.start, one.span.end)));
        let mut rest = busy;
        while !rest.is_empty() {
            let size = ROWS.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
            let (some, others) = rest.split_at(size);
            self.insert_busy(some).await?;
            rest = others;
        }
        Ok(())
    }

    async fn insert_busy(&mut self, busy: &[Busy]) -> Result<()> {
        let clinic = self.clinic();
        let row = |one: &Busy| {
            let Busy { resource, span, kind, source, expires_at, mark, service } = one;
            let (collection, name) = source.parts();
            let mark = mark.as_ref();
            let mut row = values![clinic, *resource, span.from, collection, name, span.occurrence];
            row.extend(values![span.start, span.end, span.until, kind.text(), *expires_at, mark.is_some()]);
            row.extend(values![
                mark.and_then(|mark| mark.by),
                mark.map(|mark| mark.door.text().into_owned()),
                mark.map(|mark| mark.why.clone()),
                service.clone()
            ]);
            row
        };
        let rows = busy.iter().map(row).collect();
        // What was touched is journalled in the same trip: it is what every booking does.
        let times = self.times();
        self.put(Statements::default().rows(&BUSY, rows).rows(&FACTS, times)).await
    }

    /// Takes away what comes from an object or a hold; returns how many intervals that were.
    pub async fn vacate(&mut self, source: &Source) -> Result<u64> {
        let (collection, name) = source.parts();
        let sql = format!(
            "delete from busy{} where clinic_id = $1 and collection_id = $2 and name = $3 \
             returning resource_id, start_at, end_at",
            self.database().through(SOURCE)
        );
        let values = values![self.clinic(), collection, name];
        let rows = self.all(AssertSqlSafe(sql), values).await?;
        self.touch_rows(&rows)
    }

    /// Notes the time of rows (resource, start, end) as touched; returns how many they are.
    pub(crate) fn touch_rows(&mut self, rows: &[AnyRow]) -> Result<u64> {
        for row in rows {
            let mut columns = Columns::of(row);
            let resource = PrincipalId(columns.int()?);
            self.touch(resource, (columns.int()?, columns.int()?));
        }
        Ok(rows.len() as u64)
    }

    /// Takes away some intervals, one by one of their keys: before what is written next, which may need their place.
    pub async fn vacate_some(&mut self, busy: &[Busy]) -> Result<()> {
        busy.iter().for_each(|one| self.touch(one.resource, (one.span.start, one.span.end)));
        let mut rest = busy;
        while !rest.is_empty() {
            let size = ROWS.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
            let (some, others) = rest.split_at(size);
            let clinic = self.clinic();
            let key = |one: &Busy| {
                let (collection, name) = one.source.parts();
                values![clinic, one.resource, one.span.from, collection, name, one.span.occurrence]
            };
            self.count(Statements::default().keys(&INTERVALS, some.iter().map(key).collect())).await?;
            rest = others;
        }
        Ok(())
    }

    /// Takes away everything of a resource but its holds: it is about to be written anew.
    pub async fn vacate_resource(&mut self, id: PrincipalId) -> Result<u64> {
        self.touch(id, EVER);
        let sql = "delete from busy where clinic_id = $1 and resource_id = $2 and collection_id <> 0";
        let values = values![self.clinic(), id];
        self.run(sql, values).await
    }
}

impl Aside {
    /// Forgets intervals that ended before `before`, and holds that ran out before it; returns how many.
    pub async fn prune_busy(&mut self, clinic: ClinicId, before: i64) -> Result<u64> {
        let holds = "delete from holds where clinic_id = $1 and expires_at < $2";
        let pruned = self.run(holds, values![clinic, before]).await?;
        let held = format!(
            "delete from busy{} where clinic_id = $1 and expires_at < $2",
            self.database().through(EXPIRY)
        );
        let pruned = pruned + self.run(AssertSqlSafe(held), values![clinic, before]).await?;
        // By each resource's key, whose first rows are the oldest.
        let busy = "delete from busy where clinic_id = $1 and from_at < $2 and until_at < $2 \
            and resource_id in (select id from resources where clinic_id = $1)";
        Ok(pruned + self.run(busy, values![clinic, before]).await?)
    }
}
