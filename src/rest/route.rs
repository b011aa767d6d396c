//! One endpoint as a value: how it is reached, what it takes and gives, what it does. Invariant: the door and the
//! OpenAPI document are both made from this, so they cannot disagree.

use futures_util::future::BoxFuture;
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::call::Call;
use crate::edge::{Answer, Problem};

pub struct Route {
    pub method: Method,
    /// With names in braces where a segment is the client's: `/api/v1/rooms/{room}`.
    pub path: &'static str,
    /// Its operationId: a verb and a noun, never changed.
    pub id: &'static str,
    pub summary: &'static str,
    pub takes: Takes,
    pub gives: Shape,
    /// The codes of its own refusals, beside those that every endpoint has.
    pub refuses: &'static [&'static str],
    pub run: fn(Call) -> BoxFuture<'static, Result<Answer, Problem>>,
}

/// Where the input stands, and its shape.
pub enum Takes {
    Query(Shape),
    Body(Shape),
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

impl Route {
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

    fn at(path: &'static str) -> Route {
        let run = |_| -> BoxFuture<'static, Result<Answer, Problem>> {
            Box::pin(async { Err(Problem::not_found()) })
        };
        let (gives, takes) = (named::<String> as Shape, Takes::Query(named::<String>));
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
