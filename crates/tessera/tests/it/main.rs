//! The real binary, end to end.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in the functions that they share too")]

mod certificates;
mod cluster;
mod configuration;
mod console;
mod deployment;
mod doctor;
mod ending;
mod everywhere;
mod first_start;
mod generate;
mod operators;
mod picture;
mod process;
mod provider;
mod rolling;
mod sdk;
mod telemetry;
mod trial;
mod vertex;
