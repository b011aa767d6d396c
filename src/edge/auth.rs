//! From the Authorization header to a Caller, or to the answer that refuses.
//!
//! One realm for the whole server, and 401 for missing or wrong credentials only: with a second realm
//! Thunderbird never syncs, after one stray 401 it deletes its password (clients.md 4). A request without
//! credentials is no failed login. RFC 7617; tokens (RFC 6750) where the door takes them.

use base64::Engine;
use http::{HeaderValue, StatusCode, header};

use super::{Answer, Ask, Problem, limits};
use crate::accounts::{Accounts, Caller, Refused, Secret};

/// The one challenge.
pub const CHALLENGE: &str = "Basic realm=\"Kalends\", charset=\"UTF-8\"";
/// The second one, of doors that take tokens (RFC 6750 3): what is left when a token was sent and is wrong.
pub const TOKEN_CHALLENGE: &str = "Bearer realm=\"Kalends\", error=\"invalid_token\"";
/// Bytes of one Authorization header; above it 400.
pub const HEADER_BYTES: usize = 4096;

/// Whether passwords may cross a network unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainLogin {
    LoopbackOnly,
    Anywhere,
}

/// What a door takes as proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A name and a password. Scopes of tokens mean nothing to calendar programs, so they do not get in there.
    Passwords,
    /// Those, and tokens.
    TokensToo,
}

/// Where a request shows who sends it.
#[derive(Clone)]
pub struct Gate {
    accounts: Accounts,
    plain: PlainLogin,
}

/// What Authorization says.
#[derive(Debug)]
enum Credentials {
    Missing,
    Malformed(&'static str),
    Basic { name: String, password: Secret },
    Bearer(Secret),
}

impl Gate {
    pub fn new(accounts: Accounts, plain: PlainLogin) -> Gate {
        Gate { accounts, plain }
    }

    /// Who asks by a name and a password, or the whole answer to somebody who may not.
    pub async fn caller(&self, ask: &Ask) -> Result<Caller, Answer> {
        self.caller_by(ask, Takes::Passwords).await
    }

    /// The same for a door that may take more.
    pub async fn caller_by(&self, ask: &Ask, takes: Takes) -> Result<Caller, Answer> {
        if !self.is_private(ask) {
            // Before the challenge: a browser would send the password in the clear to find out.
            let detail = "Passwords are not taken over plain HTTP. Use https; a proxy that speaks it must be \
                named in the setting trusted_proxies.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "Not encrypted", detail).answer());
        }
        let value = ask.headers.get(header::AUTHORIZATION);
        match credentials(value.map(HeaderValue::as_bytes)) {
            Credentials::Bearer(token) if takes == Takes::TokensToo => {
                self.accounts.bearer(&token).await.map_err(|refused| match refused {
                    Refused::Wrong => token_challenge(),
                    other => refusal(other, ask.id),
                })
            }
            // What is unknown here is what a challenge is for.
            Credentials::Missing | Credentials::Bearer(_) => {
                Err(challenge("Log in with the name and password of this server."))
            }
            Credentials::Malformed(why) => Err(Problem::bad_request(why).answer()),
            Credentials::Basic { name, password } => self
                .accounts
                .login(&name, &password, ask.peer)
                .await
                .map_err(|refused| refusal(refused, ask.id)),
        }
    }

    fn is_private(&self, ask: &Ask) -> bool {
        ask.secure || ask.peer.is_loopback() || self.plain == PlainLogin::Anywhere
    }
}

fn refusal(refused: Refused, id: u64) -> Answer {
    match refused {
        Refused::Wrong => challenge("The name or the password is wrong."),
        Refused::TooMany { retry_after } => {
            let detail = "Too many failed logins to this account from this address.";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too many failures", detail)
                .retry_after(retry_after)
                .answer()
        }
        Refused::Busy { retry_after } => Problem::busy(retry_after).answer(),
        Refused::Broken(error) => {
            tracing::error!(request.id = id, error = %chain(&*error), "a login could not be decided");
            Problem::busy(limits::RETRY_SECONDS).answer()
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// 401 with the one realm.
pub fn challenge(detail: &str) -> Answer {
    let mut answer = Problem::new(StatusCode::UNAUTHORIZED, "Who are you?", detail).answer();
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
    answer
}

/// 401 for a token that is unknown, over or revoked.
fn token_challenge() -> Answer {
    let detail = "The token is unknown, has ended or was revoked.";
    let mut answer = Problem::new(StatusCode::UNAUTHORIZED, "Who are you?", detail).answer();
    let challenge = HeaderValue::from_static(TOKEN_CHALLENGE);
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    answer
}

fn credentials(value: Option<&[u8]>) -> Credentials {
    let Some(value) = value.map(<[u8]>::trim_ascii).filter(|value| !value.is_empty()) else {
        return Credentials::Missing;
    };
    if value.len() > HEADER_BYTES {
        return Credentials::Malformed("The Authorization header is too long.");
    }
    let (scheme, rest) = value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
    match scheme.to_ascii_lowercase().as_slice() {
        b"basic" => basic(rest.trim_ascii()),
        b"bearer" => bearer(rest.trim_ascii()),
        // Digest, Negotiate.
        _ => Credentials::Missing,
    }
}

fn basic(encoded: &[u8]) -> Credentials {
    let Ok(pair) = base64::engine::general_purpose::STANDARD.decode(encoded) else {
        return Credentials::Malformed("The Basic credentials are not base64.");
    };
    let pair = text(pair);
    if pair.chars().any(char::is_control) {
        return Credentials::Malformed("The Basic credentials hold a control character.");
    }
    match pair.split_once(':') {
        Some((name, password)) => {
            Credentials::Basic { name: name.to_owned(), password: Secret::new(password) }
        }
        None => Credentials::Malformed("The Basic credentials have no colon."),
    }
}

/// RFC 6750 2.1: letters, digits and a few signs.
fn bearer(token: &[u8]) -> Credentials {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    match std::str::from_utf8(token) {
        Ok(text) if !token.is_empty() && token.iter().all(plain) => Credentials::Bearer(Secret::new(text)),
        _ => Credentials::Malformed("The Bearer credentials are no token."),
    }
}

/// UTF-8 as announced; else Latin-1, which older clients send whatever is announced.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> String {
        match credentials(Some(value.as_bytes())) {
            Credentials::Missing => "missing".into(),
            Credentials::Malformed(_) => "malformed".into(),
            Credentials::Basic { name, password } => format!("{name}/{}", password.expose()),
            Credentials::Bearer(token) => format!("token {}", token.expose()),
        }
    }

    #[test]
    fn rfc7617_s2_and_rfc6750_s2_1_credentials() {
        for (sent, expected) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin/open sesame"),
            ("basic   dGVzdDoxMjPCow==", "test/123£"),
            ("BASIC dGVzdDoxMjOj", "test/123£"),
            ("Basic YTpiOmM=", "a/b:c"),
            ("Basic Og==", "/"),
            ("", "missing"),
            ("Digest abc", "missing"),
            ("Bearer abc", "token abc"),
            ("bearer  a-b_c.d~e+f/g= ", "token a-b_c.d~e+f/g="),
            ("Bearer", "malformed"),
            ("Bearer a b", "malformed"),
            ("Bearer a\"b", "malformed"),
            ("Basic", "malformed"),
            ("Basic !!!", "malformed"),
            ("Basic YWJj", "malformed"),
            ("Basic YToAYg==", "malformed"),
        ] {
            assert_eq!(read(sent), expected, "{sent}");
        }
        assert_eq!(read(&format!("Basic {}", "A".repeat(HEADER_BYTES))), "malformed");
    }

    #[test]
    fn a_secret_is_not_printed() {
        let credentials = credentials(Some(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(!format!("{credentials:?}").contains("sesame"));
    }
}
