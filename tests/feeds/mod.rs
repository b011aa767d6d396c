//! Secret links from outside: whole and busy-only, their tags, their end (trust.md S6, S8).

mod links;
