//! Values between Rust and SQL: what is bound to `$1 ...` and what is read from a row, column after column.
//! The one invariant: a value reaches a statement only as a parameter, never as part of its text (but for the numbers of a
//! clinic and a hash in `postgres::bump` and `postgres::end`, whose texts take no parameters).

use bytes::Bytes;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Arguments, Row};

use crate::{CollectionId, Error, Etag, Result, Secret};

/// A bound value; nulls keep their type, which PostgreSQL needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Value {
        Value::Int(Some(value.into()))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Int(Some(value.into()))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Value {
        Value::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(Some(value.into()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(Some(value))
    }
}

impl From<std::borrow::Cow<'static, str>> for Value {
    fn from(value: std::borrow::Cow<'static, str>) -> Value {
        Value::Text(Some(value.into_owned()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Value {
        Value::Text(value)
    }
}

impl From<Option<Secret>> for Value {
    fn from(value: Option<Secret>) -> Value {
        Value::Text(value.map(|secret| secret.0))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Value {
        Value::Blob(Some(value.to_vec()))
    }
}

impl From<&Bytes> for Value {
    fn from(value: &Bytes) -> Value {
        Value::Blob(Some(value.to_vec()))
    }
}

impl From<Etag> for Value {
    fn from(value: Etag) -> Value {
        Value::Blob(Some(value.0.to_vec()))
    }
}

macro_rules! from_id {
    ($($id:ident),*) => {$(
        impl From<crate::$id> for Value {
            fn from(id: crate::$id) -> Value {
                Value::Int(Some(id.0))
            }
        }

        impl From<Option<crate::$id>> for Value {
            fn from(id: Option<crate::$id>) -> Value {
                Value::Int(id.map(|id| id.0))
            }
        }
    )*};
}
from_id!(
    ClinicId,
    PrincipalId,
    CollectionId,
    AppPasswordId,
    FeedId,
    TokenId,
    TermId,
    ServiceId,
    PatientId,
    RequestId,
    RemoteId,
    LinkId
);

/// `values![a, b, c]`: the parameters `$1, $2, $3`.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}
pub(crate) use values;

/// The values as sqlx wants them.
pub(crate) fn arguments(values: Vec<Value>) -> Result<AnyArguments> {
    let mut arguments = AnyArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            // By move: a text may be a megabyte.
            Value::Blob(Some(value)) => arguments.add(value),
            Value::Blob(None) => arguments.add(None::<Vec<u8>>),
        };
        added.map_err(|_| Error::broken("a parameter cannot be bound"))?;
    }
    Ok(arguments)
}

/// Reads the columns of a row from left to right.
pub(crate) struct Columns<'r> {
    row: &'r AnyRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r AnyRow) -> Columns<'r> {
        Columns { row, next: 0 }
    }

    fn take<T>(&mut self) -> Result<T>
    where
        T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        self.next += 1;
        self.row
            .try_get(self.next - 1)
            .map_err(|error| Error::broken(format!("a row cannot be read: {}", shape(&error))))
    }

    pub(crate) fn int(&mut self) -> Result<i64> {
        self.take()
    }

    pub(crate) fn maybe_int(&mut self) -> Result<Option<i64>> {
        self.take()
    }

    pub(crate) fn truth(&mut self) -> Result<bool> {
        Ok(self.int()? != 0)
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        self.take()
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>> {
        self.take()
    }

    pub(crate) fn blob(&mut self) -> Result<Bytes> {
        self.take::<&[u8]>().map(Bytes::copy_from_slice)
    }

    pub(crate) fn hash(&mut self) -> Result<[u8; 32]> {
        self.take::<&[u8]>()?
            .try_into()
            .map_err(|_| Error::broken("a hash of the wrong length in the database"))
    }

    pub(crate) fn maybe_blob(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.take::<Option<&[u8]>>()?.map(<[u8]>::to_vec))
    }

    pub(crate) fn maybe_etag(&mut self) -> Result<Option<Etag>> {
        let Some(bytes) = self.take::<Option<&[u8]>>()? else { return Ok(None) };
        let hash =
            bytes.try_into().map_err(|_| Error::broken("a hash of the wrong length in the database"))?;
        Ok(Some(Etag(hash)))
    }

    pub(crate) fn etag(&mut self) -> Result<Etag> {
        self.hash().map(Etag)
    }
}

/// What kind of error it is, without the value that sqlx would print with it.
fn shape(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::ColumnDecode { index, .. } => format!("column {index} has another type than expected"),
        sqlx::Error::ColumnIndexOutOfBounds { index, len } => format!("column {index} of {len}"),
        _ => "unexpected row".into(),
    }
}

/// Texts of `in (...)` lists come in a few sizes only, so that few statements fill the cache of prepared ones.
const SIZES: [usize; 5] = [1, 8, 40, 200, 1000];

/// The longest list that goes into one statement; longer ones are cut by the caller into chunks of this.
pub(crate) const LIST: usize = 1000;

/// `$from, $from+1, ...` for a list of `count` values and the values padded with their last one to that length.
pub(crate) fn list(from: usize, mut values: Vec<Value>) -> (String, Vec<Value>) {
    let size = SIZES.into_iter().find(|size| *size >= values.len()).unwrap_or(values.len());
    if let Some(last) = values.last().cloned() {
        values.resize(size, last);
    }
    let places: Vec<String> = (from..from + values.len()).map(|n| format!("${n}")).collect();
    (places.join(", "), values)
}

/// Collections that go into one statement with the change each is read from.
pub(crate) const WANTED: usize = 100;

/// The rows of `values` for collections and the changes after which each is wanted, from `$from` on; filled up with rows
/// that find nothing, so that there are two such statements and not a hundred.
pub(crate) fn wanted(from: usize, of: &[(CollectionId, i64)]) -> (Vec<Value>, String) {
    let rows = if of.len() > 1 { of.len().max(WANTED) } else { 1 };
    let nothing = std::iter::repeat(&(CollectionId(0), i64::MAX));
    let values = of.iter().chain(nothing).take(rows);
    let values = values.flat_map(|(id, since)| [Value::from(*id), Value::from(*since)]).collect();
    let row = |n| format!("(cast(${} as bigint), cast(${} as bigint))", from + 2 * n, from + 2 * n + 1);
    let places: Vec<String> = (0..rows).map(row).collect();
    (values, places.join(", "))
}
