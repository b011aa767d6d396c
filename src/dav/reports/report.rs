//! One REPORT (RFC 3253 section 3.6): its name, the resources that have it, its answer.
//! Invariant: a report reads, it never changes anything.

use futures_util::future::BoxFuture;

use crate::dav::error::Result;
use crate::dav::props::property::Kinds;
use crate::dav::request::Request;
use crate::dav::xml::{Element, Name};
use crate::edge::Answer;

pub trait Report: Sync {
    fn name(&self) -> Name;

    fn on(&self) -> Kinds;

    fn answer<'a>(&'a self, request: &'a Request, body: Element<'a>) -> BoxFuture<'a, Result<Answer>>;
}
