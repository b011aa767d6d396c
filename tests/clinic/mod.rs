//! The clinic: what is booked is never booked twice, whoever writes; who may do what; one clinic never sees another.
//!
//! Files: `world` (practitioners, rooms, a hall of three places, a phone), `booking` (book, move, cancel, states),
//! `holds`, `phone` (what a calendar program's change does, by policy), `horizon` (the day that comes, rebuilding), `race`
//! (thousands of attempts at once and a checker that believes only the texts), `checker`; `series`, `diary` (dates as they
//! are listed), `bulk` (many changes at once), `seats`, `eager` (rows of an older system); `two` (two clinics, one person of
//! each role), `roles`, `directory`, `isolation`; `office` (a clinic that is searched), `slots`, `agree` (free/busy and
//! slots minute by minute); `hours`
//! (weeks and overrides), `closed` (leave, blocks, holidays).
//! *Never:* asks the code under test whether it was right.

mod agree;
mod behind;
mod booking;
mod bulk;
mod checker;
mod closed;
mod diary;
mod directory;
mod eager;
mod holds;
mod horizon;
mod hours;
mod isolation;
mod office;
mod phone;
mod race;
mod roles;
mod seats;
mod series;
mod slots;
mod statements;
mod two;
mod world;
