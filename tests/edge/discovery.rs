//! How clients find their calendars when all they were told is the server's name: recorded dialogues, each naming
//! its source in its first line.

use std::{fs, path::Path};

use crate::support::server::Server;

async fn play(name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/edge").join(name);
    let server = Server::start().await;
    server.user("ada").await;
    server.stranger().dialogue(&fs::read_to_string(file).unwrap()).await;
}

#[tokio::test]
async fn apple_calendar_finds_its_home() {
    play("apple-discovery.txt").await;
}

#[tokio::test]
async fn thunderbird_finds_its_calendars() {
    play("thunderbird-discovery.txt").await;
}
