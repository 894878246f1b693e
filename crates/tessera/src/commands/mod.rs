//! What the command line can do; each command has its `Options` and its `run`. `operator` is how those of operators
//! reach a Tessera that runs.

pub(crate) mod accounts;
pub(crate) mod clients;
pub(crate) mod configuration;
pub(crate) mod doctor;
pub(crate) mod gateway;
pub(crate) mod generate;
pub(crate) mod generation;
pub(crate) mod health;
pub(crate) mod operator;
pub(crate) mod quota;
mod role;
pub(crate) mod simulator;
mod table;
pub(crate) mod up;
pub(crate) mod usage;
