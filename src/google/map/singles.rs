//! A series as single events: each occurrence by itself, for as far as the link looks ahead.

use ical::{Budget, Limits, When, Window, Zone};

use super::Unfit;
use super::image::{Image, WHOLE, like_series};
use crate::calendar::budget;

/// The image of a series without its master: what overlaps the window, and what stands there already (`known`, by its
/// original start), cancelled where it is no occurrence any more. What is no series stays as it is.
pub fn singles(
    text: &[u8],
    image: Image,
    known: &[&str],
    (window, zone): (Window, &Zone),
) -> Result<Image, Unfit> {
    let Some(whole) = image.whole().filter(|whole| whole.contains_key("recurrence")).cloned() else {
        return Ok(image);
    };
    let is_dated = whole.get("start").is_some_and(|start| start.get("date").is_some());
    let at = |key: &&str| When::read(key, None).map(|when| when.instant(zone));
    let from = known.iter().filter_map(at).fold(window.from, i64::min);
    let until = known.iter().filter_map(at).fold(window.until, |until, at| until.max(at + 1));
    let limits = Limits { bytes: usize::MAX, attendees: usize::MAX, ..Limits::default() };
    let object = ical::check(text, &limits).map_err(|_| Unfit("text"))?;
    let found = object.digest.occurrences(Window { from, until }, zone, &mut budget(Budget::REQUEST));
    let mut singles = Image::default();
    for one in found.map_err(|_| Unfit("too many occurrences"))? {
        let Some(original) = one.id else { continue };
        let when = if is_dated { When::Date(zone.to_civil(original)) } else { When::Utc(original) };
        let key = when.print();
        let is_ahead = one.start < window.until && one.end.max(one.start + 1) > window.from;
        if is_ahead || known.contains(&key.as_str()) {
            let own = image.0.get(&key).cloned();
            if let Some(part) = own.unwrap_or_else(|| like_series(&whole, &key)) {
                singles.0.insert(key, Some(part));
            }
        }
    }
    // An exception far from where it was is found by its name.
    for key in known.iter().filter(|key| **key != WHOLE) {
        let own = || image.0.get(*key).cloned().flatten();
        singles.0.entry((*key).to_owned()).or_insert_with(own);
    }
    Ok(singles)
}
