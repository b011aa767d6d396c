//! The standards' own examples, one file an RFC, each test named by its section.
//!
//! Files: `rfc3744`, `rfc4791`, `rfc4918`, `rfc5689`, `rfc6578`, `rfc7808`, `rfc7809`, `rfc7953`, `rfc8144`. What the
//! standards ask beyond their examples is proven where it happens, in `tests/dav`.

mod rfc3744;
mod rfc4791;
mod rfc4918;
mod rfc5689;
mod rfc6578;
mod rfc7808;
mod rfc7809;
mod rfc7953;
mod rfc8144;
