//! A small HTTP/1.1 client that shows the bytes: what it sends is what is written here, nothing is added but Host,
//! Content-Length and, where asked, Authorization. It also plays dialogues:
//!
//! ```text
//! > PROPFIND /dav/ as ada          a request: method, path, perhaps who asks
//! > Depth: 0                       its headers
//! >
//! > <propfind/>                    its body
//! < 207                            the status expected
//! < content-type: application/xml  a header whose value begins so
//! < ... multistatus                something the body contains
//! < !!! error                      something it must not contain
//! ```

use std::net::SocketAddr;

use base64::Engine;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::server;

/// Asks one server, on a new connection each time. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    authorization: Option<String>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// False when the connection broke off before the end of the body.
    pub whole: bool,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when there is none.
    pub fn json(&self) -> Value {
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }

    /// The status and the code of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        (self.status, self.json()["code"].as_str().unwrap().to_owned())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Client {
        Client { address, authorization: None }
    }

    pub fn login(mut self, name: &str, password: &str) -> Client {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        self.authorization = Some(format!("Basic {pair}"));
        self
    }

    /// By a token instead (RFC 6750).
    pub fn bearer(mut self, token: &str) -> Client {
        self.authorization = Some(format!("Bearer {token}"));
        self
    }

    /// Sends JSON, with these headers too.
    pub async fn json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [headers, &[("Content-Type", "application/json")]].concat();
        self.ask(method, path, &headers, &body).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(authorization) = &self.authorization {
            text.push_str(&format!("Authorization: {authorization}\r\n"));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("Connection: close\r\n\r\n");
        text.push_str(body);
        self.bytes(text.as_bytes(), method == "HEAD").await.unwrap()
    }

    /// Sends these very bytes; `None` when the server closed without an answer.
    pub async fn bytes(&self, bytes: &[u8], is_head: bool) -> Option<Reply> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that refuses early may close before it has read all.
        let _ = stream.write_all(bytes).await;
        read(&mut BufReader::new(stream), is_head).await
    }

    pub async fn connect(&self) -> BufReader<TcpStream> {
        BufReader::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// Plays a dialogue; says the whole exchange when it goes otherwise.
    pub async fn dialogue(&self, text: &str) {
        for exchange in exchanges(text) {
            let mut client = self.clone();
            if let Some(name) = &exchange.name {
                client = client.login(name, &server::password(name));
            }
            let headers: Vec<_> = exchange.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            let reply = client.ask(&exchange.method, &exchange.path, &headers, &exchange.body).await;
            for expected in &exchange.expected {
                let said = format!("{} {}\n{reply:?}\n{}", exchange.method, exchange.path, reply.text());
                assert!(holds(&reply, expected), "expected: {expected}\nof: {said}");
            }
        }
    }
}

/// Reads one answer.
pub async fn read(stream: &mut BufReader<TcpStream>, is_head: bool) -> Option<Reply> {
    let status: u16 = line(stream).await?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut reply = Reply { status, headers, body: Vec::new(), whole: true };
    if is_head || matches!(status, 204 | 304) {
        return Some(reply);
    }
    if reply.header("transfer-encoding").is_some() {
        reply.whole = chunks(stream, &mut reply.body).await.is_some();
    } else if let Some(length) = reply.header("content-length").and_then(|length| length.parse().ok()) {
        reply.body.resize(length, 0);
        reply.whole = stream.read_exact(&mut reply.body).await.is_ok();
    }
    Some(reply)
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

async fn chunks(stream: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let size = usize::from_str_radix(&line(stream).await?, 16).ok()?;
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..]).await.ok()?;
        line(stream).await?;
        if size == 0 {
            return Some(());
        }
    }
}

#[derive(Default)]
struct Exchange {
    method: String,
    path: String,
    name: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
    expected: Vec<String>,
}

fn exchanges(text: &str) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    let mut in_body = false;
    for line in text.lines().map(str::trim_start) {
        if let Some(expected) = line.strip_prefix("< ") {
            all.last_mut().expect("a request comes first").expected.push(expected.to_owned());
            in_body = false;
        } else if let Some(sent) = line.strip_prefix('>') {
            let sent = sent.strip_prefix(' ').unwrap_or(sent);
            let is_first = all.last().is_none_or(|last| !last.expected.is_empty());
            match all.last_mut() {
                Some(last) if !is_first && in_body => last.body.push_str(&format!("{sent}\r\n")),
                Some(_) if !is_first && sent.is_empty() => in_body = true,
                Some(last) if !is_first => last.headers.extend(pair(sent)),
                _ => all.push(first(sent)),
            }
        }
    }
    all
}

fn pair(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_owned(), value.trim().to_owned()))
}

fn first(line: &str) -> Exchange {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, path, _as, name) = (word(), word(), word(), word());
    Exchange { method, path, name: Some(name).filter(|name| !name.is_empty()), ..Exchange::default() }
}

fn holds(reply: &Reply, expected: &str) -> bool {
    if let Some(part) = expected.strip_prefix("... ") {
        return reply.text().contains(part);
    }
    if let Some(part) = expected.strip_prefix("!!! ") {
        return !reply.text().contains(part);
    }
    match expected.split_once(':') {
        Some((name, value)) => reply.header(name).is_some_and(|found| found.starts_with(value.trim())),
        None => expected == reply.status.to_string(),
    }
}
