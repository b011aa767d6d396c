//! The OpenAPI document as one page to read: no script, nothing fetched from elsewhere.

use std::fmt::Write;

use http::{HeaderValue, header};
use serde_json::{Map, Value};

use crate::edge::{Answer, Body};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}code,pre{font-family:ui-monospace,monospace;font-size:.9em}\
h2{margin-top:3rem;border-bottom:1px solid #bbb}h3{margin-top:2rem}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ddd}\
.method{display:inline-block;min-width:4.5rem;font-weight:700}";

pub fn page(document: &Value) -> Answer {
    let mut answer = Answer::new(Body::from(text(document)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    answer
}

fn text(document: &Value) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Kalends API</title>\
         <style>{STYLE}</style><h1>Kalends API</h1>\
         <p>JSON over HTTP. Log in with a name and a password (Basic) or with a token (Bearer). Refusals are problems \
         (RFC 9457) whose <code>code</code> never changes. As OpenAPI 3.1: \
         <a href=\"openapi.json\">openapi.json</a>.</p>"
    );
    let empty = Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    let mut last = "";
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap_or(&empty) {
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            if tag != last {
                let _ = write!(page, "<h2>{}</h2>", escaped(tag));
                last = tag;
            }
            self::operation(&mut page, path, method, operation);
        }
    }
    page.push_str("<h2>Shapes</h2>");
    for (name, shape) in document["components"]["schemas"].as_object().unwrap_or(&empty) {
        let name = escaped(name);
        let _ = write!(page, "<h3 id=\"{name}\">{name}</h3>");
        described(&mut page, shape);
        match shape["properties"].as_object() {
            Some(fields) => table(&mut page, fields.iter().map(|(name, shape)| (name.as_str(), shape))),
            None => {
                let _ = write!(page, "<p><code>{}</code></p>", kind(shape));
            }
        }
    }
    page
}

fn operation(page: &mut String, path: &str, method: &str, operation: &Value) {
    let (method, path) = (escaped(&method.to_ascii_uppercase()), escaped(path));
    let summary = escaped(operation["summary"].as_str().unwrap_or_default());
    let _ =
        write!(page, "<h3><code><span class=\"method\">{method}</span> {path}</code></h3><p>{summary}.</p>");
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !parameters.is_empty() {
        table(page, parameters.iter().map(|one| (one["name"].as_str().unwrap_or_default(), one)));
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        let _ = write!(page, "<p>Takes <code>{}</code></p>", kind(body));
    }
    for (status, answer) in operation["responses"].as_object().unwrap_or(&Map::new()) {
        let said = escaped(answer["description"].as_str().unwrap_or_default());
        let shape = answer["content"].as_object().and_then(|content| content.values().next());
        let shape =
            shape.map(|content| format!(" <code>{}</code>", kind(&content["schema"]))).unwrap_or_default();
        let _ = write!(page, "<p>{}: {said}{shape}</p>", escaped(status));
    }
}

fn described(page: &mut String, shape: &Value) {
    if let Some(text) = shape["description"].as_str() {
        let _ = write!(page, "<p>{}</p>", escaped(text));
    }
}

/// Names with what they are: of parameters, and of fields.
fn table<'v>(page: &mut String, rows: impl Iterator<Item = (&'v str, &'v Value)>) {
    page.push_str("<table>");
    for (name, one) in rows {
        let shape = if one["schema"].is_null() { one } else { &one["schema"] };
        let said = one["description"].as_str().unwrap_or_default();
        let _ = write!(
            page,
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>",
            escaped(name),
            kind(shape),
            escaped(said)
        );
    }
    page.push_str("</table>");
}

/// A shape in a few words, with a link where it has a name.
fn kind(shape: &Value) -> String {
    let one_of = || shape["anyOf"].as_array().or(shape["oneOf"].as_array());
    if let Some(name) = shape["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    if let Some(words) = shape["enum"].as_array() {
        return words.iter().map(|word| escaped(&word.to_string())).collect::<Vec<_>>().join(" | ");
    }
    if !shape["const"].is_null() {
        return escaped(&shape["const"].to_string());
    }
    if let Some(shapes) = one_of() {
        return shapes.iter().map(kind).collect::<Vec<_>>().join(" | ");
    }
    let word = match &shape["type"] {
        Value::String(word) => word.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        _ => "any".to_owned(),
    };
    if word == "array" { format!("list of {}", kind(&shape["items"])) } else { escaped(&word) }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_shape_is_on_the_page() {
        let document = crate::rest::document();
        let page = text(&document);
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let heading = format!("{}</span> {path}<", method.to_ascii_uppercase());
                assert!(page.contains(&heading), "{heading}");
            }
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("<h3 id=\"{name}\">")), "{name}");
        }
        assert!(!page.contains("<script"));
        assert_eq!(escaped("<a href=\"&\">"), "&lt;a href=&quot;&amp;&quot;&gt;");
    }
}
