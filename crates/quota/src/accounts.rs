//! The operator's accounts.

use std::collections::HashMap;

use domain::{Account, AccountId, Catalog, Model};

use crate::SettingsError;

/// Every account, checked against the catalog and against one another.
pub(crate) struct Accounts(Vec<Account>);

impl Accounts {
    /// Takes accounts whose names differ, whose models the catalog has, and that agree on the quota they share.
    pub(crate) fn new(mut accounts: Vec<Account>, catalog: &Catalog) -> Result<Self, SettingsError> {
        let mut names = std::collections::HashSet::new();
        let mut projects: HashMap<_, &Account> = HashMap::new();
        for account in &mut accounts {
            use_public_names(account, catalog)?;
        }
        for account in &accounts {
            if !names.insert(&account.id) {
                return Err(SettingsError::DuplicateAccount(account.id.clone()));
            }
            let first = *projects.entry((account.provider, &account.project)).or_insert(account);
            if first.limits != account.limits || first.tier != account.tier {
                return Err(SettingsError::UnequalLimits {
                    first: first.id.clone(),
                    second: account.id.clone(),
                    project: account.project.clone(),
                });
            }
        }
        Ok(Self(accounts))
    }

    /// The accounts that may draw with a model, apart from those excluded.
    pub(crate) fn serving<'a>(
        &'a self,
        model: &'a Model,
        excluded: &'a [AccountId],
    ) -> impl Iterator<Item = &'a Account> {
        self.0.iter().filter(|account| {
            account.may_use(&model.name)
                && model.upstream_id(account.provider).is_some()
                && account.limits.most_at_once() > 0
                && !excluded.contains(&account.id)
        })
    }
}

/// An account may be told of a model by any of its names; inside, each model has one.
fn use_public_names(account: &mut Account, catalog: &Catalog) -> Result<(), SettingsError> {
    for name in &mut account.models {
        let Some(model) = catalog.find(name) else {
            return Err(SettingsError::UnknownModel { account: account.id.clone(), model: name.clone() });
        };
        name.clone_from(&model.name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::{Limits, ProjectId, Provider, Tier};

    use super::*;

    fn account(id: &str, project: &str) -> Account {
        Account {
            id: AccountId::new(id).unwrap(),
            provider: Provider::Gemini,
            project: ProjectId::new(project).unwrap(),
            tier: Tier::Pro,
            models: vec![],
            limits: Tier::Pro.default_limits(),
            enabled: true,
        }
    }

    fn serving(accounts: Vec<Account>, excluded: &[&str]) -> Vec<String> {
        let catalog = Catalog::builtin();
        let excluded: Vec<_> = excluded.iter().map(|id| AccountId::new(*id).unwrap()).collect();
        let accounts = Accounts::new(accounts, &catalog).unwrap();
        accounts.serving(catalog.default_model(), &excluded).map(|account| account.id.to_string()).collect()
    }

    #[test]
    fn only_enabled_allowed_and_not_excluded_accounts_serve() {
        let disabled = Account { enabled: false, ..account("disabled", "p1") };
        let other = Account { models: vec!["gemini-3.1-flash-image".into()], ..account("other", "p2") };
        let nothing = Account { limits: Limits::new(0, 1, 1, 1), ..account("nothing", "p3") };
        let aliased =
            Account { models: vec!["Gemini-3-Pro-Image-Preview".into()], ..account("aliased", "p4") };
        let accounts = vec![disabled, other, nothing, aliased, account("failed", "p5"), account("any", "p5")];
        assert_eq!(serving(accounts, &["failed"]), ["aliased", "any"]);
    }

    #[test]
    fn accounts_that_contradict_one_another_are_refused_by_name() {
        let catalog = Catalog::builtin();
        let refused = |accounts| match Accounts::new(accounts, &catalog) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        let twice = refused(vec![account("a", "p"), account("a", "q")]);
        assert!(twice.contains("`a` is configured twice"), "{twice}");
        let generous = Account { limits: Limits::new(9, 9, 9, 9), ..account("b", "p") };
        let unequal = refused(vec![account("a", "p"), generous.clone()]);
        assert!(unequal.contains("`a` and `b` share the quota of project `p`"), "{unequal}");
        let elsewhere = Account { provider: Provider::Vertex, ..generous };
        assert_eq!(refused(vec![account("a", "p"), elsewhere]), "");
        let unknown = refused(vec![Account { models: vec!["dall-e-3".into()], ..account("a", "p") }]);
        assert!(unknown.contains("`dall-e-3`, which is not in the catalog"), "{unknown}");
    }
}
