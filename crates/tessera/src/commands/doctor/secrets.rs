//! Whether every secret that the configuration names can be had.

use gateway::console::ConsoleToken;

use super::{Finding, Patient};
use crate::{config::SecretSource, key};

/// Looks at the keys of clients, at what they are hashed with, at what opens sealed credentials, and at what opens the
/// console. Those of accounts are looked at with the accounts.
pub(super) fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if patient.has("quota") {
        found.extend(patient.config.clients.iter().map(|client| {
            let check = format!("client {}", client.client.id);
            had(patient, check, &client.key, "its key can be had")
        }));
        found.push(pepper(patient));
    }
    if patient.has("generation") {
        found.push(sealing_key(patient));
    }
    if patient.has("gateway") {
        found.extend(patient.config.console_token.as_ref().map(|source| console_token(patient, source)));
    }
    found
}

fn had(patient: &Patient<'_>, check: impl Into<String>, source: &SecretSource, well: &str) -> Finding {
    match source.resolve(patient.environment) {
        Ok(_) => Finding::ok(check, well),
        Err(error) => Finding::failure(check, error, remedy(source)),
    }
}

/// What to do where a secret cannot be had from there.
pub(super) fn remedy(source: &SecretSource) -> String {
    match source {
        SecretSource::Inline(_) => "write it into the configuration".to_owned(),
        SecretSource::Variable(name) => format!("set {name} where Tessera is started"),
        SecretSource::File(path) => {
            format!("put it into {}, readable for the user that runs Tessera", path.display())
        }
    }
}

fn pepper(patient: &Patient<'_>) -> Finding {
    const CHECK: &str = "key pepper";
    let quota = &patient.config.quota;
    match (&quota.pepper, &quota.store) {
        (Some(source), _) => match source.resolve(patient.environment) {
            Ok(pepper) if quota::is_weak_pepper(&pepper) => Finding::failure(
                CHECK,
                "is so short that it protects nothing, and no quota service starts with it",
                "use what `openssl rand -hex 32` prints",
            ),
            Ok(_) => Finding::ok(CHECK, "can be had"),
            Err(error) => Finding::failure(CHECK, error, remedy(source)),
        },
        (None, Some(quota::store::Location::Redis(_))) => Finding::warning(
            CHECK,
            "is made by each quota service for itself, so that a client key opens one of them alone",
            "set quota.key_pepper_file to the same secret for all of them",
        ),
        (None, _) => Finding::ok(CHECK, "is kept in the data directory"),
    }
}

fn console_token(patient: &Patient<'_>, source: &SecretSource) -> Finding {
    const CHECK: &str = "console token";
    match source.resolve(patient.environment).map(|token| ConsoleToken::of(&token)) {
        Ok(Ok(_)) => Finding::ok(CHECK, "can be had"),
        Ok(Err(weak)) => Finding::failure(CHECK, "is too short", weak.to_string()),
        Err(error) => Finding::failure(CHECK, error, remedy(source)),
    }
}

fn sealing_key(patient: &Patient<'_>) -> Finding {
    const CHECK: &str = "sealing key";
    match key::sealing(patient.config, patient.environment) {
        Ok(Some(_)) => Finding::ok(CHECK, "can be had and is a key"),
        Ok(None) if patient.role.is_none() => Finding::ok(CHECK, "is kept in the data directory"),
        Ok(None) => Finding::warning(
            CHECK,
            "is not set, so that no account can be added at run time",
            "set generation.sealing_key_file to what `openssl rand -hex 32` prints",
        ),
        Err(error) => Finding::failure(
            CHECK,
            error.to_string(),
            "have generation.sealing_key name 64 hexadecimal digits, such as `openssl rand -hex 32` prints",
        ),
    }
}
