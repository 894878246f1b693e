//! A simulated provider in a process of its own, and a Tessera before it with one account.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

use crate::process::{Server, printed, tessera};

/// The provider.
pub(crate) struct Provider(Server);

/// One line of its arrival log.
#[derive(Debug, Deserialize)]
pub(crate) struct Arrival {
    pub(crate) status: Option<u16>,
    pub(crate) provider: String,
    pub(crate) prompt: String,
    pub(crate) person_generation: Option<String>,
}

impl Provider {
    /// Starts it with a script, which is kept in `home`.
    pub(crate) fn start(home: &Path, script: &str) -> Self {
        let file = home.join("script.toml");
        fs::write(&file, script).unwrap();
        let mut command = tessera(["simulator", "--listen", "127.0.0.1:0", "--script"]);
        command.arg(file);
        Self(Server::start(command))
    }

    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }

    /// Has it follow another script from now on.
    pub(crate) fn follow(&self, script: &str) {
        self.curl("/admin/script", &["-X", "POST", "--data-binary", script]);
    }

    /// Every call that reached it.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        serde_json::from_str(&self.curl("/admin/arrivals", &[])).unwrap()
    }

    /// Returns once a call has reached it.
    pub(crate) fn until_called(&self) {
        while self.arrivals().is_empty() {}
    }

    /// A configuration that calls it with one account, `extra` being more keys of that account.
    pub(crate) fn configuration(&self, home: &Path, extra: &str) -> PathBuf {
        let file = home.join("tessera.toml");
        let url = self.url();
        let text = format!(
            "[generation]\ndeadline_seconds = 20\n[generation.gemini]\nbase_url = '{url}'\n\
             [[accounts]]\nid = 'a'\nprovider = 'gemini'\nproject = 'p'\ntier = 'pro'\napi_key = 'AIza-a'\n{extra}\n"
        );
        fs::write(&file, text).unwrap();
        file
    }

    fn curl(&self, path: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("curl");
        command.arg("-fsS").args(arguments).arg(format!("{}{path}", self.url()));
        printed(command).join("\n")
    }
}
