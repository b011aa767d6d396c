//! One endpoint as a value: how it is reached, what it takes and gives, what it does. Invariant: the door and the
//! OpenAPI document are both made from this, so they cannot disagree.

use futures_util::future::BoxFuture;
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::call::{Call, Failure};
use crate::accounts::Caller;
use crate::edge::Answer;

/// `W` is who asks; `()` where whoever has the address may.
pub struct Route<W = Caller> {
    pub method: Method,
    /// With names in braces where a segment is the client's: `/api/v1/rooms/{room}`.
    pub path: &'static str,
    /// Its operationId: a verb and a noun, never changed.
    pub id: &'static str,
    pub summary: &'static str,
    pub takes: Takes,
    pub gives: Gives,
    /// The codes of its own refusals, beside those that every endpoint has.
    pub refuses: &'static [&'static str],
    pub run: fn(Call<W>) -> BoxFuture<'static, Result<Answer, Failure>>,
}

/// What is sent, and where it stands. A POST may always carry Idempotency-Key.
#[derive(Clone, Copy)]
pub struct Takes {
    pub query: Option<Shape>,
    pub body: Option<Shape>,
    /// Whether If-Match is heeded.
    pub version: bool,
}

impl Takes {
    pub const NOTHING: Takes = Takes { query: None, body: None, version: false };

    pub const fn query(shape: Shape) -> Takes {
        Takes { query: Some(shape), ..Takes::NOTHING }
    }

    pub const fn body(shape: Shape) -> Takes {
        Takes { body: Some(shape), ..Takes::NOTHING }
    }

    /// Beside the body.
    pub const fn and_query(self, shape: Shape) -> Takes {
        Takes { query: Some(shape), ..self }
    }

    /// Changes what was read under this version (If-Match).
    pub const fn versioned(self) -> Takes {
        Takes { version: true, ..self }
    }
}

/// What is answered when all went well.
#[derive(Clone, Copy)]
pub struct Gives {
    pub status: u16,
    pub media: &'static str,
    pub shape: Option<Shape>,
    /// Whether ETag tells its version.
    pub version: bool,
    /// Whether 200 with the same shape is answered too: it was there already.
    pub or_ok: bool,
    /// 200 in its place where the call was a rehearsal (`dry_run`).
    pub rehearsed: Option<Shape>,
}

impl Gives {
    /// 204.
    pub const NOTHING: Gives =
        Gives { status: 204, media: "", shape: None, version: false, or_ok: false, rehearsed: None };
    /// 200, a stream of events.
    pub const EVENTS: Gives = Gives { media: "text/event-stream", status: 200, ..Gives::NOTHING };

    /// 200.
    pub const fn ok(shape: Shape) -> Gives {
        Gives { status: 200, media: "application/json", shape: Some(shape), ..Gives::NOTHING }
    }

    /// 201.
    pub const fn made(shape: Shape) -> Gives {
        Gives { status: 201, ..Gives::ok(shape) }
    }

    /// Of a rehearsal, this.
    pub const fn or_rehearsed(self, shape: Shape) -> Gives {
        Gives { rehearsed: Some(shape), ..self }
    }

    /// With its version as ETag.
    pub const fn versioned(self) -> Gives {
        Gives { version: true, ..self }
    }

    /// Or 200, where it was there already.
    pub const fn or_ok(self) -> Gives {
        Gives { or_ok: true, ..self }
    }
}

/// A type as JSON Schema.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

/// A type that has a name of its own in the document.
pub fn named<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

/// A type written out where it is used.
pub fn inline<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    T::json_schema(schemas)
}

impl<W> Route<W> {
    /// The values of the names in its path; `None` when the path is another one's.
    pub fn names(&self, path: &str) -> Option<Vec<String>> {
        let mut names = Vec::new();
        let (mut ours, mut theirs) = (self.path.split('/'), path.split('/'));
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return Some(names),
                (Some(one), Some(other)) if one.starts_with('{') => {
                    let name = percent_encoding::percent_decode_str(other).decode_utf8().ok()?;
                    names.push(Some(name).filter(|name| !name.is_empty())?.into_owned());
                }
                (Some(one), Some(other)) if one == other => {}
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Problem;

    fn at(path: &'static str) -> Route {
        let run = |_| -> BoxFuture<'static, Result<Answer, Failure>> {
            Box::pin(async { Err(Problem::not_found().into()) })
        };
        let (gives, takes) = (Gives::NOTHING, Takes::NOTHING);
        Route { method: Method::GET, path, id: "x", summary: "", takes, gives, refuses: &[], run }
    }

    #[test]
    fn names_in_a_path_are_read() {
        let route = at("/api/v1/rooms/{room}/times");
        assert_eq!(route.names("/api/v1/rooms/blue%20one/times"), Some(vec!["blue one".to_owned()]));
        for other in [
            "/api/v1/rooms/blue",
            "/api/v1/rooms//times",
            "/api/v1/rooms/a/times/",
            "/api/v1/rooms/%ff/times",
        ] {
            assert_eq!(route.names(other), None, "{other}");
        }
    }
}
