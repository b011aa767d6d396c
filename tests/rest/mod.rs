//! The JSON door from outside: each resource, the document made from its routes, what every endpoint refuses alike.

mod booking;
mod directory;
mod events;
mod freebusy;
mod hours;
mod links;
mod measures;
mod openapi;
mod repeats;
mod rows;
mod series;
mod world;
