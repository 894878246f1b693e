//! The roles, as commands that look at the configuration name them.

use clap::ValueEnum;

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The edge.
    Gateway,
    /// The core.
    Generation,
    /// The ledger.
    Quota,
}

impl Role {
    /// What its command and its certificates call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Generation => "generation",
            Self::Quota => "quota",
        }
    }

    /// Whether it looks at what is in the section or list of this name.
    pub(crate) fn reads(self, section: &str) -> bool {
        match section {
            "gateway" => self == Self::Gateway,
            "generation" => self == Self::Generation,
            "quota" | "clients" => self == Self::Quota,
            "accounts" => self != Self::Gateway,
            _ => true,
        }
    }
}
