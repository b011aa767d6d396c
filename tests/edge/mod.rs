//! What every door shares, from outside: how it is found, HTTP read strictly, who is let in, how it ends.

mod discovery;
mod entrance;
mod http;
mod login;
mod nodes;
mod stop;
mod tokens;
