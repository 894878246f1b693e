//! The generation service against a simulated Gemini API and a ledger that writes everything down.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in the functions that they share too")]

mod answers;
mod faults;
mod ledger;
mod pictures;
mod stage;
mod withdrawals;
