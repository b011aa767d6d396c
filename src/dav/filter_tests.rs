//! Filters as clients send them, and as none should.

use super::super::xml;
use super::*;

fn read(inside: &str) -> Result<CompFilter, Refusal> {
    let body =
        format!("<c:filter xmlns:c='urn:ietf:params:xml:ns:caldav' xmlns:x='urn:x'>{inside}</c:filter>");
    parse(xml::read(body.as_bytes()).unwrap().root())
}

/// The precondition's local name.
fn refused(inside: &str) -> &'static str {
    read(inside).expect_err(inside).element().expect("an element").local
}

fn in_event(inside: &str) -> String {
    format!(
        "<c:comp-filter name='VCALENDAR'><c:comp-filter name='VEVENT'>{inside}</c:comp-filter></c:comp-filter>"
    )
}

fn event(filter: CompFilter) -> CompTest {
    let CompTest::Defined { mut comps, .. } = filter.test else { panic!("not defined") };
    assert_eq!(comps[0].name, "VEVENT");
    comps.remove(0).test
}

#[test]
fn a_time_range_may_be_open() {
    // DAVx5 with its default limit of ninety days sends a start and no end.
    let CompTest::Defined { range, .. } =
        event(read(&in_event("<c:time-range start='19700101T000010Z'/>")).unwrap())
    else {
        panic!()
    };
    assert_eq!(range, Some(Window { from: 10, until: Window::END }));
}

#[test]
fn time_ranges_that_mean_nothing_are_invalid() {
    for range in [
        "<c:time-range/>",
        "<c:time-range start='20260101'/>",
        "<c:time-range start='20260101T000000'/>",
        "<c:time-range start='20261301T000000Z'/>",
        "<c:time-range start='+2026101T000000Z'/>",
        "<c:time-range start='20260102T000000Z' end='20260101T000000Z'/>",
        "<c:time-range start='20260101T000000Z' end='20260101T000000Z'/>",
        "<c:time-range start='20260101T000000Z'/><c:time-range start='20260101T000000Z'/>",
    ] {
        assert_eq!(refused(&in_event(range)), "valid-filter", "{range}");
    }
    assert_eq!(
        refused("<c:comp-filter name='VTIMEZONE'><c:time-range start='20260101T000000Z'/></c:comp-filter>"),
        "valid-filter"
    );
}

#[test]
fn properties_parameters_and_texts_nest() {
    let filter = read(&in_event(
        "<c:prop-filter name='attendee'><c:text-match collation='i;octet' negate-condition='yes'>a&amp;b</c:text-match>\
         <c:param-filter name='PARTSTAT'><c:text-match>NEEDS</c:text-match></c:param-filter>\
         <c:param-filter name='CN'><c:is-not-defined/></c:param-filter></c:prop-filter>\
         <c:comp-filter name='VALARM'><c:is-not-defined/></c:comp-filter>",
    ));
    let CompTest::Defined { range: None, props, comps } = event(filter.unwrap()) else { panic!() };
    let text = TextMatch { text: "a&b".into(), collation: Collation::Octet, negate: true };
    let needs = TextMatch { text: "NEEDS".into(), collation: Collation::AsciiCasemap, negate: false };
    let params = vec![
        ParamFilter { name: "PARTSTAT".into(), test: ParamTest::Defined(Some(needs)) },
        ParamFilter { name: "CN".into(), test: ParamTest::NotDefined },
    ];
    let test = PropTest::Defined { range: None, text: Some(text), params };
    assert_eq!(props, [PropFilter { name: "ATTENDEE".into(), test }]);
    assert_eq!(comps, [CompFilter { name: "VALARM".into(), test: CompTest::NotDefined }]);
}

#[test]
fn unknown_collations_have_their_own_refusal() {
    for collation in ["i;unicode-casemap", "i;*", "x"] {
        let filter = in_event(&format!(
            "<c:prop-filter name='SUMMARY'><c:text-match collation='{collation}'>a</c:text-match></c:prop-filter>"
        ));
        assert_eq!(refused(&filter), "supported-collation");
    }
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    assert_eq!(refused(""), "valid-filter");
    assert_eq!(refused("<c:comp-filter/>"), "valid-filter");
    assert_eq!(refused("<c:comp-filter name='VCALENDAR'/><c:comp-filter name='VCALENDAR'/>"), "valid-filter");
    assert_eq!(refused(&in_event("<c:is-not-defined/><c:prop-filter name='UID'/>")), "valid-filter");
    assert_eq!(refused(&in_event("<c:sort/>")), "supported-filter");
    assert_eq!(
        refused(&in_event(
            "<c:prop-filter name='UID'><c:text-match negate-condition='1'>a</c:text-match></c:prop-filter>"
        )),
        "valid-filter"
    );
    assert_eq!(
        refused(&in_event(
            "<c:prop-filter name='DTSTART'><c:time-range start='20260101T000000Z'/><c:text-match>a</c:text-match></c:prop-filter>"
        )),
        "valid-filter"
    );
    assert!(read(&in_event("<x:sort/>")).is_ok());
}

#[test]
fn width_and_depth_are_bounded() {
    let many = "<c:prop-filter name='UID'/>".repeat(CONDITIONS);
    assert_eq!(refused(&in_event(&many)), "valid-filter");
    let deep = format!("{}{}", "<c:comp-filter name='X'>".repeat(40), "</c:comp-filter>".repeat(40));
    assert_eq!(refused(&deep), "supported-filter");
    let long = "a".repeat(TEXT + 1);
    assert_eq!(
        refused(&in_event(&format!(
            "<c:prop-filter name='UID'><c:text-match>{long}</c:text-match></c:prop-filter>"
        ))),
        "valid-filter"
    );
}
