//! Twins: an event at Google and what it is here, an object or one occurrence of it, with the fields both sides last
//! agreed on. The row of what is gone stays: its id there can never be used again, so that the next one counts up.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{Aside, ClinicId, Conn, Error, LinkId, Result};

macro_rules! columns {
    () => {
        "uid, recurrence, name, event, born, generation, etag, base, gone_at"
    };
}

/// What lives there with an id of its own: whole objects; of ours whose whole does not, occurrences.
macro_rules! living {
    () => {
        "gone_at is null and (recurrence = '' or (born = 'here' and event <> '' and base <> 'null' \
        and not exists (select 1 from twins as whole where whole.clinic_id = twins.clinic_id \
        and whole.link_id = twins.link_id and whole.uid = twins.uid and whole.recurrence = '' \
        and whole.gone_at is null)))"
    };
}

/// On which side it was made, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Born {
    /// Here.
    Here,
    /// There, by a person.
    There,
    /// There, by another link that carries it from elsewhere: only its times count.
    Elsewhere,
}

impl Born {
    const ALL: [(Born, &'static str); 3] =
        [(Born::Here, "here"), (Born::There, "there"), (Born::Elsewhere, "elsewhere")];

    fn text(self) -> &'static str {
        Born::ALL.iter().find(|(born, _)| *born == self).map_or("there", |(_, text)| text)
    }

    fn read(text: &str) -> Result<Born> {
        let found = Born::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(born, _)| *born).ok_or_else(|| Error::broken("a twin was born nowhere"))
    }
}

/// One pair. No `Debug`: the fields are a patient's.
#[derive(Clone, PartialEq, Eq)]
pub struct Twin {
    /// The UID of the object.
    pub uid: String,
    /// Which occurrence; empty for the whole.
    pub recurrence: String,
    /// The object's name.
    pub name: String,
    /// The id there; empty where the occurrence is only an EXDATE.
    pub event: String,
    /// Where it was made.
    pub born: Born,
    /// How often its id there was used up.
    pub generation: i64,
    /// The ETag there, as last seen.
    pub etag: String,
    /// The caller's JSON: what both sides agreed on.
    pub base: String,
    /// Seconds UTC; Some: it is no more, here or there.
    pub gone_at: Option<i64>,
}

fn read(row: &AnyRow) -> Result<Twin> {
    let mut columns = Columns::of(row);
    Ok(Twin {
        uid: columns.text()?,
        recurrence: columns.text()?,
        name: columns.text()?,
        event: columns.text()?,
        born: Born::read(&columns.text()?)?,
        generation: columns.int()?,
        etag: columns.text()?,
        base: columns.text()?,
        gone_at: columns.maybe_int()?,
    })
}

impl Conn {
    async fn twins_where(
        &mut self,
        (clinic, link): (ClinicId, LinkId),
        column: &'static str,
        keys: &[String],
    ) -> Result<Vec<Twin>> {
        let mut found = Vec::new();
        for chunk in keys.chunks(LIST) {
            let (places, keys) = list(3, chunk.iter().map(|key| Value::from(key.as_str())).collect());
            let sql = format!(
                concat!(
                    "select ",
                    columns!(),
                    " from twins where clinic_id = $1 and link_id = $2 and {} in ({}) order by uid, recurrence"
                ),
                column, places
            );
            let rows = self.all(AssertSqlSafe(sql), [values![clinic, link], keys].concat()).await?;
            for row in &rows {
                found.push(read(row)?);
            }
        }
        Ok(found)
    }

    /// The twins of these ids there.
    pub async fn twins_by_event(&mut self, of: (ClinicId, LinkId), events: &[String]) -> Result<Vec<Twin>> {
        self.twins_where(of, "event", events).await
    }

    /// The twins of these objects, their occurrences too.
    pub async fn twins_by_name(&mut self, of: (ClinicId, LinkId), names: &[String]) -> Result<Vec<Twin>> {
        self.twins_where(of, "name", names).await
    }

    /// The twins of these UIDs, their occurrences too.
    pub async fn twins_by_uid(&mut self, of: (ClinicId, LinkId), uids: &[String]) -> Result<Vec<Twin>> {
        self.twins_where(of, "uid", uids).await
    }

    /// Whole objects that live on both sides, and occurrences of ours that stand there by themselves since their object
    /// does not: in the order of UIDs and occurrences after this one.
    pub async fn twins_after(
        &mut self,
        (clinic, link): (ClinicId, LinkId),
        (uid, recurrence): (&str, &str),
        limit: u32,
    ) -> Result<Vec<Twin>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from twins where clinic_id = $1 and link_id = $2 and (uid, recurrence) > ($3, $4) and ",
            living!(),
            " order by uid, recurrence limit $5"
        );
        self.all(sql, values![clinic, link, uid, recurrence, limit]).await?.iter().map(read).collect()
    }

    /// How many of them there are.
    pub async fn twins_total(&mut self, (clinic, link): (ClinicId, LinkId)) -> Result<i64> {
        let sql = concat!("select count(*) from twins where clinic_id = $1 and link_id = $2 and ", living!());
        Ok(self.number(sql, values![clinic, link]).await?.unwrap_or(0))
    }
}

impl Aside {
    /// Keeps twins, each in place of the one of its UID and occurrence.
    pub async fn save_twins(&mut self, (clinic, link): (ClinicId, LinkId), twins: &[Twin]) -> Result<()> {
        self.room()?;
        let sql = "insert into twins (clinic_id, link_id, uid, recurrence, name, event, born, generation, etag, \
            base, gone_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
            on conflict (clinic_id, link_id, uid, recurrence) do update set name = excluded.name, \
            event = excluded.event, born = excluded.born, generation = excluded.generation, \
            etag = excluded.etag, base = excluded.base, gone_at = excluded.gone_at";
        for twin in twins {
            let values = values![
                clinic,
                link,
                twin.uid.as_str(),
                twin.recurrence.as_str(),
                twin.name.as_str(),
                twin.event.as_str(),
                twin.born.text(),
                twin.generation,
                twin.etag.as_str(),
                twin.base.as_str(),
                twin.gone_at,
            ];
            self.run(sql, values).await?;
        }
        Ok(())
    }

    /// Forgets one occurrence's twin: it is like its series again.
    pub async fn remove_twin(&mut self, of: (ClinicId, LinkId), uid: &str, recurrence: &str) -> Result<()> {
        let sql = "delete from twins where clinic_id = $1 and link_id = $2 and uid = $3 and recurrence = $4";
        self.run(sql, values![of.0, of.1, uid, recurrence]).await.map(|_| ())
    }
}
