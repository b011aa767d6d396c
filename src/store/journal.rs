//! The journal: one row per fact, append only, numbered by the change (`seq`) and the place in it (`n`). Whoever must
//! react reads it with an own cursor; nothing hooks into the write.

use std::borrow::Cow;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::statements::{Listing, Statements};
use crate::value::{Columns, Value, list, values};
use crate::{
    ClinicId, CollectionId, Conn, Error, Etag, Noted, PatientId, PrincipalId, RequestId, Result, ServiceId,
    TermId, Tx,
};

macro_rules! columns {
    () => {
        "seq, n, kind, collection_id, principal_id, name, etag, origin, caller_id, at"
    };
}

/// What changed.
#[derive(Clone, PartialEq, Eq)]
pub enum Fact {
    /// An object was written.
    ObjectPut {
        /// In which collection.
        collection: CollectionId,
        /// Under which name.
        name: String,
        /// Its ETag.
        etag: Etag,
    },
    /// An object was removed.
    ObjectGone {
        /// From which collection.
        collection: CollectionId,
        /// Under which name it was.
        name: String,
    },
    /// A collection was made.
    CollectionMade {
        /// Which.
        collection: CollectionId,
        /// In whose home.
        owner: PrincipalId,
    },
    /// A collection's own properties changed.
    CollectionChanged {
        /// Which.
        collection: CollectionId,
        /// In whose home.
        owner: PrincipalId,
    },
    /// A collection was removed with all it held.
    CollectionGone {
        /// Which.
        collection: CollectionId,
        /// In whose home it was.
        owner: PrincipalId,
    },
    /// A collection was shared, or the share changed.
    Shared {
        /// Which.
        collection: CollectionId,
        /// With whom.
        principal: PrincipalId,
    },
    /// A share ended.
    Unshared {
        /// Of which collection.
        collection: CollectionId,
        /// With whom.
        principal: PrincipalId,
    },
    /// A principal was made or changed (name, password, app passwords, disabled, properties).
    PrincipalChanged {
        /// Which.
        principal: PrincipalId,
    },
    /// A principal was erased.
    PrincipalErased {
        /// Which.
        principal: PrincipalId,
    },
    /// A feed of this collection was made or revoked.
    FeedChanged {
        /// Of which collection.
        collection: CollectionId,
    },
    /// Dead properties of an object in this collection changed.
    PropertiesChanged {
        /// In which collection.
        collection: CollectionId,
    },
    /// An import into this collection ended; its objects were journalled one by one before.
    Imported {
        /// Which.
        collection: CollectionId,
    },
    /// A record of the clinic was made or changed.
    RecordChanged(Record),
    /// An appointment was booked, moved, cancelled or otherwise changed.
    Appointment {
        /// In its practitioner's calendar.
        collection: CollectionId,
        /// With whom.
        practitioner: PrincipalId,
        /// The UID of its object.
        uid: String,
        /// What became of it.
        noted: Noted,
    },
    /// A hold was made, prolonged or ended; one that is turned into an appointment ends with that.
    HoldsChanged {
        /// Whose time is kept, or free again.
        resource: PrincipalId,
        /// The hold.
        hold: String,
        /// What became of it.
        became: HoldBecame,
    },
    /// What stands on a resource changed between two instants: visits, blocks or holds. Journalled by whatever writes
    /// `busy`, so that nobody can forget it.
    TimeChanged {
        /// Whose.
        resource: PrincipalId,
        /// Seconds UTC: what changed begins there at the earliest.
        from: i64,
        /// And ends there at the latest.
        until: i64,
    },
    /// Everything may be different (restore, new epoch): forget what you know.
    Restored,
}

/// What became of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldBecame {
    /// It was made.
    Made,
    /// It lasts longer.
    Prolonged,
    /// It was released, or taken by somebody stronger.
    Ended,
    /// Its time was over.
    RanOut,
}

impl HoldBecame {
    /// As it stands in the table.
    fn text(self) -> &'static str {
        match self {
            HoldBecame::Made => "hold-made",
            HoldBecame::Prolonged => "hold-prolonged",
            HoldBecame::Ended => "hold-ended",
            HoldBecame::RanOut => "hold-ran-out",
        }
    }

    const ALL: [HoldBecame; 4] =
        [HoldBecame::Made, HoldBecame::Prolonged, HoldBecame::Ended, HoldBecame::RanOut];

    fn read(kind: &str) -> Option<HoldBecame> {
        // What a release before this one wrote said no more than that something changed.
        let old = (kind == "holds-changed").then_some(HoldBecame::Ended);
        HoldBecame::ALL.into_iter().find(|became| became.text() == kind).or(old)
    }
}

/// A record of the clinic, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// A term.
    Term(TermId),
    /// A service, or what is different of it with somebody.
    Service(ServiceId),
    /// The profile or the terms of one that can be booked.
    Resource(PrincipalId),
    /// A patient.
    Patient(PatientId),
    /// A request.
    Request(RequestId),
    /// What the clinic decides for all of it.
    Settings,
}

impl Record {
    /// As it stands in the table.
    fn parts(self) -> (&'static str, i64) {
        match self {
            Record::Term(id) => ("term-changed", id.0),
            Record::Service(id) => ("service-changed", id.0),
            Record::Resource(id) => ("resource-changed", id.0),
            Record::Patient(id) => ("patient-changed", id.0),
            Record::Request(id) => ("request-changed", id.0),
            Record::Settings => ("settings-changed", 0),
        }
    }

    fn read(kind: &str, name: &str) -> Option<Record> {
        let id = name.parse().ok()?;
        Some(match kind {
            "term-changed" => Record::Term(TermId(id)),
            "service-changed" => Record::Service(ServiceId(id)),
            "resource-changed" => Record::Resource(PrincipalId(id)),
            "patient-changed" => Record::Patient(PatientId(id)),
            "request-changed" => Record::Request(RequestId(id)),
            "settings-changed" => Record::Settings,
            _ => return None,
        })
    }
}

/// The door a change came through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The house itself (timers, repair).
    #[default]
    House,
    /// CalDAV.
    Dav,
    /// The command line.
    Cli,
    /// An import.
    Import,
    /// The JSON API.
    Rest,
    /// A patient's own link to an appointment.
    Link,
    /// The web pages.
    Ui,
    /// A link to Google, by its id.
    Google(i64),
}

/// The kind of [`Fact::TimeChanged`] in the table; its name is `from until`.
const TIME_CHANGED: &str = "time-changed";

fn time_changed(resource: PrincipalId, span: &str) -> Fact {
    let span = span.split_once(' ').and_then(|(from, until)| Some((from.parse().ok()?, until.parse().ok()?)));
    span.map_or(Fact::Restored, |(from, until)| Fact::TimeChanged { resource, from, until })
}

/// One row of the journal.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// The change.
    pub seq: i64,
    /// The place in it, from 0.
    pub n: i64,
    /// What changed.
    pub fact: Fact,
    /// Through which door.
    pub origin: Origin,
    /// By whom.
    pub caller: Option<PrincipalId>,
    /// Seconds UTC.
    pub at: i64,
}

/// A fact as it stands in the table.
#[derive(Default)]
struct Parts {
    kind: &'static str,
    collection: Option<CollectionId>,
    principal: Option<PrincipalId>,
    name: Option<String>,
    etag: Option<Etag>,
}

impl Fact {
    fn parts(self) -> Parts {
        let of = |kind, collection, principal| Parts { kind, collection, principal, ..Parts::default() };
        match self {
            Fact::ObjectPut { collection, name, etag } => {
                Parts { name: Some(name), etag: Some(etag), ..of("object-put", Some(collection), None) }
            }
            Fact::ObjectGone { collection, name } => {
                Parts { name: Some(name), ..of("object-gone", Some(collection), None) }
            }
            Fact::CollectionMade { collection, owner } => {
                of("collection-made", Some(collection), Some(owner))
            }
            Fact::CollectionChanged { collection, owner } => {
                of("collection-changed", Some(collection), Some(owner))
            }
            Fact::CollectionGone { collection, owner } => {
                of("collection-gone", Some(collection), Some(owner))
            }
            Fact::Shared { collection, principal } => of("shared", Some(collection), Some(principal)),
            Fact::Unshared { collection, principal } => of("unshared", Some(collection), Some(principal)),
            Fact::PrincipalChanged { principal } => of("principal-changed", None, Some(principal)),
            Fact::PrincipalErased { principal } => of("principal-erased", None, Some(principal)),
            Fact::FeedChanged { collection } => of("feed-changed", Some(collection), None),
            Fact::PropertiesChanged { collection } => of("properties-changed", Some(collection), None),
            Fact::Imported { collection } => of("imported", Some(collection), None),
            Fact::RecordChanged(record) => {
                let (kind, id) = record.parts();
                Parts { name: Some(id.to_string()), ..of(kind, None, None) }
            }
            Fact::Appointment { collection, practitioner, uid, noted } => {
                Parts { name: Some(uid), ..of(noted.text(), Some(collection), Some(practitioner)) }
            }
            Fact::HoldsChanged { resource, hold, became } => {
                Parts { name: Some(hold), ..of(became.text(), None, Some(resource)) }
            }
            Fact::TimeChanged { resource, from, until } => {
                Parts { name: Some(format!("{from} {until}")), ..of(TIME_CHANGED, None, Some(resource)) }
            }
            Fact::Restored => of("restored", None, None),
        }
    }

    /// Objects and records come and go without changing who sees what.
    fn structural(&self) -> bool {
        !matches!(
            self,
            Fact::ObjectPut { .. }
                | Fact::ObjectGone { .. }
                | Fact::Imported { .. }
                | Fact::Appointment { .. }
                | Fact::HoldsChanged { .. }
                | Fact::TimeChanged { .. }
                | Fact::RecordChanged(_)
        )
    }

    fn read(columns: &mut Columns<'_>) -> Result<Fact> {
        let kind = columns.text()?;
        let collection = columns.maybe_int()?.map(CollectionId);
        let principal = columns.maybe_int()?.map(PrincipalId);
        let name = columns.maybe_text()?;
        let etag = columns.maybe_etag()?;
        if let Some(record) = name.as_deref().and_then(|name| Record::read(&kind, name)) {
            return Ok(Fact::RecordChanged(record));
        }
        let fact = match (kind.as_str(), collection, principal, name, etag) {
            ("object-put", Some(collection), _, Some(name), Some(etag)) => {
                Fact::ObjectPut { collection, name, etag }
            }
            ("object-gone", Some(collection), _, Some(name), _) => Fact::ObjectGone { collection, name },
            ("collection-made", Some(collection), Some(owner), ..) => {
                Fact::CollectionMade { collection, owner }
            }
            ("collection-changed", Some(collection), Some(owner), ..) => {
                Fact::CollectionChanged { collection, owner }
            }
            ("collection-gone", Some(collection), Some(owner), ..) => {
                Fact::CollectionGone { collection, owner }
            }
            ("shared", Some(collection), Some(principal), ..) => Fact::Shared { collection, principal },
            ("unshared", Some(collection), Some(principal), ..) => Fact::Unshared { collection, principal },
            ("principal-changed", _, Some(principal), ..) => Fact::PrincipalChanged { principal },
            ("principal-erased", _, Some(principal), ..) => Fact::PrincipalErased { principal },
            ("feed-changed", Some(collection), ..) => Fact::FeedChanged { collection },
            ("properties-changed", Some(collection), ..) => Fact::PropertiesChanged { collection },
            ("imported", Some(collection), ..) => Fact::Imported { collection },
            (TIME_CHANGED, _, Some(resource), Some(span), _) => time_changed(resource, &span),
            (kind, None, Some(resource), Some(hold), _) if HoldBecame::read(kind).is_some() => {
                let became = HoldBecame::read(kind);
                became.map_or(Fact::Restored, |became| Fact::HoldsChanged { resource, hold, became })
            }
            (kind, Some(collection), Some(practitioner), Some(uid), _)
                if Noted::ALL.iter().any(|noted| noted.text() == kind) =>
            {
                let noted = Noted::ALL.into_iter().find(|noted| noted.text() == kind);
                noted.map_or(Fact::Restored, |noted| Fact::Appointment {
                    collection,
                    practitioner,
                    uid,
                    noted,
                })
            }
            ("restored", ..) => Fact::Restored,
            // A newer release beside us wrote something we do not know: the safe reading is to forget everything.
            _ => Fact::Restored,
        };
        Ok(fact)
    }
}

impl Origin {
    /// As it stands in the table.
    pub(crate) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Origin::House => "house",
            Origin::Dav => "dav",
            Origin::Cli => "cli",
            Origin::Import => "import",
            Origin::Rest => "rest",
            Origin::Link => "patient-link",
            Origin::Ui => "ui",
            Origin::Google(link) => return Cow::Owned(format!("google:{link}")),
        })
    }

    pub(crate) fn read(text: &str) -> Result<Origin> {
        use Origin::{Cli, Dav, House, Import, Link, Rest, Ui};
        let plain = [House, Dav, Cli, Import, Rest, Link, Ui];
        let link = || text.strip_prefix("google:").and_then(|link| link.parse().ok()).map(Origin::Google);
        let found = plain.into_iter().find(|origin| origin.text() == text).or_else(link);
        found.ok_or_else(|| Error::broken("an unknown origin in the journal"))
    }
}

/// What happens to objects, appointments and holds all day. What is not named here is told: also what a newer release
/// beside us may write.
fn daily() -> Vec<&'static str> {
    let objects = ["object-put", "object-gone", "imported"].into_iter();
    objects.chain(Noted::ALL.map(Noted::text)).chain(HoldBecame::ALL.map(HoldBecame::text)).collect()
}

fn read(row: &AnyRow) -> Result<Row> {
    let mut columns = Columns::of(row);
    Ok(Row {
        seq: columns.int()?,
        n: columns.int()?,
        fact: Fact::read(&mut columns)?,
        origin: Origin::read(&columns.text()?)?,
        caller: columns.maybe_int()?.map(PrincipalId),
        at: columns.int()?,
    })
}

impl Conn {
    /// The rows after the change `seq`, in order. The last change of a full page may be cut: go on after the change
    /// before it, or ask for more.
    pub async fn journal_after(&mut self, clinic: ClinicId, seq: i64, limit: u32) -> Result<Vec<Row>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from journal where clinic_id = $1 and seq > $2 order by seq, n limit $3"
        );
        let rows = self.all(sql, values![clinic, seq, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// The same without what happens to objects and appointments all day: of objects only those in calendars of this
    /// slug.
    pub async fn times_after(
        &mut self,
        clinic: ClinicId,
        seq: i64,
        slug: &str,
        limit: u32,
    ) -> Result<Vec<Row>> {
        let those = "exists (select 1 from collections c \
            where c.clinic_id = $1 and c.id = journal.collection_id and c.slug = $4)";
        self.but(&daily(), those, values![clinic, seq, limit, slug]).await
    }

    /// The same without whose time changed: of objects only those in these collections.
    pub async fn rules_after(
        &mut self,
        clinic: ClinicId,
        seq: i64,
        of: &[CollectionId],
        limit: u32,
    ) -> Result<Vec<Row>> {
        // Nothing is written in 0; a list must hold something.
        let of = of.iter().copied().chain(of.is_empty().then_some(CollectionId(0)));
        let (places, ids) = list(4, of.map(Value::from).collect());
        let daily = [daily(), vec![TIME_CHANGED]].concat();
        let values = [values![clinic, seq, limit], ids].concat();
        self.but(&daily, &format!("collection_id in ({places})"), values).await
    }

    /// Facts after a change but those of these kinds, unless they are of `those`.
    async fn but(&mut self, kinds: &[&str], those: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        let sql = format!(
            concat!(
                "select ",
                columns!(),
                " from journal where clinic_id = $1 and seq > $2 and (kind not in ('{}') or {}) \
                 order by seq, n limit $3"
            ),
            kinds.join("', '"),
            those
        );
        let rows = self.all(AssertSqlSafe(sql), values).await?;
        rows.iter().map(read).collect()
    }

    /// The rows of one collection after the change `seq`, in order. Walks through the whole journal after `seq`.
    pub async fn journal_of(
        &mut self,
        clinic: ClinicId,
        of: CollectionId,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<Row>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from journal where clinic_id = $1 and seq > $2 and collection_id = $3 order by seq, n limit $4"
        );
        let rows = self.all(sql, values![clinic, seq, of, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// Which collections changed after `seq`, each with its last change, ordered by collection.
    pub async fn journal_collections_since(
        &mut self,
        clinic: ClinicId,
        seq: i64,
    ) -> Result<Vec<(CollectionId, i64)>> {
        let sql = "select collection_id, max(seq) from journal \
            where clinic_id = $1 and seq > $2 and collection_id is not null \
            group by collection_id order by collection_id";
        let rows = self.all(sql, values![clinic, seq]).await?;
        let read = |row| {
            let mut columns = Columns::of(row);
            Ok((CollectionId(columns.int()?), columns.int()?))
        };
        rows.iter().map(read).collect()
    }
}

/// Rows that one statement takes at most: PostgreSQL knows 65,535 values.
const TOGETHER: usize = 1_000;

/// Rows of the journal.
pub(crate) const FACTS: Listing =
    Listing { before: concat!("insert into journal (clinic_id, ", columns!(), ")"), after: "" };

impl Tx {
    /// Journals a fact of its own. The write methods journal theirs themselves.
    pub async fn note(&mut self, fact: Fact) -> Result<()> {
        self.structural |= fact.structural();
        let is_plain = matches!(fact, Fact::HoldsChanged { .. } | Fact::TimeChanged { .. });
        let n = if is_plain { self.next_plain(None) } else { self.next_n() };
        let row = self.row(fact, n);
        self.put(Statements::default().rows(&FACTS, vec![row])).await
    }

    /// A fact at its place in this change, as a row of [`FACTS`].
    pub(crate) fn row(&self, fact: Fact, n: i64) -> Vec<Value> {
        let Parts { kind, collection, principal, name, etag } = fact.parts();
        let mut row = values![self.clinic(), self.seq(), n, kind, collection, principal, name];
        row.push(Value::Blob(etag.map(|etag| etag.0.to_vec())));
        row.extend(values![self.origin.text(), self.caller, self.now()]);
        row
    }

    /// The rows that journal whose time was touched.
    pub(crate) fn times(&mut self) -> Vec<Vec<Value>> {
        let touched = self.take_touched().into_iter();
        let rows = touched.map(|(resource, (from, until))| {
            let n = self.next_plain(None);
            self.row(Fact::TimeChanged { resource, from, until }, n)
        });
        rows.collect()
    }

    /// Journals what was touched and is not journalled yet: the last thing before a commit.
    pub(crate) async fn note_times(&mut self) -> Result<()> {
        for rows in self.times().chunks(TOGETHER) {
            self.put(Statements::default().rows(&FACTS, rows.to_vec())).await?;
        }
        Ok(())
    }
}
