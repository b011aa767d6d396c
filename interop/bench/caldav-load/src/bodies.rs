//! The XML that the workloads send (RFC 4791 sections 7.8 and 7.10, RFC 6578 section 3.2).
use crate::gen::Window;
use chrono::{DateTime, Utc};

fn time(t: DateTime<Utc>) -> String {
    t.format("%Y%m%dT%H%M%SZ").to_string()
}

pub fn query(w: &Window, expand: bool) -> String {
    let (a, b) = (time(w.from), time(w.to));
    let data = if expand {
        format!("<C:calendar-data><C:expand start=\"{a}\" end=\"{b}\"/></C:calendar-data>")
    } else {
        "<C:calendar-data/>".into()
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
<C:calendar-query xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><D:prop><D:getetag/>{data}</D:prop>\
<C:filter><C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\"><C:time-range start=\"{a}\" end=\"{b}\"/>\
</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )
}

pub fn freebusy(w: &Window) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><C:free-busy-query xmlns:C=\"urn:ietf:params:xml:ns:caldav\">\
<C:time-range start=\"{}\" end=\"{}\"/></C:free-busy-query>",
        time(w.from),
        time(w.to)
    )
}

pub fn sync(token: &str) -> String {
    let token = token.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:sync-collection xmlns:D=\"DAV:\"><D:sync-token>{token}</D:sync-token>\
<D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"
    )
}

pub const ETAGS: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:propfind xmlns:D=\"DAV:\"><D:prop><D:getetag/></D:prop></D:propfind>";
pub const PRINCIPAL: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:propfind xmlns:D=\"DAV:\"><D:prop><D:current-user-principal/></D:prop></D:propfind>";
