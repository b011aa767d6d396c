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
