//! What must hold for a write to happen (RFC 9110 13.1, RFC 4918 10.4), compared inside its transaction.

use super::error::{Error, Result};
use super::object::Etag;

/// The tags of an If-Match or If-None-Match header.
#[derive(Clone, Debug, PartialEq)]
pub enum Tags {
    /// `*`: whatever is there.
    Any,
    /// Opaque tags without their quotes; weak ones are left out by the door, as they never match strongly.
    Of(Vec<String>),
}

/// One term of an If header's list that is about this object.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub negate: bool,
    /// `None` stands for a state token: nothing is ever locked here, so none matches.
    pub etag: Option<String>,
}

/// The default always holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    pub if_match: Option<Tags>,
    pub if_none_match: Option<Tags>,
    /// Lists of terms: one whole list must hold (RFC 4918 10.4.3).
    pub lists: Option<Vec<Vec<Term>>>,
}

impl Condition {
    pub const NONE: Condition = Condition { if_match: None, if_none_match: None, lists: None };

    /// Does it hold for what is there now?
    pub fn holds(&self, now: Option<&Etag>) -> Result<()> {
        let tag = now.map(Etag::opaque);
        let is = |tags: &Tags| match tags {
            Tags::Any => tag.is_some(),
            Tags::Of(list) => tag.as_ref().is_some_and(|tag| list.contains(tag)),
        };
        let term = |term: &Term| (term.etag.is_some() && term.etag == tag) != term.negate;
        let holds = self.if_match.as_ref().is_none_or(is)
            && !self.if_none_match.as_ref().is_some_and(is)
            && self.lists.as_ref().is_none_or(|lists| lists.iter().any(|list| list.iter().all(term)));
        if holds { Ok(()) } else { Err(Error::ConditionFailed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_is_compared_with_what_is_there() {
        let (etag, other) = (Etag::of(b"a"), Etag::of(b"b"));
        let of = |etag: &Etag| Some(Tags::Of(vec![etag.opaque()]));
        let if_match = |tags| Condition { if_match: tags, ..Condition::NONE };
        let if_none = |tags| Condition { if_none_match: tags, ..Condition::NONE };
        assert!(Condition::NONE.holds(None).is_ok());
        assert!(if_match(of(&etag)).holds(Some(&etag)).is_ok());
        assert!(if_match(of(&other)).holds(Some(&etag)).is_err());
        assert!(if_match(Some(Tags::Any)).holds(None).is_err());
        assert!(if_none(Some(Tags::Any)).holds(None).is_ok());
        assert!(if_none(Some(Tags::Any)).holds(Some(&etag)).is_err());
        assert!(if_none(of(&etag)).holds(Some(&etag)).is_err());
    }

    #[test]
    fn one_whole_list_of_an_if_header_must_hold() {
        let etag = Etag::of(b"a");
        let is = Term { negate: false, etag: Some(etag.opaque()) };
        let locked = Term { negate: false, etag: None };
        let unlocked = Term { negate: true, etag: None };
        let holds = |lists| Condition { lists: Some(lists), ..Condition::NONE }.holds(Some(&etag)).is_ok();
        assert!(holds(vec![vec![is.clone()]]));
        assert!(holds(vec![vec![locked.clone()], vec![is.clone(), unlocked]]));
        assert!(!holds(vec![vec![is, locked]]));
    }
}
