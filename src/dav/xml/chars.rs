//! Which characters and names XML 1.0 (fifth edition) and Namespaces 1.0 allow.
//! Invariant: what passes here can be written back into a document of our own and leaves it well-formed.

/// Production 2, `Char`. NUL and the other controls can be written in no way at all, not even by number.
pub fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A name without colon (`NCName`): what an element or attribute may be called inside its namespace.
pub fn is_local_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(starts_name) && chars.all(continues_name)
}

fn starts_name(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

fn continues_name(c: char) -> bool {
    starts_name(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_non_characters_are_illegal() {
        for c in ['\0', '\u{1}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
            assert!(!is_legal(c), "{:x}", c as u32);
        }
        for c in ['\t', '\n', '\r', ' ', 'ü', '\u{fffd}', '\u{1f600}', '\u{10ffff}'] {
            assert!(is_legal(c), "{:x}", c as u32);
        }
    }

    #[test]
    fn names_begin_with_a_letter_and_hold_no_markup() {
        for good in ["getetag", "_x", "é", "a-b.c1", "\u{10000}"] {
            assert!(is_local_name(good), "{good}");
        }
        for bad in ["", "1a", "-a", "a:b", "a b", "a<", "a\"", "a&", "a/"] {
            assert!(!is_local_name(bad), "{bad}");
        }
    }
}
