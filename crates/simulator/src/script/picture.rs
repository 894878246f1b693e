//! What the pictures are like.

use serde::Deserialize;

/// The pictures that every answer carries unless a fault says otherwise.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "Table")]
pub(crate) struct Pictures {
    pub(crate) format: Format,
    /// Where given, pictures are drawn once per size, plain, and are exactly this long.
    pub(crate) bytes: Option<usize>,
    /// How many interim pictures precede the final one.
    pub(crate) drafts: u8,
}

/// How pictures are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Png,
    Jpeg,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    format: Format,
    bytes: Option<usize>,
    #[serde(default)]
    drafts: u8,
}

impl TryFrom<Table> for Pictures {
    type Error = &'static str;

    fn try_from(Table { format, bytes, drafts }: Table) -> Result<Self, Self::Error> {
        if drafts > 2 {
            return Err("drafts must be 0, 1 or 2");
        }
        if bytes.is_some() && format != Format::Png {
            return Err("bytes can be given for the format png only");
        }
        if bytes.is_some_and(|bytes| bytes > 1 << 30) {
            return Err("bytes must be at most 1073741824");
        }
        Ok(Self { format, bytes, drafts })
    }
}
