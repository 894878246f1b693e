//! The operator's accounts: those of the configuration, and those of the registry beside them.

use std::collections::HashMap;

use domain::{Account, AccountId, Catalog, CredentialVersion, KnownAccount, Origin};

use crate::{SettingsError, registry::Contents};

/// Every account that somebody told of, in the order in which they count. Those in force are checked against the
/// catalog and against one another.
pub(crate) struct Accounts {
    known: Vec<KnownAccount>,
    credentials: HashMap<AccountId, CredentialVersion>,
}

impl Accounts {
    /// Takes the accounts of the configuration, whose names must differ, whose models the catalog must have, and that
    /// must agree on the quota they share.
    pub(crate) fn new(configured: Vec<Account>, catalog: &Catalog) -> Result<Self, SettingsError> {
        let mut accounts = Self { known: Vec::new(), credentials: HashMap::new() };
        for account in configured {
            if accounts.find(&account.id).is_some() {
                return Err(SettingsError::DuplicateAccount(account.id));
            }
            let account = accounts.fit(account, catalog)?;
            let origin = Origin::Configuration;
            accounts.known.push(KnownAccount { account, origin, credential: None, set_aside: None });
        }
        Ok(accounts)
    }

    /// These accounts and those of the registry, as it lets them be leased. What contradicts an account that counts
    /// more is set aside: a service that runs does not end for what was added to it.
    pub(crate) fn with(&self, registry: &Contents, catalog: &Catalog) -> Self {
        let mut all = Self { known: self.known.clone(), credentials: HashMap::new() };
        for (id, added) in &registry.accounts {
            let credential = Some(added.credential());
            let (account, set_aside) = match all.find(id) {
                Some(_) => (added.account.clone(), Some(shadowed())),
                None => match all.fit(added.account.clone(), catalog) {
                    Ok(account) => (account, None),
                    Err(error) => (added.account.clone(), Some(error.to_string())),
                },
            };
            if set_aside.is_none() {
                all.credentials.insert(id.clone(), added.credential());
            }
            all.known.push(KnownAccount { account, origin: Origin::Registry, credential, set_aside });
        }
        for KnownAccount { account, .. } in &mut all.known {
            account.enabled &= !registry.disabled.contains(&account.id);
        }
        all
    }

    /// The account as it would be beside those in force, or what it contradicts.
    pub(crate) fn fit(&self, mut account: Account, catalog: &Catalog) -> Result<Account, SettingsError> {
        use_public_names(&mut account, catalog)?;
        let same = |known: &&Account| {
            (known.provider, &known.project) == (account.provider, &account.project)
                && (known.limits != account.limits || known.tier != account.tier)
        };
        match self.in_force().find(same) {
            Some(first) => Err(SettingsError::UnequalLimits {
                first: first.id.clone(),
                second: account.id,
                project: account.project,
            }),
            None => Ok(account),
        }
    }

    /// The sealed credential of an account that is in force; none where it is in generation's own configuration.
    pub(crate) fn credential(&self, id: &AccountId) -> Option<CredentialVersion> {
        self.credentials.get(id).copied()
    }

    /// The account of this name; of several the one that counts.
    pub(crate) fn find(&self, id: &AccountId) -> Option<&KnownAccount> {
        self.known.iter().find(|known| known.account.id == *id)
    }

    /// Every account that somebody told of, also those that are not in force.
    pub(crate) fn all(&self) -> &[KnownAccount] {
        &self.known
    }

    /// The accounts that count, also those that are disabled.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = &Account> {
        self.known.iter().filter(|known| known.set_aside.is_none()).map(|known| &known.account)
    }
}

fn shadowed() -> String {
    "the configuration has an account of this name, which counts more; remove one of them".to_owned()
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
    use crate::registry::RegisteredAccount;

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

    #[test]
    fn models_go_by_their_public_name() {
        let aliased = Account { models: vec!["Gemini-3-Pro-Image-Preview".into()], ..account("a", "p") };
        let accounts = Accounts::new(vec![aliased], &Catalog::builtin()).unwrap();
        assert_eq!(accounts.in_force().next().unwrap().models, ["gemini-3-pro-image"]);
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

    fn registry(accounts: Vec<Account>, disabled: &[&str]) -> Contents {
        let added = |account: Account| {
            let sealed = format!("sealed for {}", account.id).into();
            (account.id.clone(), RegisteredAccount { account, sealed })
        };
        let disabled = disabled.iter().map(|id| AccountId::new(*id).unwrap());
        let accounts = accounts.into_iter().map(added);
        Contents { accounts: accounts.collect(), disabled: disabled.collect(), ..Contents::default() }
    }

    #[test]
    fn the_registry_stands_beside_the_configuration_and_disables_what_either_has() {
        let catalog = Catalog::builtin();
        let configured = Accounts::new(vec![account("a", "p"), account("b", "p")], &catalog).unwrap();
        let contents = registry(vec![account("c", "p"), account("d", "q")], &["b", "d", "gone"]);
        let all = configured.with(&contents, &catalog);
        let serving = all.in_force().filter(|account| account.enabled).map(|account| account.id.as_str());
        assert_eq!(serving.collect::<Vec<_>>(), ["a", "c"]);
        let credential = |id: &str| all.credential(&AccountId::new(id).unwrap());
        assert_eq!(credential("a"), None);
        assert!(credential("c").is_some() && credential("c") != credential("d"));
    }

    #[test]
    fn what_contradicts_an_account_that_counts_more_is_set_aside_and_says_why() {
        let catalog = Catalog::builtin();
        let configured = Accounts::new(vec![account("m", "p")], &catalog).unwrap();
        let generous = Account { limits: Limits::new(9, 9, 9, 9), ..account("a", "p") };
        let unknown = Account { models: vec!["dall-e-3".into()], ..account("b", "q") };
        let all = configured.with(&registry(vec![generous, unknown, account("m", "r")], &[]), &catalog);
        let serving = all.in_force().map(|account| account.project.as_str());
        assert_eq!(serving.collect::<Vec<_>>(), ["p"]);
        assert!(all.credential(&AccountId::new("m").unwrap()).is_none());
        let why: Vec<_> = all.all().iter().filter_map(|known| known.set_aside.as_deref()).collect();
        assert!(why[0].contains("`m` and `a` share the quota of project `p`"), "{why:?}");
        assert!(why[1].contains("`dall-e-3`"), "{why:?}");
        assert!(why[2].contains("the configuration has an account of this name"), "{why:?}");
    }
}
