//! gzip of answers, for clients that ask for it (RFC 9110 12.5.3). Feeds above all: Google fetches them whole.
//!
//! Invariant: a compressed body is another representation: it varies by Accept-Encoding and has its own tag.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, header};

/// Whether the client takes gzip. `gzip;q=0` says it does not; `*` says it does.
pub fn is_accepted(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut any = false;
    for coding in lines.flat_map(|line| line.split(',')) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return !is_zero(weight),
            "*" => any = !is_zero(weight),
            _ => {}
        }
    }
    any
}

fn is_zero(weight: &str) -> bool {
    let value = weight.trim().strip_prefix("q=").and_then(|value| value.trim().parse::<f32>().ok());
    value.is_some_and(|value| value <= 0.0)
}

/// Compresses a stream piece by piece; memory stays the same whatever its length.
pub struct Gzip(GzEncoder<Vec<u8>>);

impl Default for Gzip {
    fn default() -> Gzip {
        // Level 4: calendar text shrinks tenfold at any level, and the server's time is the scarce thing.
        Gzip(GzEncoder::new(Vec::new(), Compression::new(4)))
    }
}

impl Gzip {
    /// Takes `piece`, gives what is ready; often nothing.
    pub fn push(&mut self, piece: &[u8]) -> std::io::Result<Vec<u8>> {
        self.0.write_all(piece)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    pub fn finish(self) -> std::io::Result<Vec<u8>> {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn accept_encoding_is_weighed() {
        for (sent, expected) in [
            ("gzip, deflate", true),
            ("deflate", false),
            ("GZIP;q=0.5", true),
            ("gzip;q=0, *", false),
            ("identity, *;q=0.1", true),
            ("*;q=0", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, http::HeaderValue::from_static(sent));
            assert_eq!(is_accepted(&headers), expected, "{sent}");
        }
    }

    #[test]
    fn pieces_make_one_stream() {
        let mut gzip = Gzip::default();
        let mut sent = Vec::new();
        for _ in 0..1000 {
            sent.extend(gzip.push(b"BEGIN:VEVENT\r\n").unwrap());
        }
        sent.extend(gzip.finish().unwrap());
        let mut text = String::new();
        flate2::read::GzDecoder::new(&sent[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text.len(), 14_000);
        assert!(sent.len() < 500);
    }
}
