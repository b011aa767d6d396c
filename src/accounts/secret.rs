//! A text that must not be seen: Debug prints stars, there is no Display, equality is not offered (comparing is
//! the business of `seal`, in constant time).

use std::{fmt, io};

/// Bytes of a secret read from outside; above it an error.
pub const BYTES: usize = 1024;

/// A password or a token in the clear.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for hashing and for showing it once to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first line of `input` without its line end (`--password-stdin`).
    pub fn read_line(input: impl io::BufRead) -> io::Result<Secret> {
        let mut line = String::new();
        io::BufRead::read_line(&mut io::Read::take(input, BYTES as u64 + 2), &mut line)?;
        let text = line.trim_end_matches(['\r', '\n']);
        if text.is_empty() || text.len() > BYTES {
            let why = format!("expected a password of 1 to {BYTES} bytes on one line of standard input");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(Secret(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_end_is_taken_off() {
        assert_eq!(Secret::read_line(&b" pass word \r\nnext"[..]).unwrap().expose(), " pass word ");
        assert!(Secret::read_line(&b"\n"[..]).is_err());
        assert!(Secret::read_line(&vec![b'a'; BYTES + 1][..]).is_err());
    }
}
