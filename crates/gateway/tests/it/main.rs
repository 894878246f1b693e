//! The edge from outside: HTTP in, HTTP out, with a generator and clients that tests direct.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in the functions that they share too")]

mod admission;
mod answers;
mod equivalence;
mod models;
mod refusals;
mod remote;
mod requests;
mod serving;
mod stage;
mod streaming;
mod wrong_input;
