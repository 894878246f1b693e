//! Claims about the ledger as its callers meet it: every store by one suite and one model, the file through crashes,
//! Redis through its own and in every arrangement, and the services over gRPC.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in the functions that they share too")]

mod grpc;
mod ledger_file;
mod ledger_redis;
mod model;
mod operators;
mod redis_server;
mod registry;
mod scene;
mod standings;
mod store_model;
mod store_suite;
