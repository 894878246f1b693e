//! The direction of dependencies, as a table that is held against the manifests.
//!
//! `domain ← proto ← {gateway, generation, quota} ← tessera`; the three services never meet but over gRPC. A
//! library that stands for a technology has one home, so that it can be replaced there. What tests alone depend
//! on is free.

use crate::workspace::Workspace;

/// Each of our crates, and which others of ours it may name.
const OURS: [(&str, &[&str]); 10] = [
    ("domain", &[]),
    ("proto", &["domain"]),
    ("telemetry", &["domain"]),
    ("gateway", &["domain", "proto", "telemetry"]),
    ("generation", &["domain", "proto", "telemetry"]),
    ("quota", &["domain", "proto", "telemetry"]),
    ("simulator", &["domain"]),
    ("tessera", &["domain", "proto", "telemetry", "gateway", "generation", "quota", "simulator"]),
    ("bench", &["domain", "proto", "quota", "simulator"]),
    ("xtask", &[]),
];

/// Each library that has a home, and the crates that may name it.
const HOMES: [(&str, &[&str]); 5] = [
    ("axum", &["gateway", "simulator"]),
    ("reqwest", &["generation", "tessera", "bench"]),
    ("redis", &["quota", "bench"]),
    ("redb", &["quota"]),
    ("anyhow", &["tessera", "bench", "xtask"]),
];

/// Every dependency that the tables do not allow, as a sentence.
fn violations(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for package in &workspace.packages {
        let Some((_, allowed)) = OURS.iter().find(|(name, _)| *name == package.name) else {
            violations.push(format!("{} has no place in the table of layers", package.name));
            continue;
        };
        for used in package.dependencies.iter().filter(|used| used.kind.as_deref() != Some("dev")) {
            let ours = OURS.iter().any(|(name, _)| *name == used.name);
            let home = HOMES.iter().find(|(library, _)| *library == used.name);
            if ours && !allowed.contains(&used.name.as_str()) {
                violations.push(format!("{} must not depend on {}", package.name, used.name));
            }
            if let Some((library, crates)) = home.filter(|(_, home)| !home.contains(&package.name.as_str())) {
                violations.push(format!("{} must not use {library}: it lives in {crates:?}", package.name));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Dependency, Package};

    /// A workspace of one crate with dependencies written as `quota` or `dev:quota`.
    fn workspace(name: &str, dependencies: &[&str]) -> Workspace {
        let dependency = |text: &&str| {
            let (kind, name) = text.split_once(':').map_or((None, *text), |(kind, name)| (Some(kind), name));
            Dependency { name: name.to_owned(), kind: kind.map(str::to_owned) }
        };
        let dependencies = dependencies.iter().map(dependency).collect();
        let packages = vec![Package { name: name.to_owned(), dependencies }];
        Workspace { packages, root: ".".into(), target_directory: "target".into() }
    }

    #[test]
    fn every_crate_keeps_to_its_layer() {
        let workspace = Workspace::read().unwrap();
        assert_eq!(workspace.packages.len(), OURS.len());
        assert_eq!(violations(&workspace), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_dependency_is_caught() {
        for (name, dependency, sentence) in [
            ("domain", "proto", "domain must not depend on proto"),
            ("proto", "telemetry", "proto must not depend on telemetry"),
            ("gateway", "quota", "gateway must not depend on quota"),
            ("quota", "generation", "quota must not depend on generation"),
            ("generation", "build:gateway", "generation must not depend on gateway"),
            ("simulator", "tessera", "simulator must not depend on tessera"),
            ("generation", "axum", r#"generation must not use axum: it lives in ["gateway", "simulator"]"#),
            ("gateway", "redb", r#"gateway must not use redb: it lives in ["quota"]"#),
            ("helpers", "serde", "helpers has no place in the table of layers"),
        ] {
            assert_eq!(violations(&workspace(name, &["serde", dependency])), [sentence]);
        }
    }

    #[test]
    fn what_only_tests_depend_on_is_free() {
        assert!(violations(&workspace("generation", &["domain", "dev:simulator", "dev:axum"])).is_empty());
    }
}
