//! Objects of one calendar into a multistatus: what PROPFIND and the reports share.
//! Invariant: texts and dead properties are read [`CHUNK`] at a time and one chunk ahead at most, so that memory does not
//! grow with what was asked; without them an entry costs only its bytes.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join;
use http::StatusCode;
use ical::{Budget, Zone};

use super::data::Data;
use super::error::{Refusal, Result};
use super::load::Reader;
use super::multistatus::{self, Stream};
use super::path;
use super::props::dead::{self, ByOwner};
use super::props::property::{Loaded, Needs, Place};
use super::request::Request;
use super::wanted::{At, Wanted};
use super::xml::names;
use crate::calendar::{self, Access, Entry, Opened, Shown};

/// Texts in memory at a time.
pub const CHUNK: usize = 200;

/// One calendar whose objects are being told.
pub struct Listing {
    reader: Reader,
    shown: Shown,
    base: String,
    wanted: Arc<Wanted>,
    data: Option<Arc<Data>>,
    zone: Zone,
    shares: Vec<(String, Access)>,
    budget: Budget,
}

/// What a report wants: properties, and parts of the text.
#[derive(Clone)]
pub struct Asked {
    pub wanted: Arc<Wanted>,
    pub data: Option<Arc<Data>>,
    /// Of floating times, where the request names one.
    pub zone: Option<Zone>,
}

/// A text on its way out.
enum Part {
    Whole(Bytes),
    Made(Vec<u8>),
    Failed(ical::Error),
}

type Told = (Entry, Part);

impl Listing {
    pub async fn new(reader: Reader, shown: Shown, asked: Asked) -> Result<Listing> {
        let shares = reader.shares(&shown, asked.wanted.needs()).await?;
        let zone = asked.zone.unwrap_or_else(|| shown.zone().clone());
        Ok(Listing {
            base: path::calendar(&shown.path),
            reader,
            shown,
            wanted: asked.wanted,
            data: asked.data,
            zone,
            shares,
            budget: calendar::budget(Budget::REQUEST),
        })
    }

    /// Objects that were found.
    pub async fn entries<'e>(&mut self, stream: &mut Stream, entries: &'e [Entry]) -> Result<()> {
        let needs_dead = self.wanted.needs().has(Needs::DEAD);
        if self.data.is_none() && !needs_dead {
            for entry in entries {
                self.respond(stream, entry, None, None);
                stream.rest().await?;
            }
            return Ok(());
        }
        let name = |entry: &'e Entry| &*entry.name;
        let all: Vec<Vec<&str>> =
            entries.chunks(CHUNK).map(|chunk| chunk.iter().map(name).collect()).collect();
        if self.data.is_none() {
            for names in all {
                self.named(stream, &names).await?;
            }
            return Ok(());
        }
        let mut opened = self.texts(all.first()).await?;
        for (at, names) in all.iter().enumerate() {
            let parts = self.parts(opened).await?;
            // The database is asked for the next texts before these are written, and finds them meanwhile.
            let (next, told) = join(self.texts(all.get(at + 1)), self.tell(stream, names, parts)).await;
            told?;
            opened = next?;
        }
        Ok(())
    }

    async fn texts(&self, names: Option<&Vec<&str>>) -> Result<Vec<Option<Opened>>> {
        match names {
            Some(names) => Ok(self.reader.calendars.texts(&self.shown, names).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Objects by name, [`CHUNK`] at most; one that is not there is told with 404 (RFC 4791 section 7.9).
    pub async fn named(&mut self, stream: &mut Stream, names: &[&str]) -> Result<()> {
        if self.data.is_none() {
            let dead = self.dead(names).await?;
            let of = |name: &str| dead.as_ref().and_then(|all| all.get(&Some(name.to_owned())));
            let found = self.reader.calendars.find(&self.shown, names).await?;
            for (name, entry) in names.iter().zip(found) {
                match entry {
                    Some(entry) => self.respond(stream, &entry, None, of(name)),
                    None => self.absent(stream, name),
                }
                stream.rest().await?;
            }
            return Ok(());
        }
        let opened = self.reader.calendars.texts(&self.shown, names).await?;
        let parts = self.parts(opened).await?;
        self.tell(stream, names, parts).await
    }

    async fn tell(&self, stream: &mut Stream, names: &[&str], parts: Vec<Option<Told>>) -> Result<()> {
        let dead = self.dead(names).await?;
        let of = |name: &str| dead.as_ref().and_then(|all| all.get(&Some(name.to_owned())));
        for (name, one) in names.iter().zip(parts) {
            match one {
                None => self.absent(stream, name),
                Some((_, Part::Failed(error))) => self.failed(stream, name, &error),
                Some((entry, Part::Whole(text))) => self.respond(stream, &entry, Some(&text), of(name)),
                Some((entry, Part::Made(text))) => self.respond(stream, &entry, Some(&text), of(name)),
            }
            stream.rest().await?;
        }
        Ok(())
    }

    async fn dead(&self, names: &[&str]) -> Result<Option<ByOwner>> {
        if !self.wanted.needs().has(Needs::DEAD) {
            return Ok(None);
        }
        let owners: Vec<Option<&str>> = names.iter().map(|name| Some(*name)).collect();
        Ok(Some(dead::by_owner(self.reader.calendars.dead(&self.shown, &owners).await?)))
    }

    /// The parts of the texts that are asked for; made off the async threads, as each is parsed for it.
    async fn parts(&mut self, opened: Vec<Option<Opened>>) -> Result<Vec<Option<Told>>> {
        let whole = self.data.as_ref().is_none_or(|data| data.is_whole());
        let Some(data) = self.data.clone().filter(|_| !whole) else {
            let whole = |(entry, text): Opened| (entry, Part::Whole(text));
            return Ok(opened.into_iter().map(|one| one.map(whole)).collect());
        };
        let (zone, mut budget) = (self.zone.clone(), std::mem::replace(&mut self.budget, Budget::steps(0)));
        let made = calendar::compute(move || {
            let mut part = |(entry, text): Opened| match data.part(&text, &zone, &mut budget) {
                Ok(made) => (entry, Part::Made(made)),
                Err(error) => (entry, Part::Failed(error)),
            };
            let parts: Vec<_> = opened.into_iter().map(|one| one.map(&mut part)).collect();
            (parts, budget)
        });
        let (parts, rest) = made.await?;
        self.budget = rest;
        Ok(parts)
    }

    fn respond(
        &self,
        stream: &mut Stream,
        entry: &Entry,
        data: Option<&[u8]>,
        dead: Option<&super::props::property::Dead>,
    ) {
        let at = Loaded {
            place: Place::Object(&self.shown, entry),
            caller: self.reader.who.name(),
            limits: &self.reader.calendars.settings().limits,
            shares: &self.shares,
            dead,
            availability: None,
        };
        self.wanted.respond(&mut stream.out, At { base: &self.base, name: &entry.name }, &at, data);
    }

    pub fn absent(&self, stream: &mut Stream, name: &str) {
        multistatus::status(&mut stream.out, At { base: &self.base, name }, StatusCode::NOT_FOUND, None);
    }

    /// One object that cannot be shown as asked does not break the others' answers.
    fn failed(&self, stream: &mut Stream, name: &str, error: &ical::Error) {
        let (status, element) = match error {
            ical::Error::Budget => (StatusCode::INSUFFICIENT_STORAGE, names::NUMBER_OF_MATCHES_WITHIN_LIMITS),
            _ => (StatusCode::FORBIDDEN, names::VALID_CALENDAR_DATA),
        };
        // What was asked for may be too much of a sound object: that is the asker's to know, not the operator's.
        if *error != ical::Error::Budget {
            tracing::warn!(
                collection.id = self.shown.row().id.0,
                "a stored object cannot be shown in parts; run `kalends check`"
            );
        }
        multistatus::status(&mut stream.out, At { base: &self.base, name }, status, Some(element));
    }
}

impl Asked {
    /// Properties only.
    pub fn properties(wanted: Wanted) -> Asked {
        Asked { wanted: Arc::new(wanted), data: None, zone: None }
    }

    /// What stands beside a report's own elements: DAV:prop (with CALDAV:calendar-data), allprop or propname.
    pub fn read(body: super::xml::Element, request: &Request) -> Result<Asked, Refusal> {
        let minimal = request.prefer().minimal;
        let wanted = Wanted::read(body, minimal)?.unwrap_or_else(|| Wanted::nothing(minimal));
        let timezones = request.timezones()?;
        let data = super::wanted::data(body)?.map(|data| Arc::new(data.with(timezones)));
        Ok(Asked { wanted: Arc::new(wanted), data, zone: None })
    }
}
