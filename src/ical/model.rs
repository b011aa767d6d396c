//! The tree of a calendar text: components and properties in the order in which they were sent.
//! Every line keeps the bytes it came as; only a line that is set anew is written anew.

use std::{borrow::Cow, fmt};

use crate::text;

/// BEGIN to END: its own lines, its properties and its components, in the order of the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Component {
    pub(crate) name: Box<str>,
    pub(crate) line: u32,
    /// The bytes of the BEGIN line where they are not the usual ones.
    pub(crate) begin: Option<Box<[u8]>>,
    /// The bytes of the END line and of what follows it.
    pub(crate) end: Option<Box<[u8]>>,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Property(Property),
    Component(Component),
}

impl Component {
    /// An empty component; `name` in upper case.
    pub fn new(name: &str) -> Component {
        Component { name: name.into(), line: 0, begin: None, end: None, entries: Vec::new() }
    }

    /// The name in upper case, e.g. `VEVENT`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line of its BEGIN, from 1; 0 when it was not read from text.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Its own properties, in order.
    pub fn properties(&self) -> impl Iterator<Item = &Property> {
        self.entries.iter().filter_map(Entry::property)
    }

    /// Its own components, in order.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.entries.iter().filter_map(Entry::component)
    }

    /// Its own components, in order, to be edited.
    pub fn components_mut(&mut self) -> impl Iterator<Item = &mut Component> {
        self.entries.iter_mut().filter_map(|e| match e {
            Entry::Component(c) => Some(c),
            Entry::Property(_) => None,
        })
    }

    /// The components that carry meaning: all but VTIMEZONE. Their position is what `Occurrence::component` counts.
    pub fn parts(&self) -> impl Iterator<Item = &Component> {
        self.components().filter(|c| c.name() != "VTIMEZONE")
    }

    /// The first property of this name (any case).
    pub fn get(&self, name: &str) -> Option<&Property> {
        self.properties().find(|p| p.is(name))
    }

    /// All properties of this name (any case), in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties().filter(move |p| p.is(name))
    }

    /// Puts the property where the first one of its name stands and removes the others of that name;
    /// appended to the properties when there was none.
    pub fn set(&mut self, property: Property) {
        let is = |e: &Entry| e.property().is_some_and(|p| p.is(property.name()));
        let Some(at) = self.entries.iter().position(is) else { return self.push(property) };
        let mut index = 0;
        self.entries.retain(|e| {
            index += 1;
            index - 1 == at || !e.property().is_some_and(|p| p.is(property.name()))
        });
        self.entries[at] = Entry::Property(property);
    }

    /// Removes every property of this name; says how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.entries.len();
        self.entries.retain(|e| !e.property().is_some_and(|p| p.is(name)));
        before - self.entries.len()
    }

    /// Adds a property after the others, before the components.
    pub fn push(&mut self, property: Property) {
        let at = self.entries.iter().rposition(|e| e.property().is_some()).map_or(0, |at| at + 1);
        self.entries.insert(at, Entry::Property(property));
    }

    /// Adds a component at the end.
    pub fn push_component(&mut self, component: Component) {
        self.entries.push(Entry::Component(component));
    }

    /// Keeps the properties for which `keep` says so.
    pub fn retain_properties(&mut self, mut keep: impl FnMut(&Property) -> bool) {
        self.entries.retain(|e| e.property().is_none_or(&mut keep));
    }

    /// Keeps the components for which `keep` says so.
    pub fn retain_components(&mut self, mut keep: impl FnMut(&Component) -> bool) {
        self.entries.retain(|e| e.component().is_none_or(&mut keep));
    }

    /// The same BEGIN and END with nothing inside.
    pub(crate) fn shell(&self) -> Component {
        Component {
            entries: Vec::new(),
            ..Component { begin: self.begin.clone(), end: self.end.clone(), ..self.head() }
        }
    }

    fn head(&self) -> Component {
        Component { line: self.line, ..Component::new(&self.name) }
    }
}

impl Entry {
    fn property(&self) -> Option<&Property> {
        match self {
            Entry::Property(p) => Some(p),
            Entry::Component(_) => None,
        }
    }

    fn component(&self) -> Option<&Component> {
        match self {
            Entry::Component(c) => Some(c),
            Entry::Property(_) => None,
        }
    }
}

/// One content line: name, parameters, value.
#[derive(Clone, PartialEq, Eq)]
pub struct Property {
    pub(crate) line: u32,
    /// The unfolded content line.
    pub(crate) text: Box<str>,
    /// Where the name ends in `text`.
    pub(crate) name_end: u32,
    /// Where the value begins in `text`.
    pub(crate) value_at: u32,
    /// The name in upper case where the text has it otherwise.
    pub(crate) upper: Option<Box<str>>,
    /// The bytes that were sent where they are not `text` and CRLF.
    pub(crate) raw: Option<Box<[u8]>>,
}

impl Property {
    /// A property of our own making: `params` are bare values (quoted and caret-encoded here), `value` is written
    /// as it is, except that control characters are dropped.
    pub fn new(name: &str, params: &[(&str, &str)], value: &str) -> Property {
        let mut text = name.to_ascii_uppercase();
        let name_end = text.len() as u32;
        for (key, value) in params {
            text.push(';');
            text.push_str(key);
            text.push('=');
            text.push_str(&text::quote_param(value));
        }
        text.push(':');
        let value_at = text.len() as u32;
        text.extend(value.chars().filter(|c| !c.is_control() || *c == '\t'));
        Property { line: 0, text: text.into(), name_end, value_at, upper: None, raw: None }
    }

    /// A property whose value is TEXT: `value` is what it says, escaping is done here.
    pub fn new_text(name: &str, value: &str) -> Property {
        Property::new(name, &[], &text::escape(value))
    }

    /// The name in upper case, e.g. `DTSTART`.
    pub fn name(&self) -> &str {
        self.upper.as_deref().unwrap_or(&self.text[..self.name_end as usize])
    }

    /// Whether it has this name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.text[..self.name_end as usize].eq_ignore_ascii_case(name)
    }

    /// The raw value, unfolded, escapes left as they are.
    pub fn value(&self) -> &str {
        &self.text[self.value_at as usize..]
    }

    /// The value read as TEXT.
    pub fn text(&self) -> Cow<'_, str> {
        text::unescape(self.value())
    }

    /// The line on which it began, from 1; 0 when it was not read from text.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The parameters as (name, raw value with its quotes), in order; a list stays one value.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &self.text[self.name_end as usize..self.value_at as usize - 1];
        std::iter::from_fn(move || {
            let body = rest.strip_prefix(';')?;
            let end = unquoted(body, b';');
            rest = &body[end..];
            Some(body[..end].split_once('=').unwrap_or((&body[..end], "")))
        })
    }

    /// The first value of the parameter (any case), without quotes, carets decoded (RFC 6868).
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, list) = self.params().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(text::param_value(&list[..unquoted(list, b',')]))
    }

    /// All values of the parameter, lists taken apart.
    pub fn param_values(&self, name: &str) -> Vec<Cow<'_, str>> {
        let mut values = Vec::new();
        for (_, list) in self.params().filter(|(key, _)| key.eq_ignore_ascii_case(name)) {
            let mut rest = Some(list);
            while let Some(list) = rest {
                let end = unquoted(list, b',');
                values.push(text::param_value(&list[..end]));
                rest = list.get(end + 1..);
            }
        }
        values
    }

    /// The same line with this value of a parameter; `value` is bare, quoting is done here.
    pub fn with_param(&self, name: &str, value: &str) -> Property {
        let mut head = self.text[..self.name_end as usize].to_owned();
        let (value, mut stands) = (text::quote_param(value), false);
        for (key, raw) in self.params() {
            let is_it = key.eq_ignore_ascii_case(name);
            stands |= is_it;
            head.extend([";", key, "=", if is_it { &value } else { raw }]);
        }
        if !stands {
            head.extend([";", name, "=", &value]);
        }
        head.push(':');
        let value_at = head.len() as u32;
        Property { text: (head + self.value()).into(), value_at, raw: None, ..self.clone() }
    }

    /// The same name and parameters with another raw value.
    pub fn with_value(&self, value: &str) -> Property {
        let text = format!("{}{value}", &self.text[..self.value_at as usize]);
        Property { text: text.into(), raw: None, ..self.clone() }
    }
}

/// Where `byte` first stands outside quotes; the end when nowhere.
fn unquoted(text: &str, byte: u8) -> usize {
    let mut quoted = false;
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'"' => quoted = !quoted,
            b if b == byte && !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// Names and lines only: what a patient's calendar says is nobody's business in a log.
impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name(), self.line)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} of {} lines", self.name, self.line, self.entries.len())
    }
}
