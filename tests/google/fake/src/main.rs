//! The fake as a program: `fake-google [PORT]`. Prints its address on one line and serves until it is ended.

use std::{io, net::SocketAddr};

use fake_google::{Clock, Fake};

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let running = Fake::start(SocketAddr::from(([127, 0, 0, 1], port)), clock()).await?;
    println!("{}", running.url());
    std::future::pending().await
}

/// Turned from the seconds in FAKE_GOOGLE_CLOCK on; without it, the system's.
fn clock() -> Clock {
    let seconds = std::env::var("FAKE_GOOGLE_CLOCK").ok().and_then(|text| text.parse().ok());
    seconds.map_or(Clock::Real, Clock::at)
}
