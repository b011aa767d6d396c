//! Door: WebDAV classes 1 and 3 (RFC 4918), CalDAV (RFC 4791), sync (RFC 6578) and the read side of access control
//! (RFC 3744). Turns bytes into a call of `calendar`, and its answer into bytes.
//!
//! *Never:* decides who may do what, opens a transaction, parses iCalendar to store it, knows another door, asks which
//! client is calling.
//!
//! Files: `path` (URL to resource and back), `request` (headers as values), `methods` and `reports` and `props` (the three
//! lists), `wanted` (which properties, and one resource's answer), `load` (what they need), `listing` (objects of a
//! calendar), `instructions` (what is set), `filter`, `data` (calendar-data), `multistatus` (207 as a stream),
//! `error` (the only place that picks a status), `xml`.

mod data;
mod error;
mod filter;
mod instructions;
mod listing;
mod load;
mod methods;
mod multistatus;
mod path;
mod props;
mod reports;
mod request;
mod wanted;
mod xml;

use http::header;

use crate::accounts::Caller;
use crate::calendar::Calendars;
use crate::edge::{Answer, Ask};
use path::{BadHref, Site, Target};
use props::property::Kinds;
use request::{Bounds, Request};

/// What the configuration says to this door.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As it was configured, if it was: absolute hrefs under it are ours.
    pub public_url: Option<String>,
    /// Bytes of a PUT that are read; somewhat more than an object may have, so that its refusal can say so.
    pub body_bytes: usize,
    /// Bytes of an XML body.
    pub xml_bytes: usize,
}

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Dav {
    calendars: Calendars,
    bounds: Bounds,
    /// `host[:port]` of the public URL, lower-case.
    public: Option<String>,
}

impl Dav {
    pub fn new(calendars: Calendars, settings: Settings) -> Dav {
        let authority = |url: &String| {
            let (_, rest) = url.split_once("://")?;
            rest.split('/').next().map(str::to_ascii_lowercase)
        };
        let public = settings.public_url.as_ref().and_then(authority);
        Dav { calendars, bounds: Bounds { object: settings.body_bytes, xml: settings.xml_bytes }, public }
    }

    /// OPTIONS, which needs no login: Evolution, GNOME and DAVx5 ask before they have one.
    pub fn options(&self, ask: &Ask) -> Answer {
        let kind = path::parse(&ask.path).map_or(Kinds::ALL, |target| target.kind());
        methods::options(kind)
    }

    /// Any request of somebody who is known.
    pub async fn answer(&self, who: Caller, mut ask: Ask) -> Answer {
        let target = match path::parse(&ask.path) {
            Ok(target) => target,
            Err(bad) => {
                ask.pass_over().await;
                return self.nowhere(bad, &ask);
            }
        };
        let href = target.href();
        let (calendars, site, bounds) = (self.calendars.clone(), self.site(&ask), self.bounds);
        let mut request = Request { calendars, site, bounds, who, target, ask };
        // One allocation instead of a deep future in every connection's own.
        let done = Box::pin(methods::answer(&mut request)).await;
        request.ask.pass_over().await;
        done.unwrap_or_else(|refusal| refusal.answer(&href))
    }

    /// A path that names nothing.
    fn nowhere(&self, bad: BadHref, ask: &Ask) -> Answer {
        match bad {
            _ if ask.method == http::Method::OPTIONS => self.options(ask),
            BadHref::TooDeep => methods::refuse_too_deep(ask.method.as_str()).answer(path::ROOT),
            _ => error::Refusal::from(bad).answer(path::ROOT),
        }
    }

    fn site(&self, ask: &Ask) -> Site {
        let host = ask.header(header::HOST).map(str::to_ascii_lowercase);
        Site { authorities: self.public.iter().cloned().chain(host).collect() }
    }
}

/// Where a user's calendars stand: for what prints URLs.
pub fn home_path(user: &str) -> String {
    Target::Home(user.to_owned()).href()
}

/// Where one calendar stands, as its owner sees it.
pub fn calendar_path(user: &str, slug: &str) -> String {
    path::calendar(&crate::calendar::CollectionPath::new(user, slug))
}
