//! The JSON door from outside: each resource, the document made from its routes, what every endpoint refuses alike.

mod freebusy;
mod openapi;
