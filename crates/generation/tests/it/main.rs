//! The generation service against a simulated Gemini API, a simulated Vertex AI and a ledger that writes everything down.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in the functions that they share too")]

mod activity;
mod answers;
mod faults;
mod ledger;
mod outbox;
mod pictures;
mod stage;
#[cfg(test)]
mod vertex;
mod withdrawals;
