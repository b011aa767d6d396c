//! The OpenAPI 3.1 document, made from the list of routes. Its schemas are JSON Schema 2020-12, as the types say them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::error::SHARED;
use super::once;
use super::route::{Route, named};

/// A refusal (RFC 9457). Programs look at `code`, people read `detail`.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is wanted: edge writes it")]
struct Problem {
    /// `urn:kalends:problem:` and the code.
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    /// Stable: a code is never renamed.
    code: String,
}

/// Of routes for whoever is known, and of those that need no login.
pub fn document<'r>(
    routes: impl Iterator<Item = &'r Route>,
    open: impl Iterator<Item = &'r Route<()>>,
) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut schemas = settings.into_generator();
    let problem = named::<Problem>(&mut schemas);
    let mut paths = Map::new();
    let mut add = |path: &str, method: &http::Method, operation: Value| {
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[method.as_str().to_ascii_lowercase()] = operation;
    };
    for route in routes {
        add(route.path, &route.method, operation(route, true, &problem, &mut schemas));
    }
    for route in open {
        let mut operation = operation(route, false, &problem, &mut schemas);
        operation["security"] = json!([]);
        add(route.path, &route.method, operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Kalends", "version": "1" },
        "paths": paths,
        "security": [{ "basic": [] }, { "token": [] }],
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "basic": { "type": "http", "scheme": "basic" },
                "token": { "type": "http", "scheme": "bearer" },
            },
        },
    })
}

fn operation<W>(route: &Route<W>, is_known: bool, problem: &Schema, schemas: &mut SchemaGenerator) -> Value {
    // A key is somebody's own: without a login there is nobody.
    let is_keyed = is_known && route.method == http::Method::POST;
    let keyed = if is_keyed { once::CODES } else { &[] };
    let codes: Vec<&str> = route.refuses.iter().chain(SHARED).chain(keyed).copied().collect();
    let mut parameters: Vec<Value> = names(route.path).map(in_path).collect();
    let mut operation =
        json!({ "operationId": route.id, "summary": route.summary, "tags": [tag(route.path)] });
    if let Some(shape) = route.takes.query {
        parameters.extend(in_query(&shape(schemas)));
    }
    if route.takes.version {
        let what = "The ETag that was read: refused with VERSION_MISMATCH when it has changed since.";
        parameters.push(in_header("If-Match", what));
    }
    if is_keyed {
        let what = "A key of the caller's own for this call: sent again within a day, it is not done again.";
        parameters.push(in_header("Idempotency-Key", what));
    }
    if let Some(shape) = route.takes.body {
        let content = json!({ "application/json": { "schema": shape(schemas) } });
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    let mut done = json!({ "description": "Done" });
    if let Some(shape) = route.gives.shape {
        done["content"] = json!({ route.gives.media: { "schema": shape(schemas) } });
    } else if !route.gives.media.is_empty() {
        done["content"] = json!({ route.gives.media: {} });
    }
    if route.gives.version {
        let version = json!({ "description": "Its version, for If-Match.", "schema": { "type": "string" } });
        done["headers"] = json!({ "ETag": version });
    }
    if route.gives.or_ok {
        operation["responses"]["200"] = done.clone();
    }
    operation["responses"][route.gives.status.to_string()] = done;
    operation["responses"]["default"] = json!({
        "description": format!("Refused; `code` is one of {}", codes.join(", ")),
        "content": { "application/problem+json": { "schema": problem } },
    });
    if let Some(shape) = route.gives.rehearsed {
        let content = json!({ "application/json": { "schema": shape(schemas) } });
        operation["responses"]["200"] = json!({ "description": "What would be done", "content": content });
    }
    operation
}

/// What an operation is of: the first segment behind the root.
fn tag(path: &str) -> &str {
    path.split('/').nth(3).unwrap_or_default()
}

fn in_header(name: &str, what: &str) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": what,
        "schema": { "type": "string" } })
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
}

/// Each property of the input is a parameter; a list is one that may stand several times.
fn in_query(shape: &Schema) -> Vec<Value> {
    let empty = Map::new();
    let properties = shape.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required = shape.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let required = required.iter().any(|one| one.as_str() == Some(name.as_str()));
        json!({ "name": name, "in": "query", "required": required, "description": description, "schema": schema })
    };
    properties.iter().map(parameter).collect()
}
