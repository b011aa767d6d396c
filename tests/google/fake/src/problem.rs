//! Errors in Google's JSON form: `error.code`, `error.message` and one entry of `error.errors` with domain and reason [D].
//! The only file that knows Google's reasons and texts.

use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Problem {
    pub status: u16,
    pub domain: &'static str,
    pub reason: String,
    pub message: String,
    /// The kind of place (`parameter`, `header`) and its name.
    pub place: Option<(&'static str, &'static str)>,
    pub header: Option<Box<(&'static str, String)>>,
    /// OAuth's own form, at the token and revocation endpoints (RFC 6749 section 5.2).
    pub is_oauth: bool,
}

impl Problem {
    pub fn new(status: u16, reason: &str, message: &str) -> Problem {
        let domain = "global";
        let (reason, message) = (reason.to_owned(), message.to_owned());
        Problem { status, domain, reason, message, place: None, header: None, is_oauth: false }
    }

    pub fn oauth(status: u16, error: &str, description: &str) -> Problem {
        Problem { is_oauth: true, ..Problem::new(status, error, description) }
    }

    pub fn of(mut self, domain: &'static str) -> Problem {
        self.domain = domain;
        self
    }

    pub fn at(mut self, kind: &'static str, name: &'static str) -> Problem {
        self.place = Some((kind, name));
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Problem {
        self.header = Some(Box::new((name, value.to_owned())));
        self
    }

    pub fn body(&self) -> Value {
        if self.is_oauth {
            return json!({ "error": self.reason, "error_description": self.message });
        }
        let mut entry = json!({ "domain": self.domain, "reason": self.reason, "message": self.message });
        if let Some((kind, name)) = self.place {
            entry["locationType"] = kind.into();
            entry["location"] = name.into();
        }
        json!({ "error": { "code": self.status, "message": self.message, "errors": [entry] } })
    }
}

pub fn invalid(message: &str) -> Problem {
    Problem::new(400, "invalid", message)
}

pub fn required(message: &str) -> Problem {
    Problem::new(400, "required", message)
}

pub fn not_found() -> Problem {
    Problem::new(404, "notFound", "Not Found")
}

/// [D] A second delete, and whatever else meets a tombstone.
pub fn deleted() -> Problem {
    Problem::new(410, "deleted", "Resource has been deleted")
}

/// [I] A deleted id cannot be written again.
pub fn forbidden() -> Problem {
    Problem::new(403, "forbidden", "Forbidden").of("calendar")
}

/// [D] The role in this calendar is too low.
pub fn role_too_low(needed: &str) -> Problem {
    let message = format!("You need to have {needed} access to this calendar.");
    Problem::new(403, "requiredAccessLevel", &message).of("calendar")
}

/// [D] The id is taken, if only by something deleted.
pub fn duplicate() -> Problem {
    Problem::new(409, "duplicate", "The requested identifier already exists.")
}

/// [D] If-Match names another version.
pub fn precondition() -> Problem {
    Problem::new(412, "conditionNotMet", "Precondition Failed").at("header", "If-Match")
}

/// [D] The sync token is too old.
pub fn full_sync() -> Problem {
    let message = "Sync token is no longer valid, a full sync is required.";
    Problem::new(410, "fullSyncRequired", message).of("calendar").at("parameter", "syncToken")
}

/// [C] What a broken token, or one of other parameters, gets in the field.
pub fn bad_sync_token() -> Problem {
    invalid("Invalid sync token value.").at("parameter", "syncToken")
}

/// [C] `updatedMin` too far back.
pub fn updated_min_too_old() -> Problem {
    let message = "The requested minimum modification time lies too far in the past.";
    Problem::new(410, "updatedMinTooLongAgo", message).of("calendar").at("parameter", "updatedMin")
}

pub fn bad_credentials() -> Problem {
    Problem::new(401, "authError", "Invalid Credentials")
        .at("header", "Authorization")
        .header("www-authenticate", "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"")
}

pub fn scope_too_narrow(accepted: &str) -> Problem {
    let challenge = format!(
        "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\", scope=\"{accepted}\""
    );
    Problem::new(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        .header("www-authenticate", &challenge)
}
