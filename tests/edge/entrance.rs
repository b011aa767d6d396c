//! The entrance with a door of the test's own: what a defect above it may do to others (trust.md S20), and that a
//! broken answer is never taken for a whole one.

use std::{net::SocketAddr, time::Duration};

use http::StatusCode;
use kalends::edge::{Answer, Ask, Body, limits::Limits, listen::Entrance, problem, proxy::Trusted};
use tokio::{net::TcpListener, sync::watch};

use crate::support::client::Client;

async fn door(ask: Ask) -> Answer {
    let (sender, body) = Body::channel(1);
    match ask.path.as_str() {
        "/panic" => panic!("a defect"),
        "/half" => {
            tokio::spawn(async move {
                sender.send("half").await.unwrap();
                panic!("a defect in the middle");
            });
        }
        "/aborted" => {
            tokio::spawn(async move {
                sender.send("half").await.unwrap();
                sender.abort();
            });
        }
        "/whole" => {
            tokio::spawn(async move {
                for _ in 0..10 {
                    sender.send("0123456789").await.unwrap();
                }
            });
        }
        _ => return problem::plain(StatusCode::OK, "well\n"),
    }
    Answer::new(body)
}

async fn open() -> (Client, watch::Sender<bool>) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let entrance = Entrance {
        tls: None,
        trusted: Trusted::default(),
        limits: Limits::default(),
        grace: Duration::from_secs(5),
    };
    tokio::spawn(entrance.run(vec![listener], door, stopped));
    (Client::new(address), stop)
}

#[tokio::test]
async fn s20_a_panic_answers_500_to_its_own_request_only() {
    let (client, _stop) = open().await;
    for _ in 0..3 {
        let reply = client.get("/panic").await;
        assert_eq!(reply.status, 500);
        assert!(!reply.text().contains("a defect"), "{}", reply.text());
        assert_eq!(client.get("/").await.status, 200);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_to_be_broken() {
    let (client, _stop) = open().await;
    for path in ["/half", "/aborted"] {
        assert!(!client.get(path).await.whole, "{path}");
    }
    let whole = client.get("/whole").await;
    assert_eq!((whole.whole, whole.body.len()), (true, 100));
}
