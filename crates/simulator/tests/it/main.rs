//! The simulator as its clients meet it: over HTTP, on a real listener.

mod admin;
mod arrivals;
mod faults;
mod limits;
mod pictures;
mod refusals;
mod serving;
#[cfg(test)]
mod stage;
mod streams;
#[cfg(test)]
mod vertex;
