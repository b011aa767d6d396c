//! The portable archive: one line of plain text, then a gzip stream of frames, each a tag, a length and its bytes. Every
//! table ends with its number of rows and the SHA-256 of them, the whole with an end mark, so that damage and a cut are
//! noticed before anything is replaced. The same for both databases.

use async_compression::tokio::bufread::GzipDecoder;
use async_compression::tokio::write::GzipEncoder;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use crate::value::Value;
use crate::{Error, Result};

/// The first line; its number is the version of this format.
pub(crate) const FIRST_LINE: &str = "kalends archive 1\n";

/// The longest frame that is read: a row with the largest text and some.
const LONGEST: u32 = 64 * 1024 * 1024;

/// How many rows an archive holds, per table, in the order of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Table name and its number of rows.
    pub tables: Vec<(String, u64)>,
}

/// What kind of value a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Blob,
}

/// A table as it is archived.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The columns, the key first: `i`nt, `t`ext or `b`lob before each name.
    columns: &'static [&'static str],
}

impl Table {
    /// The columns with their kinds.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.columns.iter().map(|column| match column.split_at(2) {
            ("i ", name) => (name, Kind::Int),
            ("b ", name) => (name, Kind::Blob),
            (_, name) => (name, Kind::Text),
        })
    }

    pub(crate) fn names(&self) -> String {
        self.columns().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
    }
}

/// Every table but `packs` (derived) in an order in which rows find what they refer to. A test compares this list with
/// the database.
pub(crate) const TABLES: &[Table] = &[
    Table { name: "meta", columns: &["t key", "t value"] },
    Table { name: "ids", columns: &["t name", "i last"] },
    Table {
        name: "clinics",
        columns: &["i id", "t name", "t epoch", "i seq", "i structure", "b audit_head"],
    },
    Table {
        name: "principals",
        columns: &[
            "i clinic_id",
            "i id",
            "t name",
            "t kind",
            "t display_name",
            "t email",
            "t zone",
            "t password_hash",
            "i disabled_at",
            "i created_at",
            "i seq",
            "i home_seq",
            "t role",
        ],
    },
    Table {
        name: "availabilities",
        columns: &["i clinic_id", "i principal_id", "t text", "b digest", "i seq"],
    },
    Table {
        name: "app_passwords",
        columns: &[
            "i clinic_id",
            "i id",
            "i principal_id",
            "t label",
            "t hash",
            "i created_at",
            "i used_at",
            "i revoked_at",
        ],
    },
    Table {
        name: "collections",
        columns: &[
            "i clinic_id",
            "i id",
            "i owner_id",
            "t slug",
            "t components",
            "t display_name",
            "t description",
            "t color",
            "i sort_order",
            "t timezone",
            "i transparent",
            "t policy",
            "i created_at",
            "i seq",
            "i created_seq",
            "i changed_seq",
            "i pruned_seq",
        ],
    },
    Table {
        name: "collection_tombstones",
        columns: &["i clinic_id", "i owner_id", "t slug", "i collection_id", "i seq"],
    },
    Table {
        name: "objects",
        columns: &[
            "i clinic_id",
            "i collection_id",
            "t name",
            "t uid",
            "b etag",
            "i size",
            "i kind",
            "i first",
            "i last",
            "b digest",
            "i seq",
            "i created_at",
            "i modified_at",
            "b text",
        ],
    },
    Table { name: "tombstones", columns: &["i clinic_id", "i collection_id", "t name", "i seq", "i at"] },
    Table {
        name: "dead_properties",
        columns: &[
            "i clinic_id",
            "t owner_kind",
            "i owner_id",
            "t owner_name",
            "t namespace",
            "t name",
            "t xml",
        ],
    },
    Table {
        name: "grants",
        columns: &[
            "i clinic_id",
            "i collection_id",
            "i principal_id",
            "t privilege",
            "i created_seq",
            "i seq",
        ],
    },
    Table {
        name: "feeds",
        columns: &[
            "i clinic_id",
            "i id",
            "i collection_id",
            "b secret_hash",
            "t scope",
            "t label",
            "i created_at",
            "i used_at",
            "i revoked_at",
        ],
    },
    Table { name: "resources", columns: &["i clinic_id", "i id", "i capacity", "i reached", "i epoch"] },
    Table {
        name: "busy",
        columns: &[
            "i clinic_id",
            "i resource_id",
            "i from_at",
            "i collection_id",
            "t name",
            "i occurrence",
            "i start_at",
            "i end_at",
            "i until_at",
            "t kind",
            "i capacity",
            "i expires_at",
            "i overbook",
            "i overbook_by",
            "t overbook_door",
            "t overbook_why",
        ],
    },
    Table {
        name: "holds",
        columns: &[
            "i clinic_id",
            "t id",
            "t party",
            "i made_by",
            "i made_at",
            "i expires_at",
            "i extended",
            "t plan",
        ],
    },
    Table {
        name: "appointments",
        columns: &[
            "i clinic_id",
            "t uid",
            "t recurrence_id",
            "i practitioner_id",
            "t resources",
            "i patient_id",
            "t service",
            "t status",
            "i start_at",
            "i end_at",
            "t details",
            "i made_at",
            "i made_by",
            "t origin",
            "i changed_at",
            "i changed_by",
            "t changed_origin",
            "t reason",
            "i checked_in_at",
            "i started_at",
            "i ended_at",
            "i seq",
        ],
    },
    Table {
        name: "tokens",
        columns: &[
            "i clinic_id",
            "i id",
            "i principal_id",
            "t label",
            "b secret_hash",
            "t scopes",
            "i created_at",
            "i expires_at",
            "i used_at",
            "i revoked_at",
        ],
    },
    Table {
        name: "profiles",
        columns: &[
            "i clinic_id",
            "i principal_id",
            "t status",
            "i public",
            "i online",
            "t licence",
            "t qualifications",
            "i seq",
        ],
    },
    Table {
        name: "terms",
        columns: &[
            "i clinic_id",
            "i id",
            "t dimension",
            "t code",
            "t name",
            "t detail",
            "i disabled_at",
            "i seq",
        ],
    },
    Table { name: "resource_terms", columns: &["i clinic_id", "i principal_id", "i term_id", "i weekdays"] },
    Table {
        name: "services",
        columns: &[
            "i clinic_id",
            "i id",
            "t code",
            "t name",
            "t modes",
            "i minutes",
            "i step",
            "i pad_before",
            "i pad_after",
            "i notice",
            "i horizon_days",
            "i day_limit",
            "i week_limit",
            "i seats",
            "t needs",
            "i hold_patient",
            "i hold_staff",
            "i fee",
            "t currency",
            "i cancel_window",
            "i disabled_at",
            "i seq",
        ],
    },
    Table {
        name: "service_overrides",
        columns: &[
            "i clinic_id",
            "i service_id",
            "i principal_id",
            "i offered",
            "i minutes",
            "i pad_before",
            "i pad_after",
            "i day_limit",
            "i week_limit",
            "i fee",
        ],
    },
    Table {
        name: "patients",
        columns: &[
            "i clinic_id",
            "i id",
            "t external_id",
            "t name",
            "t phone",
            "t phone_key",
            "t email",
            "t email_key",
            "t zone",
            "t language",
            "i created_at",
            "i disabled_at",
            "i seq",
        ],
    },
    Table {
        name: "requests",
        columns: &[
            "i clinic_id",
            "i id",
            "t kind",
            "i principal_id",
            "i first",
            "i last",
            "t body",
            "t status",
            "t object_name",
            "i created_by",
            "i created_at",
            "i decided_by",
            "i decided_at",
            "i seq",
        ],
    },
    Table {
        name: "idempotency",
        columns: &[
            "i clinic_id",
            "t credential",
            "t key",
            "b body_hash",
            "i begun_at",
            "i status",
            "b answer",
        ],
    },
    Table {
        name: "audit",
        columns: &[
            "i clinic_id",
            "i seq",
            "i n",
            "i at",
            "i actor_id",
            "t credential",
            "t door",
            "t kind",
            "t subject",
            "t body",
            "b hash",
        ],
    },
    Table {
        name: "journal",
        columns: &[
            "i clinic_id",
            "i seq",
            "i n",
            "t kind",
            "i collection_id",
            "i principal_id",
            "t name",
            "b etag",
            "t origin",
            "i caller_id",
            "i at",
        ],
    },
];

/// A piece of an archive.
#[derive(Debug)]
pub(crate) enum Frame {
    /// The schema it was made with.
    Schema(i64),
    /// The rows of this table follow, with these columns.
    Table(String),
    Row(Vec<Value>),
    /// The end of a table: the number of its rows. Its checksum has been compared.
    Count(u64),
    /// The end of the archive.
    End,
}

const SCHEMA: u8 = b'S';
const TABLE: u8 = b'T';
const ROW: u8 = b'R';
const COUNT: u8 = b'C';
const END: u8 = b'Z';

/// Writes an archive.
pub(crate) struct Pen<W: AsyncWrite + Unpin> {
    out: GzipEncoder<W>,
    sum: Sha256,
    rows: u64,
}

impl<W: AsyncWrite + Unpin> Pen<W> {
    pub(crate) async fn begin(mut out: W, schema: i64) -> Result<Pen<W>> {
        out.write_all(FIRST_LINE.as_bytes()).await.map_err(failed)?;
        let mut pen = Pen { out: GzipEncoder::new(out), sum: Sha256::new(), rows: 0 };
        pen.frame(SCHEMA, &schema.to_le_bytes()).await?;
        Ok(pen)
    }

    pub(crate) async fn table(&mut self, name: &str) -> Result<()> {
        (self.sum, self.rows) = (Sha256::new(), 0);
        self.frame(TABLE, name.as_bytes()).await
    }

    pub(crate) async fn row(&mut self, values: &[Value]) -> Result<()> {
        let mut bytes = Vec::with_capacity(256);
        values.iter().for_each(|value| put(&mut bytes, value));
        self.sum.update(&bytes);
        self.rows += 1;
        self.frame(ROW, &bytes).await
    }

    /// Ends the table and returns its number of rows.
    pub(crate) async fn count(&mut self) -> Result<u64> {
        let mut bytes = self.rows.to_le_bytes().to_vec();
        bytes.extend(self.sum.finalize_reset());
        self.frame(COUNT, &bytes).await?;
        Ok(self.rows)
    }

    pub(crate) async fn end(mut self) -> Result<()> {
        self.frame(END, b"").await?;
        self.out.shutdown().await.map_err(failed)
    }

    async fn frame(&mut self, tag: u8, bytes: &[u8]) -> Result<()> {
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST);
        let length = length.ok_or_else(|| Error::broken("a row is too long for the archive"))?;
        let mut head = [tag, 0, 0, 0, 0];
        head[1..].copy_from_slice(&length.to_le_bytes());
        self.out.write_all(&head).await.map_err(failed)?;
        self.out.write_all(bytes).await.map_err(failed)
    }
}

/// Tags of values: null of a kind, or a value of it.
fn put(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Int(None) => bytes.push(b'i'),
        Value::Text(None) => bytes.push(b't'),
        Value::Blob(None) => bytes.push(b'b'),
        Value::Int(Some(number)) => {
            bytes.push(b'I');
            bytes.extend(number.to_le_bytes());
        }
        Value::Text(Some(text)) => put_long(bytes, b'T', text.as_bytes()),
        Value::Blob(Some(blob)) => put_long(bytes, b'B', blob),
    }
}

fn put_long(bytes: &mut Vec<u8>, tag: u8, value: &[u8]) {
    bytes.push(tag);
    // A value is part of a row, whose length is checked by `frame`.
    bytes.extend((value.len() as u64).to_le_bytes());
    bytes.extend(value);
}

/// Reads an archive.
pub(crate) struct Reader<R: AsyncRead + Unpin> {
    from: GzipDecoder<BufReader<R>>,
    sum: Sha256,
    rows: u64,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(crate) async fn begin(from: R) -> Result<Reader<R>> {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        let limit = FIRST_LINE.len() as u64;
        (&mut from).take(limit).read_until(b'\n', &mut line).await.map_err(failed)?;
        if line != FIRST_LINE.as_bytes() {
            return Err(Error::Invalid("this is not an archive of Kalends, or one of a newer format"));
        }
        Ok(Reader { from: GzipDecoder::new(from), sum: Sha256::new(), rows: 0 })
    }

    pub(crate) async fn next(&mut self) -> Result<Frame> {
        let tag = self.from.read_u8().await.map_err(damaged)?;
        let length = self.from.read_u32_le().await.map_err(damaged)?;
        if length > LONGEST {
            return Err(DAMAGED);
        }
        // Grows with what really arrives: a forged length allocates nothing.
        let mut bytes = Vec::new();
        (&mut self.from).take(length.into()).read_to_end(&mut bytes).await.map_err(damaged)?;
        if bytes.len() != length as usize {
            return Err(DAMAGED);
        }
        self.frame(tag, bytes)
    }

    fn frame(&mut self, tag: u8, bytes: Vec<u8>) -> Result<Frame> {
        match tag {
            SCHEMA => Ok(Frame::Schema(i64::from_le_bytes(bytes.try_into().map_err(|_| DAMAGED)?))),
            TABLE => {
                (self.sum, self.rows) = (Sha256::new(), 0);
                Ok(Frame::Table(String::from_utf8(bytes).map_err(|_| DAMAGED)?))
            }
            ROW => {
                self.sum.update(&bytes);
                self.rows += 1;
                row(&bytes).ok_or(DAMAGED).map(Frame::Row)
            }
            COUNT => {
                let mut want = self.rows.to_le_bytes().to_vec();
                want.extend(self.sum.finalize_reset());
                if bytes == want { Ok(Frame::Count(self.rows)) } else { Err(DAMAGED) }
            }
            END => Ok(Frame::End),
            _ => Err(DAMAGED),
        }
    }
}

fn row(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        bytes = rest;
        values.push(match tag {
            b'i' => Value::Int(None),
            b't' => Value::Text(None),
            b'b' => Value::Blob(None),
            b'I' => Value::Int(Some(number(&mut bytes)?)),
            b'T' => Value::Text(Some(String::from_utf8(long(&mut bytes)?.to_vec()).ok()?)),
            b'B' => Value::Blob(Some(long(&mut bytes)?.to_vec())),
            _ => return None,
        });
    }
    Some(values)
}

fn number(bytes: &mut &[u8]) -> Option<i64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(i64::from_le_bytes(*number))
}

fn long<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(number(bytes)?).ok()?;
    let (value, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(value)
}

const DAMAGED: Error = Error::Invalid("the archive is damaged or cut short: nothing was changed");

fn damaged(_error: std::io::Error) -> Error {
    DAMAGED
}

pub(crate) fn failed(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull => Error::Full,
        _ => Error::Broken(std::sync::Arc::new(error)),
    }
}

/// `table.column` of everything an archive holds: what a test compares with the database.
#[doc(hidden)]
pub fn archived_columns() -> Vec<String> {
    TABLES
        .iter()
        .flat_map(|table| table.columns().map(move |(name, _)| format!("{}.{name}", table.name)))
        .collect()
}
