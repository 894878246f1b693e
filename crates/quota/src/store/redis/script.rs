//! The scripts, one for each operation. Each `.lua` file says what it is asked and what it answers.

use ::redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, Value};

use super::connection::Connection;

/// One script, and the digest that servers know it by.
pub(super) struct Script {
    text: String,
    digest: String,
}

impl Script {
    fn new(text: String) -> Self {
        Self { digest: ::redis::Script::new(&text).get_hash().to_owned(), text }
    }
}

/// Every operation's script.
pub(super) struct Scripts {
    pub(super) acquire: Script,
    pub(super) renew: Script,
    pub(super) settle: Script,
    pub(super) release: Script,
    pub(super) expire: Script,
    pub(super) standing: Script,
    pub(super) testify: Script,
    pub(super) usage: Script,
    pub(super) totals: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |parts: &[&str]| Script::new(parts.concat());
        let ledger = include_str!("ledger.lua");
        let close = concat!(include_str!("record.lua"), include_str!("close.lua"));
        let record = include_str!("record.lua");
        let incarnation = include_str!("incarnation.lua");
        let grant = include_str!("grant.lua");
        Self {
            acquire: script(&[ledger, incarnation, grant, include_str!("acquire.lua")]),
            renew: script(&[ledger, include_str!("renew.lua")]),
            settle: script(&[ledger, close, include_str!("settle.lua")]),
            release: script(&[ledger, close, include_str!("release.lua")]),
            expire: script(&[ledger, incarnation, record, include_str!("expire.lua")]),
            standing: script(&[ledger, include_str!("standing.lua")]),
            testify: script(&[ledger, incarnation, grant, include_str!("testify.lua")]),
            usage: script(&[ledger, include_str!("usage.lua")]),
            totals: script(&[ledger, include_str!("totals.lua")]),
        }
    }
}

/// Runs a script by its digest; a server that does not know it, being new or emptied, is sent the whole text.
pub(super) async fn run(
    connection: &mut Connection,
    script: &Script,
    root: &str,
    arguments: &[String; 5],
) -> RedisResult<Value> {
    let by = |name: &str, script: &str| -> Cmd {
        let mut command = ::redis::cmd(name);
        command.arg(script).arg(1).arg(root).arg(arguments);
        command
    };
    match connection.send(&by("EVALSHA", &script.digest)).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            connection.send(&by("EVAL", &script.text)).await
        }
        answer => answer,
    }
}
