//! How operators' commands reach a Tessera that runs.
//!
//! `tessera up` serves them on a socket in its data directory; the roles of a cluster on their own ports. What is
//! named on the command line or in the environment counts; else the socket, where there is one; else the ports of
//! this machine.

use anyhow::anyhow;
use clap::Args;
use domain::Failure;
use proto::{
    carried_by,
    transport::{self, Channel},
};
use tonic::Status;

use crate::{
    config::{ConfigFile, Environment},
    data_dir::DataDirOption,
    operator_socket,
};

/// Where a Tessera runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where Tessera runs")]
pub(crate) struct OperatorOptions {
    #[arg(
        long,
        value_name = "URL",
        env = "TESSERA_QUOTA_URL",
        hide_env_values = true,
        help = "Where quota is [default: the socket of `tessera up`, or http://127.0.0.1:8051]"
    )]
    quota_url: Option<String>,
    #[arg(
        long,
        value_name = "URL",
        env = "TESSERA_GENERATION_URL",
        hide_env_values = true,
        help = "Where generation is [default: the socket of `tessera up`, or http://127.0.0.1:8050]"
    )]
    generation_url: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    data_dir: DataDirOption,
}

/// A service of a Tessera that runs, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    channel: Channel,
    place: String,
}

impl OperatorOptions {
    /// The ledger. It is connected to when it is first asked.
    pub(crate) fn quota(&self, environment: &Environment) -> anyhow::Result<Remote> {
        self.remote(self.quota_url.as_deref(), 8051, environment)
    }

    /// The core. It is connected to when it is first asked.
    pub(crate) fn generation(&self, environment: &Environment) -> anyhow::Result<Remote> {
        self.remote(self.generation_url.as_deref(), 8050, environment)
    }

    fn remote(&self, url: Option<&str>, port: u16, environment: &Environment) -> anyhow::Result<Remote> {
        let socket = self.data_dir.path(environment).map(|data| operator_socket::path(&data));
        let place = match (url.filter(|url| !url.is_empty()), socket.filter(|socket| socket.exists())) {
            (Some(url), _) => url.to_owned(),
            (None, Some(socket)) => format!("unix:{}", socket.display()),
            (None, None) => format!("http://127.0.0.1:{port}"),
        };
        let identity = self.config.identity_for(&place, environment)?;
        let channel = transport::connect_as(&place, identity.as_ref())?;
        Ok(Remote { channel, place })
    }
}

impl Remote {
    /// The way to it, for a gRPC client.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// What a refusal means, in words for the operator: what the service said, or that nobody answers.
    pub(crate) fn told(&self, status: &Status) -> anyhow::Error {
        match carried_by(status) {
            Some(Failure { message, .. }) => anyhow!(message),
            None => anyhow!(
                "no Tessera answers at {} ({}); start one, or say where it runs with --quota-url and \
                 --generation-url",
                self.place,
                status.message()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        operator: OperatorOptions,
    }

    fn place(arguments: &[&str]) -> String {
        let line = Line::try_parse_from([&["tessera"], arguments].concat()).unwrap();
        line.operator.quota(&Environment::default()).unwrap().place
    }

    #[tokio::test]
    async fn what_is_named_counts_then_the_socket_then_the_port() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().to_str().unwrap();
        assert_eq!(place(&["--data-dir", data]), "http://127.0.0.1:8051");
        std::fs::write(operator_socket::path(home.path()), "").unwrap();
        assert_eq!(place(&["--data-dir", data]), format!("unix:{data}/tessera.sock"));
        assert_eq!(place(&["--data-dir", data, "--quota-url", "http://quota:8051"]), "http://quota:8051");
    }
}
