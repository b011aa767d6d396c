//! A calendar as one .ics (RFC 5545), streamed in chunks whatever its size.
//!
//! Invariant: components stand as they are stored, so UIDs are stable and SEQUENCE and LAST-MODIFIED move when the
//! client moved them; each VTIMEZONE needed stands once (Outlook drops feeds without). The tag is the calendar's
//! last change: a reader who has it gets 304 without a text being opened.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use tracing::Instrument;

use super::{Feeds, Link, error};
use crate::{
    calendar::{Calendars, Shown},
    edge::{Answer, Ask, Body, Conditions, Problem, Sender, gzip, problem},
};

/// Objects opened at a time.
const CHUNK: usize = 200;
/// Chunks that may wait for a slow reader.
const WAITING: usize = 2;
/// What subscribers are asked to wait between two looks (RFC 7986 5.7); Google does as it likes.
const REFRESH: &str = "PT15M";

pub async fn answer(feeds: &Feeds, link: Link, ask: &Ask) -> Result<Answer, Problem> {
    let conditions =
        Conditions::read(&ask.headers).map_err(|error| Problem::bad_request(error.to_string()))?;
    let zipped = gzip::is_accepted(&ask.headers);
    let tag = tag(&link, zipped);
    let mut answer = if conditions.not_modified(&tag, None) {
        problem::bare(StatusCode::NOT_MODIFIED)
    } else if ask.method == Method::HEAD {
        problem::bare(StatusCode::OK)
    } else {
        Answer::new(stream(feeds, &link, zipped, ask.id).await?)
    };
    let headers = answer.headers_mut();
    let etag = HeaderValue::try_from(format!("\"{tag}\"")).map_err(|_| Problem::broken(ask.id))?;
    headers.insert(header::ETAG, etag);
    // May be kept, must be asked after: a cancelled visit is gone at the next look.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, disposition(&link.shown));
    if zipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(answer)
}

/// Names the state of the calendar, the scope and the coding; and the form that this program gives a feed.
fn tag(link: &Link, zipped: bool) -> String {
    const FORM: u32 = 3;
    let scope = if link.grant.busy_only() { "b" } else { "f" };
    let coding = if zipped { "z" } else { "" };
    format!("{}-{scope}{FORM}{coding}", link.shown.ctag())
}

fn disposition(shown: &Shown) -> HeaderValue {
    let name: String =
        shown.row().slug.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let text = format!("attachment; filename=\"{}.ics\"", if name.is_empty() { "calendar" } else { &name });
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

/// The first chunk is made before the head is sent: what fails there is still a clear status.
async fn stream(feeds: &Feeds, link: &Link, zipped: bool, id: u64) -> Result<Body, Problem> {
    let calendars = feeds.calendars.clone();
    let entries = calendars.list(&link.shown).await.map_err(|error| error::calendar(&error, id))?;
    let names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
    let mut writer = Writer::new(head(link), zipped);
    let mut chunks = names.chunks(CHUNK).map(<[_]>::to_vec).collect::<Vec<_>>().into_iter();
    let first = match chunks.next() {
        Some(chunk) => writer
            .chunk(&calendars, &link.shown, &chunk)
            .await
            .map_err(|error| error::calendar(&error, id))?,
        None => Bytes::new(),
    };
    let (sender, body) = Body::channel(WAITING);
    let shown = link.shown.clone();
    let rest = async move {
        if sender.send(first).await.is_err() {
            return;
        }
        for chunk in chunks {
            match writer.chunk(&calendars, &shown, &chunk).await {
                Ok(bytes) => {
                    if sender.send(bytes).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    error::calendar(&error, id);
                    return sender.abort();
                }
            }
        }
        end(writer, sender).await;
    };
    tokio::spawn(rest.in_current_span());
    Ok(body)
}

async fn end(writer: Writer, sender: Sender) {
    match writer.finish() {
        Ok(bytes) => drop(sender.send(bytes).await),
        Err(_) => sender.abort(),
    }
}

/// The properties of the whole, values escaped for iCalendar.
fn head(link: &Link) -> Vec<(&'static str, String)> {
    let shown = &link.shown;
    // A busy-only link does not tell what its calendar is called.
    let name = match &shown.row().display_name {
        Some(name) if !link.grant.busy_only() => name,
        _ => &shown.owner().display_name,
    };
    let mut head = vec![
        ("VERSION", "2.0".to_owned()),
        ("PRODID", "-//Kalends//Kalends//EN".to_owned()),
        ("CALSCALE", "GREGORIAN".to_owned()),
        ("METHOD", "PUBLISH".to_owned()),
        ("NAME", escaped(name)),
        ("X-WR-CALNAME", escaped(name)),
        ("REFRESH-INTERVAL;VALUE=DURATION", REFRESH.to_owned()),
        ("X-PUBLISHED-TTL", REFRESH.to_owned()),
    ];
    if let Some(zone) = &shown.owner().zone {
        head.push(("X-WR-TIMEZONE", escaped(zone)));
    }
    head
}

/// RFC 5545 3.3.11.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Texts to one VCALENDAR, perhaps to gzip.
struct Writer {
    combine: ical::Combine,
    gzip: Option<gzip::Gzip>,
}

impl Writer {
    fn new(head: Vec<(&'static str, String)>, zipped: bool) -> Writer {
        let head: Vec<_> = head.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Writer { combine: ical::Combine::new(&head), gzip: zipped.then(gzip::Gzip::default) }
    }

    async fn chunk(
        &mut self,
        calendars: &Calendars,
        shown: &Shown,
        names: &[std::sync::Arc<str>],
    ) -> Result<Bytes, crate::calendar::Error> {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let mut out = Vec::new();
        // What was removed meanwhile, or is damaged, is left out; the others stand.
        for (_, text) in calendars.texts(shown, &names).await?.into_iter().flatten() {
            self.combine.push(&text, &mut out);
        }
        self.coded(out).map_err(broken)
    }

    fn coded(&mut self, bytes: Vec<u8>) -> std::io::Result<Bytes> {
        match &mut self.gzip {
            Some(gzip) => gzip.push(&bytes).map(Bytes::from),
            None => Ok(bytes.into()),
        }
    }

    fn finish(self) -> std::io::Result<Bytes> {
        let mut out = Vec::new();
        self.combine.finish(&mut out);
        let Some(mut gzip) = self.gzip else { return Ok(out.into()) };
        let mut last = gzip.push(&out)?;
        last.extend(gzip.finish()?);
        Ok(last.into())
    }
}

fn broken(error: std::io::Error) -> crate::calendar::Error {
    crate::calendar::Error::Broken(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_begin_a_line_of_its_own() {
        assert_eq!(escaped("Visits; Room 1, 2\r\nX:y\\"), "Visits\\; Room 1\\, 2\\nX:y\\\\");
    }
}
