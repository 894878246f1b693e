//! Keys as they stand in a file or in Redis: words parted by spaces, which no identifier contains.

use domain::{AccountId, ProjectId, QuotaDomain};

use crate::store::scope::Scope;

/// The words of a domain.
pub(crate) fn domain(domain: &QuotaDomain) -> String {
    format!("{} {} {}", domain.provider, domain.project, domain.model)
}

/// The domain of these words.
pub(crate) fn read_domain(words: &str) -> Result<QuotaDomain, String> {
    let [provider, project, model] = words.splitn(3, ' ').collect::<Vec<_>>()[..] else {
        return Err(format!("`{words}` is no domain"));
    };
    Ok(QuotaDomain {
        provider: provider.parse().map_err(told)?,
        project: ProjectId::new(project).map_err(told)?,
        model: model.into(),
    })
}

/// The words of what a cooldown lies on.
pub(crate) fn scope(scope: &Scope) -> String {
    match scope {
        Scope::Domain(within) => format!("domain {}", domain(within)),
        Scope::Account(account) => format!("account {account}"),
        Scope::Access(account, model) => format!("access {account} {model}"),
        Scope::Project(provider, project) => format!("project {provider} {project}"),
        Scope::Pool(provider, model) => format!("pool {provider} {model}"),
    }
}

/// What a cooldown of these words lies on.
pub(crate) fn read_scope(words: &str) -> Result<Scope, String> {
    let unknown = || format!("`{words}` is nothing that rests");
    let (kind, rest) = words.split_once(' ').ok_or_else(unknown)?;
    let pair = || rest.split_once(' ').ok_or_else(unknown);
    let account = |id: &str| AccountId::new(id).map_err(told);
    match kind {
        "domain" => Ok(Scope::Domain(read_domain(rest)?)),
        "account" => Ok(Scope::Account(account(rest)?)),
        "access" => {
            let (id, model) = pair()?;
            Ok(Scope::Access(account(id)?, model.into()))
        }
        "project" => {
            let (provider, project) = pair()?;
            Ok(Scope::Project(provider.parse().map_err(told)?, ProjectId::new(project).map_err(told)?))
        }
        "pool" => {
            let (provider, model) = pair()?;
            Ok(Scope::Pool(provider.parse().map_err(told)?, model.into()))
        }
        _ => Err(unknown()),
    }
}

/// An error in words.
pub(crate) fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use domain::Provider;

    use super::*;

    #[test]
    fn whatever_rests_is_read_as_it_was_written() {
        let account = || AccountId::new("a/b:c").unwrap();
        let project = ProjectId::new("p/q").unwrap();
        let within =
            QuotaDomain { provider: Provider::Vertex, project: project.clone(), model: "m/n".into() };
        for rests in [
            Scope::Domain(within),
            Scope::Account(account()),
            Scope::Access(account(), "m/n".into()),
            Scope::Project(Provider::Gemini, project),
            Scope::Pool(Provider::Gemini, "m".into()),
        ] {
            assert_eq!(read_scope(&scope(&rests)), Ok(rests));
        }
        for nonsense in ["", "account", "account two words", "pool m", "planet earth", "domain gemini p"] {
            assert!(read_scope(nonsense).is_err(), "{nonsense:?} was read");
        }
    }
}
