//! Sync tokens (RFC 6578): which database, which calendar, which grant, up to where.
//!
//! A URI, as the RFC asks and Evolution checks (it wants a ':' or a '/'). The epoch ends all tokens of before a
//! restore; the grant ends those of an earlier share; the id those of an earlier calendar of the same name.

use super::error::{Error, Precondition, Result};

/// What a token is about: its scope must be equal, its sequence must lie where changes are still known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scope<'a> {
    pub epoch: &'a str,
    /// `c` for a calendar, `h` for a home.
    pub kind: char,
    pub id: i64,
    pub granted: i64,
}

impl Scope<'_> {
    pub(super) fn token(&self, seq: i64) -> String {
        let Scope { epoch, kind, id, granted } = self;
        format!("urn:kalends:sync:{epoch}:{kind}:{id}:{granted}:{seq}")
    }

    /// The sequence of a token of this scope.
    pub(super) fn seq(&self, token: &str, known: std::ops::RangeInclusive<i64>) -> Result<i64> {
        let (scope, seq) = token.trim().rsplit_once(':').unwrap_or_default();
        let seq: Option<i64> = seq.parse().ok();
        let own = self.token(0);
        match seq {
            Some(seq) if own.strip_suffix(":0") == Some(scope) && known.contains(&seq) => Ok(seq),
            _ => Err(Error::Precondition(Precondition::ValidSyncToken)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_of_the_same_scope_and_span_counts() {
        let scope = Scope { epoch: "e1", kind: 'c', id: 7, granted: 0 };
        let token = scope.token(12);
        assert_eq!(scope.seq(&token, 0..=20).unwrap(), 12);
        assert!(scope.seq(&token, 13..=20).is_err(), "too old");
        assert!(scope.seq(&token, 0..=11).is_err(), "from the future");
        for other in [
            Scope { epoch: "e2", ..scope.clone() },
            Scope { kind: 'h', ..scope.clone() },
            Scope { id: 8, ..scope.clone() },
            Scope { granted: 3, ..scope.clone() },
        ] {
            assert!(other.seq(&token, 0..=20).is_err(), "{other:?}");
        }
        for bad in ["", "12", "urn:kalends:sync:e1:c:7:0:", "urn:kalends:sync:e1:c:7:0:x", "data:,12"] {
            assert!(scope.seq(bad, 0..=20).is_err(), "{bad}");
        }
    }
}
