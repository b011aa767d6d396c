//! What a token is for: words, each for reading and writing or, with `:read` behind it, for reading only. What the
//! words mean is decided where the caller's role is (a token never allows more than the role of its person).

use super::Error;

/// Scopes of one token.
pub const MOST: usize = 64;

/// The scopes of a token. The default allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    word: String,
    /// Reading only.
    read_only: bool,
}

impl Scopes {
    /// From words such as `slots` or `patients:read`.
    pub fn new(words: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Scopes, Error> {
        let mut all = words.into_iter().map(|word| scope(word.as_ref())).collect::<Result<Vec<_>, _>>()?;
        all.sort();
        all.dedup();
        if all.is_empty() || all.len() > MOST {
            return Err(Error::Invalid("a token has 1 to 64 scopes"));
        }
        Ok(Scopes(all))
    }

    /// As they are kept: with a blank between.
    pub fn text(&self) -> String {
        let word = |one: &Scope| format!("{}{}", one.word, if one.read_only { ":read" } else { "" });
        self.0.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// As they were kept.
    pub fn read(text: &str) -> Result<Scopes, Error> {
        Scopes::new(text.split_ascii_whitespace())
    }

    /// The words without what follows them.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|one| &*one.word)
    }

    /// Whether they name this word, for reading or for more.
    pub fn allow(&self, word: &str, to_write: bool) -> bool {
        self.0.iter().any(|one| one.word == word && !(one.read_only && to_write))
    }
}

fn scope(text: &str) -> Result<Scope, Error> {
    let (word, read_only) = match text.strip_suffix(":read") {
        Some(word) => (word, true),
        None => (text, false),
    };
    let is_word = !word.is_empty() && word.len() <= 40;
    if is_word && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
        Ok(Scope { word: word.to_owned(), read_only })
    } else {
        Err(Error::Invalid("a scope is a word such as slots or patients:read"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_for_reading_does_not_write() {
        let scopes = Scopes::new(["patients:read", "slots", "slots"]).unwrap();
        assert_eq!(scopes.text(), "patients:read slots");
        assert_eq!(Scopes::read(&scopes.text()).unwrap(), scopes);
        assert!(scopes.allow("patients", false) && !scopes.allow("patients", true));
        assert!(scopes.allow("slots", true) && !scopes.allow("audit", false));
        assert!(!Scopes::default().allow("slots", false));
        for bad in ["", "a b", "A", "slots:write", ":read"] {
            assert!(Scopes::new([bad]).is_err(), "{bad}");
        }
        assert!(Scopes::new([""; 0]).is_err());
    }
}
