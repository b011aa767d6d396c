pub mod accounts;
pub mod calendar;
