//! Door: WebDAV and CalDAV.
pub mod xml;
