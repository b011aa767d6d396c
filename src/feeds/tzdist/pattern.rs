//! Names by a pattern (RFC 7808 5.5): exact, beginning, end or middle; `_` is a space, case does not count.

/// A pattern that is understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// Whether something may stand before it, after it.
    before: bool,
    after: bool,
}

impl Pattern {
    /// None where `*` stands in the middle, or `\` before anything but `*` and `\`.
    pub fn read(sent: &str) -> Option<Pattern> {
        let (mut text, mut stars) = (String::new(), Vec::new());
        let mut chars = sent.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '*' => stars.push(at),
                '\\' => {
                    text.push(chars.next().map(|(_, next)| next).filter(|next| matches!(next, '*' | '\\'))?)
                }
                c => text.push(c),
            }
        }
        let last = sent.len().saturating_sub(1);
        let (before, after) = (stars.contains(&0), stars.contains(&last));
        stars.iter().all(|at| *at == 0 || *at == last).then(|| Pattern { text: folded(&text), before, after })
    }

    pub fn matches(&self, name: &str) -> bool {
        let (name, text) = (folded(name), self.text.as_str());
        match (self.before, self.after) {
            (false, false) => name == text,
            (true, false) => name.ends_with(text),
            (false, true) => name.starts_with(text),
            (true, true) => name.contains(text),
        }
    }
}

fn folded(text: &str) -> String {
    text.replace('_', " ").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s5_5_stars_stand_at_the_ends() {
        let hit = |pattern: &str, name: &str| Pattern::read(pattern).is_some_and(|p| p.matches(name));
        assert!(hit("us/eastern", "US/Eastern") && !hit("us", "US/Eastern"));
        assert!(hit("*New York*", "America/New_York") && hit("*new_york", "America/New_York"));
        assert!(hit("america/*", "America/New_York") && !hit("york*", "America/New_York"));
        assert!(hit("*", "UTC") && hit("**", "UTC") && !hit("", "UTC"));
        assert!(hit("\\*Test\\\\Time\\*Zone\\*", "*Test\\Time*Zone*"), "the example of the RFC");
        for wrong in ["a*b", "a\\b", "\\", "*a*b", "***"] {
            assert_eq!(Pattern::read(wrong), None, "{wrong}");
        }
    }
}
