//! Terms: what a clinic can be asked for (locations, departments, specialties, languages, modes, room types), and which
//! of them belong to whom, on which weekdays.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{ClinicId, Conn, Error, Fact, PrincipalId, Record, Result, TermId, Tx};

/// What a term is a word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// A place; its detail is the address.
    Location,
    /// A department.
    Department,
    /// A specialty.
    Specialty,
    /// A language spoken; its code is a tag of RFC 5646.
    Language,
    /// How a visit is held: in person, by video.
    Mode,
    /// A kind of room or equipment.
    RoomType,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Dimension; 6] = [
        Dimension::Location,
        Dimension::Department,
        Dimension::Specialty,
        Dimension::Language,
        Dimension::Mode,
        Dimension::RoomType,
    ];

    /// As it stands in the table and in the API.
    pub fn text(self) -> &'static str {
        match self {
            Dimension::Location => "location",
            Dimension::Department => "department",
            Dimension::Specialty => "specialty",
            Dimension::Language => "language",
            Dimension::Mode => "mode",
            Dimension::RoomType => "room-type",
        }
    }

    /// By its text.
    pub fn named(text: &str) -> Option<Dimension> {
        Dimension::ALL.into_iter().find(|dimension| dimension.text() == text)
    }
}

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its id.
    pub id: TermId,
    /// What it says.
    pub body: TermBody,
    /// The change that touched it last: its version.
    pub seq: i64,
}

/// What a term says; all of it is replaced at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermBody {
    /// What it is a word for; never changes.
    pub dimension: Dimension,
    /// Short, for programs; unique in its dimension.
    pub code: String,
    /// For people to read.
    pub name: String,
    /// Whatever else is to be shown (an address).
    pub detail: Option<String>,
    /// Seconds UTC; Some: not offered any more.
    pub disabled_at: Option<i64>,
}

/// A term of somebody or something that can be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceTerm {
    /// Whose.
    pub resource: PrincipalId,
    /// Which.
    pub term: TermId,
    /// Bit 0 is Monday; 127 is every day.
    pub weekdays: u8,
}

/// Every day of the week.
pub const EVERY_DAY: u8 = 127;

fn read(row: &AnyRow) -> Result<Term> {
    let mut columns = Columns::of(row);
    Ok(Term {
        id: TermId(columns.int()?),
        body: TermBody {
            dimension: Dimension::named(&columns.text()?)
                .ok_or_else(|| Error::broken("an unknown dimension of a term"))?,
            code: columns.text()?,
            name: columns.text()?,
            detail: columns.maybe_text()?,
            disabled_at: columns.maybe_int()?,
        },
        seq: columns.int()?,
    })
}

fn read_of(row: &AnyRow) -> Result<ResourceTerm> {
    let mut columns = Columns::of(row);
    Ok(ResourceTerm {
        resource: PrincipalId(columns.int()?),
        term: TermId(columns.int()?),
        weekdays: u8::try_from(columns.int()?).unwrap_or(EVERY_DAY),
    })
}

macro_rules! columns {
    () => {
        "id, dimension, code, name, detail, disabled_at, seq"
    };
}

impl Conn {
    /// A page of them ordered by id, disabled ones too; `after` is the last id of the page before (0 for the first).
    pub async fn terms(&mut self, clinic: ClinicId, after: TermId, limit: u32) -> Result<Vec<Term>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from terms where clinic_id = $1 and id > $2 order by id limit $3"
        );
        let rows = self.all(sql, values![clinic, after, limit]).await?;
        rows.iter().map(read).collect()
    }

    /// One of them.
    pub async fn term(&mut self, clinic: ClinicId, id: TermId) -> Result<Option<Term>> {
        let sql = concat!("select ", columns!(), " from terms where clinic_id = $1 and id = $2");
        self.one(sql, values![clinic, id]).await?.as_ref().map(read).transpose()
    }

    /// Several by id, in no order; the missing are left out.
    pub async fn terms_by_id(&mut self, clinic: ClinicId, ids: &[TermId]) -> Result<Vec<Term>> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(LIST) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let select = concat!("select ", columns!(), " from terms where clinic_id = $1");
            let sql = format!("{select} and id in ({places})");
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?;
            found.extend(rows.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// The terms of these, ordered by resource and term.
    pub async fn terms_of(&mut self, clinic: ClinicId, of: &[PrincipalId]) -> Result<Vec<ResourceTerm>> {
        let mut found = Vec::new();
        for chunk in of.chunks(LIST) {
            let (places, ids) = list(2, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!(
                "select principal_id, term_id, weekdays from resource_terms \
                 where clinic_id = $1 and principal_id in ({places}) order by principal_id, term_id"
            );
            let rows = self.all(AssertSqlSafe(sql), [values![clinic], ids].concat()).await?;
            found.extend(rows.iter().map(read_of).collect::<Result<Vec<_>>>()?);
        }
        found.sort_unstable_by_key(|one| (one.resource, one.term));
        Ok(found)
    }
}

impl Tx {
    /// Makes a term. `Error::Unique` when its dimension has this code.
    pub async fn insert_term(&mut self, body: TermBody) -> Result<Term> {
        self.room()?;
        let id = TermId(self.next_id().await?);
        let sql = concat!(
            "insert into terms (clinic_id, ",
            columns!(),
            ") values ($1, $2, $3, $4, $5, $6, $7, $8)"
        );
        let values = values![
            self.clinic(),
            id,
            body.dimension.text(),
            body.code.as_str(),
            body.name.as_str(),
            body.detail.clone(),
            body.disabled_at,
            self.seq(),
        ];
        self.run(sql, values).await?;
        self.note(Fact::RecordChanged(Record::Term(id))).await?;
        Ok(Term { id, body, seq: self.seq() })
    }

    /// Replaces what a term says (but its dimension). False when there is none.
    pub async fn replace_term(&mut self, id: TermId, body: TermBody) -> Result<bool> {
        self.room()?;
        let sql = "update terms set code = $3, name = $4, detail = $5, disabled_at = $6, seq = $7 \
            where clinic_id = $1 and id = $2";
        let TermBody { code, name, detail, disabled_at, .. } = body;
        let values = values![self.clinic(), id, code, name, detail, disabled_at, self.seq()];
        let was = self.run(sql, values).await? > 0;
        if was {
            self.note(Fact::RecordChanged(Record::Term(id))).await?;
        }
        Ok(was)
    }

    /// Replaces the terms of one that can be booked. `Error::Gone` without it or a term.
    pub async fn set_terms_of(&mut self, of: PrincipalId, terms: &[ResourceTerm]) -> Result<()> {
        self.room()?;
        let clinic = self.clinic();
        let clear = "delete from resource_terms where clinic_id = $1 and principal_id = $2";
        self.run(clear, values![clinic, of]).await?;
        for some in terms.chunks(LIST) {
            let place = |n: usize| format!("($1, $2, ${}, ${})", 2 * n + 3, 2 * n + 4);
            let places: Vec<_> = (0..some.len()).map(place).collect();
            let sql = "insert into resource_terms (clinic_id, principal_id, term_id, weekdays) values ";
            let sql = format!("{sql}{}", places.join(", "));
            let mut values = values![clinic, of];
            some.iter().for_each(|one| values.extend(values![one.term, i64::from(one.weekdays)]));
            self.run(AssertSqlSafe(sql), values).await?;
        }
        self.note(Fact::RecordChanged(Record::Resource(of))).await
    }
}
