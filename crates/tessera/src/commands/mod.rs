//! What the command line can do; each command has its `Options` and its `run`.

pub(crate) mod gateway;
pub(crate) mod generate;
pub(crate) mod generation;
pub(crate) mod quota;
pub(crate) mod simulator;
pub(crate) mod up;
