//! The document is made from the routes; `UPDATE=1` refreshes it. What no endpoint answers has its refusals too.

use std::{fs, path::Path};

use crate::support::server::Server;

#[test]
fn the_openapi_document_is_that_of_the_routes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/openapi.json");
    let expected = serde_json::to_string_pretty(&kalends::rest::document()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{} is out of date: run its test with UPDATE=1", path.display());
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = kalends::rest::document();
    let text = document.to_string();
    let references: Vec<&str> =
        text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(references.len() > 3, "{text}");
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    assert_eq!(document["openapi"], "3.1.0");
}

#[tokio::test]
async fn wrong_addresses_methods_and_strangers_are_refused_as_problems() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let code = |reply: &crate::support::client::Reply| {
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{reply:?}");
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["status"], reply.status);
        assert_eq!(
            body["type"],
            format!(
                "urn:kalends:problem:{}",
                body["code"].as_str().unwrap().to_ascii_lowercase().replace('_', "-")
            )
        );
        (reply.status, body["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(code(&ada.get("/api/v1/nothing").await), (404, "NOT_FOUND".into()));
    assert_eq!(code(&ada.get("/api/v1").await), (404, "NOT_FOUND".into()));
    let reply = ada.ask("DELETE", "/api/v1/freebusy", &[], "").await;
    assert_eq!(code(&reply), (405, "METHOD_NOT_ALLOWED".into()));
    assert_eq!(reply.header("allow"), Some("GET, POST, OPTIONS"));
    let stranger = server.stranger().get("/api/v1/freebusy").await;
    assert_eq!((stranger.status, stranger.header("www-authenticate").is_some()), (401, true));
    let options = server.stranger().ask("OPTIONS", "/api/v1/freebusy", &[], "").await;
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, POST, OPTIONS")));
}
