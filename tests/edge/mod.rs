//! What every door shares, from outside: HTTP read strictly, who is let in, how it ends.

mod http;
mod login;
mod nodes;
mod stop;
