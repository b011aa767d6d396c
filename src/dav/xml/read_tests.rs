//! What the XML reader refuses and what it reads, case by case (trust.md S1, class xml).

use super::*;

fn refused(body: &[u8]) -> String {
    match read(body) {
        Ok(_) => panic!("accepted: {}", String::from_utf8_lossy(&body[..body.len().min(80)])),
        Err(Malformed(why)) => why.into_owned(),
    }
}

#[test]
fn document_types_and_entities_are_refused() {
    assert!(refused(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").contains("document type"));
    assert!(refused(b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>").contains("document type"));
    assert!(refused(b"<a>&nbsp;</a>").contains("five entities"));
    refused(b"<a b='&nbsp;'/>");
}

#[test]
fn only_legal_characters_pass_however_they_are_written() {
    for body in [&b"<a>\0</a>"[..], b"<a>\x0b</a>", b"<a>&#0;</a>", b"<a>&#xb;</a>", b"<a b='&#1;'/>"] {
        refused(body);
    }
    refused("<a>\u{fffe}</a>".as_bytes());
    refused(b"<a>&#xfffe;</a>");
    refused(b"<a>&#xd800;</a>");
    refused(b"<a>&#x110000;</a>");
    refused(b"<a>\xff</a>");
    assert_eq!(read("<a>&#xfc;&#252;ü&lt;</a>".as_bytes()).unwrap().root().text(), "üüü<");
}

#[test]
fn limits_hold_at_their_edge() {
    let nested = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    assert!(read(nested(DEPTH).as_bytes()).is_ok());
    assert!(refused(nested(DEPTH + 1).as_bytes()).contains("deep"));
    let wide = |n: usize| format!("<a>{}</a>", "<b/>".repeat(n - 1));
    assert!(read(wide(ELEMENTS).as_bytes()).is_ok());
    assert!(refused(wide(ELEMENTS + 1).as_bytes()).contains("too many elements"));
    let attributes = |n: usize| {
        let all: String = (0..n).map(|i| format!(" a{i}='x'")).collect();
        format!("<a{all}/>")
    };
    assert!(read(attributes(ATTRIBUTES).as_bytes()).is_ok());
    assert!(refused(attributes(ATTRIBUTES + 1).as_bytes()).contains("attributes"));
    refused("<a>".repeat(300_000).as_bytes());
}

#[test]
fn an_unfinished_or_doubled_document_is_refused() {
    for body in
        ["", " ", "<a>", "<a><b></a>", "<a/><b/>", "x<a/>", "<a/>x", "<a", "<?xml version='1.0'?>", "</a>"]
    {
        refused(body.as_bytes());
    }
    assert!(read(b"<?xml version='1.0' encoding='UTF-8'?>\r\n<a/>\r\n<!-- end -->\n").is_ok());
}

#[test]
fn namespaces_must_be_declared_and_prefixes_never_empty() {
    refused(b"<d:a/>");
    refused(b"<a d:b='1'/>");
    refused(b"<a><x:b xmlns:x=''/></a>");
    refused(b"<a xmlns:xmlns='urn:x'/>");
    refused(b"<a b='1' b='2'/>");
    for body in ["<1/>", "<a:b:c xmlns:a='urn:a'/>", "<a -b='1'/>", "<a\u{37e}/>"] {
        refused(body.as_bytes());
    }
    assert_eq!(read(b"<a/>").unwrap().root().namespace(), "");
    assert_eq!(
        read(b"<a xmlns='DAV:'><b xmlns=''/></a>").unwrap().root().children().next().unwrap().namespace(),
        ""
    );
}

#[test]
fn utf_16_is_read_and_other_encodings_are_refused() {
    let wide = |big: bool| {
        let mut bytes = if big { vec![0xfe, 0xff] } else { vec![0xff, 0xfe] };
        for unit in "<?xml version='1.0' encoding='utf-16'?><a>ü\u{1f600}</a>".encode_utf16() {
            bytes.extend(if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        }
        bytes
    };
    assert_eq!(read(&wide(true)).unwrap().root().text(), "ü\u{1f600}");
    assert_eq!(read(&wide(false)).unwrap().root().text(), "ü\u{1f600}");
    refused(&wide(true)[..wide(true).len() - 1]);
    refused(b"<?xml version='1.0' encoding='iso-8859-1'?><a/>");
    assert!(read(b"\xef\xbb\xbf<a/>").is_ok());
}

#[test]
fn a_million_bytes_of_markup_are_read_at_once() {
    let started = std::time::Instant::now();
    let body = format!("<a>{}</a>", "<b xmlns:c='urn:c' c:d='e'>f</b>".repeat(15_000));
    read(body.as_bytes()).unwrap();
    refused(format!("<a>{}", "<".repeat(1 << 20)).as_bytes());
    refused(format!("<a {}", "x".repeat(1 << 20)).as_bytes());
    assert!(started.elapsed().as_secs() < 5);
}
