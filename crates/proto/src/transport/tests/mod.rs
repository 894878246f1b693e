//! Replicas that come, go, refuse and are lost.

mod balance;
mod losses;
mod town;
mod troubles;
