//! The two addresses Google knows: where a consent comes back, and where it tells of changes.

use http::{Method, StatusCode};
use url::form_urlencoded;

use super::Google;
use super::error::Error;
use crate::edge::{Answer, Ask, problem};

pub const CALLBACK: &str = "/oauth/google/callback";
pub const HOOK: &str = "/hooks/google/calendar";

/// A notification has no body; a little is read past so that its connection can go on.
const BODY: usize = 1 << 10;

impl Google {
    /// A person comes back from Google. Says what to do next; nothing of what came with her.
    pub async fn callback_answer(&self, ask: &Ask) -> Answer {
        if ask.method != Method::GET {
            return problem::plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET.\n");
        }
        let query = ask.query.as_deref().unwrap_or_default();
        let value = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(one, _)| one == name)
                .map(|(_, value)| value.into_owned())
        };
        if value("error").is_some() {
            return problem::plain(StatusCode::OK, "Google was told no. Nothing was connected.\n");
        }
        let (Some(state), Some(code)) = (value("state"), value("code")) else {
            return problem::plain(StatusCode::BAD_REQUEST, AGAIN);
        };
        match self.consented(&state, &code).await {
            Ok(remote) if remote.state == "scope_missing" => problem::plain(StatusCode::OK, UNTICKED),
            Ok(_) => problem::plain(StatusCode::OK, DONE),
            Err(Error::Refused(_) | Error::Google(_)) => problem::plain(StatusCode::BAD_REQUEST, AGAIN),
            Err(error) => {
                tracing::warn!(%error, "a consent could not be kept");
                problem::plain(StatusCode::SERVICE_UNAVAILABLE, AGAIN)
            }
        }
    }

    pub async fn hook_answer(&self, mut ask: Ask) -> Answer {
        if ask.method != Method::POST {
            return problem::plain(StatusCode::METHOD_NOT_ALLOWED, "Only POST.\n");
        }
        if ask.has_body() && ask.body(BODY).await.is_err() {
            return problem::plain(StatusCode::PAYLOAD_TOO_LARGE, "A notification has no body.\n");
        }
        problem::bare(self.notified(&ask.headers).await)
    }
}

const DONE: &str = "Google is connected. You may close this window and go on where you began.\n";
const AGAIN: &str = "This link is over or was used before. Begin again where you began.\n";
const UNTICKED: &str = "A box was not ticked (to see the list of your calendars, or to view and edit their events), so \
nothing can be kept equal. Begin again and tick it.\n";
