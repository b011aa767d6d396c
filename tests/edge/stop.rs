//! How it ends, and who may begin: answers in the making are given, one server at a time on one folder.

use kalends::app::{parts::Turned, serve};
use tokio::io::AsyncWriteExt;

use crate::support::{
    client,
    server::{Server, config},
    text,
};

#[tokio::test]
async fn r18_a_request_in_the_making_is_answered_after_the_stop_began() {
    let server = Server::start().await;
    server.user("ada").await;
    let object = text::event("a", "Visit", "20260302T090000Z");
    let mut stream = server.stranger().connect().await;
    let head = format!(
        "PUT /dav/calendars/ada/default/a.ics HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \
         YWRhOmFkYS1wYXNzd29yZA==\r\nContent-Type: text/calendar\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        object.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // 100: the door waits for the body.
    assert_eq!(client::read(&mut stream, true).await.unwrap().status, 100);
    let stopping = tokio::spawn(server.stop());
    tokio::task::yield_now().await;
    stream.write_all(object.as_bytes()).await.unwrap();
    let reply = client::read(&mut stream, false).await.unwrap();
    assert_eq!(reply.status, 201, "{reply:?}");
    let fresh = stopping.await.unwrap();
    let again = Server::over(fresh, |_| ()).await;
    let read = again.client("ada").get("/dav/calendars/ada/default/a.ics").await;
    assert_eq!((read.status, read.text()), (200, object));
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_stop() {
    let server = Server::start().await;
    let mut idle = server.stranger().connect().await;
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(client::read(&mut idle, false).await.unwrap().status, 200);
    let _silent = server.stranger().connect().await;
    let start = std::time::Instant::now();
    server.stop().await;
    assert!(start.elapsed().as_secs() < 3, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_second_server_on_one_folder_is_refused() {
    let server = Server::start().await;
    let second = serve::start(config(server.fresh()), Turned::default()).await;
    let error = second.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("another running server"), "{error}");
    let fresh = server.stop().await;
    Server::over(fresh, |_| ()).await;
}
