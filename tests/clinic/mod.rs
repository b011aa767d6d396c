//! The clinic's people and things from outside: what each role may do, what is made and changed, and that one clinic
//! never sees another. Files: `world`, `roles`, `directory`, `isolation`.

mod directory;
mod isolation;
mod roles;
mod world;
