//! The suffix grammar: `gemini-3-pro-image-16-9-4k` is a model, a shape and a resolution.

use crate::{AspectRatio, Catalog, Model, Resolution};

/// A model name taken apart.
#[derive(Debug, Clone, Copy)]
pub struct NamedModel<'a> {
    /// The catalog's entry.
    pub model: &'a Model,
    /// The shape a suffix asked for.
    pub aspect_ratio: Option<AspectRatio>,
    /// The resolution a suffix asked for.
    pub resolution: Option<Resolution>,
}

/// Why a model name means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownModel {
    /// No catalog entry has this name, with or without its suffixes.
    #[error(
        "the model `{name}` does not exist; available are {available}, each with optional suffixes such as -16-9 and -4k"
    )]
    NotInCatalog {
        /// The name as it was asked for, shortened.
        name: String,
        /// The catalog's names, comma separated.
        available: String,
    },
    /// Two suffixes of one kind disagree.
    #[error("the model name `{name}` asks for both {first} and {second}; name one")]
    Contradiction {
        /// The name as it was asked for, shortened.
        name: String,
        /// What stands first in the name.
        first: String,
        /// What stands after it.
        second: String,
    },
}

/// One suffix.
enum Suffix {
    Ratio(AspectRatio),
    Resolution(Resolution),
}

/// Takes a name apart: whole tokens are read from its end until what remains is a name of the catalog, so the
/// longest catalog name wins over suffixes. Letter case does not matter.
pub fn parse<'a>(name: &str, catalog: &'a Catalog) -> Result<NamedModel<'a>, UnknownModel> {
    let shown = || name.chars().take(80).collect::<String>();
    let not_found = || UnknownModel::NotInCatalog { name: shown(), available: catalog.names().join(", ") };
    let contradiction =
        |first: String, second: String| UnknownModel::Contradiction { name: shown(), first, second };
    let (mut aspect_ratio, mut resolution) = (None, None);
    let mut rest = name.trim();
    loop {
        if let Some(model) = catalog.find(rest) {
            return Ok(NamedModel { model, aspect_ratio, resolution });
        }
        let (shorter, suffix) = split_suffix(rest).ok_or_else(not_found)?;
        match suffix {
            Suffix::Ratio(new) => {
                keep(&mut aspect_ratio, new)
                    .map_err(|old| contradiction(new.to_string(), old.to_string()))?;
            }
            Suffix::Resolution(new) => {
                keep(&mut resolution, new).map_err(|old| contradiction(new.to_string(), old.to_string()))?;
            }
        }
        rest = shorter;
    }
}

/// Takes the last suffix off a name.
fn split_suffix(name: &str) -> Option<(&str, Suffix)> {
    let (rest, last) = name.rsplit_once('-')?;
    if let Some(resolution) = resolution(last) {
        return Some((rest, Suffix::Resolution(resolution)));
    }
    if let Ok(ratio) = last.parse() {
        return Some((rest, Suffix::Ratio(ratio)));
    }
    let (shorter, _) = rest.rsplit_once('-')?;
    let ratio = name[shorter.len() + 1..].parse().ok()?;
    Some((shorter, Suffix::Ratio(ratio)))
}

fn resolution(token: &str) -> Option<Resolution> {
    if token.eq_ignore_ascii_case("hd") {
        return Some(Resolution::K4);
    }
    Resolution::ALL.into_iter().find(|resolution| resolution.as_str().eq_ignore_ascii_case(token))
}

/// Keeps a value unless another one is already kept, which is then the error.
fn keep<T: PartialEq + Copy>(slot: &mut Option<T>, new: T) -> Result<(), T> {
    match *slot {
        Some(old) if old != new => Err(old),
        _ => {
            *slot = Some(new);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(name: &str) -> (String, Option<String>, Option<String>) {
        let catalog = Catalog::builtin();
        let named = parse(name, &catalog).unwrap_or_else(|error| panic!("{name}: {error}"));
        (
            named.model.name.clone(),
            named.aspect_ratio.map(|ratio| ratio.to_string()),
            named.resolution.map(|resolution| resolution.to_string()),
        )
    }

    fn spellings(ratio: AspectRatio) -> Vec<String> {
        let (w, h) = ratio.terms();
        vec![format!("{w}-{h}"), format!("{w}x{h}"), format!("{w}:{h}"), format!("{w}X{h}")]
    }

    fn resolution_spellings(resolution: Resolution) -> &'static [&'static str] {
        match resolution {
            Resolution::P512 => &["512"],
            Resolution::K1 => &["1k", "1K"],
            Resolution::K2 => &["2k", "2K"],
            Resolution::K4 => &["4k", "4K", "hd", "HD", "Hd"],
        }
    }

    #[test]
    fn no_suffix_is_misread_in_any_combination() {
        for model in
            ["gemini-3-pro-image", "gemini-3.1-flash-image", "gemini-nano-banana-2.1", "GEMINI-3-Pro-Image"]
        {
            let expected_model = model.to_lowercase();
            for ratio in AspectRatio::ALL {
                for ratio_text in spellings(ratio) {
                    let (name, shape, size) = read(&format!("{model}-{ratio_text}"));
                    assert_eq!((name, shape, size), (expected_model.clone(), Some(ratio.to_string()), None));
                    for resolution in Resolution::ALL {
                        for resolution_text in resolution_spellings(resolution) {
                            let expected = (
                                expected_model.clone(),
                                Some(ratio.to_string()),
                                Some(resolution.to_string()),
                            );
                            assert_eq!(read(&format!("{model}-{ratio_text}-{resolution_text}")), expected);
                            assert_eq!(read(&format!("{model}-{resolution_text}-{ratio_text}")), expected);
                            let upper = format!("{model}-{ratio_text}-{resolution_text}").to_uppercase();
                            assert_eq!(read(&upper), expected);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_examples_of_the_documentation_hold() {
        let row = |name: &str| {
            let (_, ratio, resolution) = read(name);
            (ratio.unwrap_or_default(), resolution.unwrap_or_default())
        };
        let pair = |ratio: &str, resolution: &str| (ratio.to_owned(), resolution.to_owned());
        assert_eq!(row("gemini-3-pro-image-16-9-4k"), pair("16:9", "4K"));
        assert_eq!(row("gemini-3-pro-image-1-1-2k"), pair("1:1", "2K"));
        assert_eq!(row("gemini-3-pro-image-21-9"), pair("21:9", ""));
        assert_eq!(row("gemini-3-pro-image-2-3-2k"), pair("2:3", "2K"));
        assert_eq!(row("gemini-3-pro-image-2-3-4k"), pair("2:3", "4K"));
        assert_eq!(row("gemini-3-pro-image-4-5-4k"), pair("4:5", "4K"));
        assert_eq!(row("gemini-3-pro-image-1-1-4k"), pair("1:1", "4K"));
        assert_eq!(row("gemini-3-pro-image-preview-hd"), pair("", "4K"));
        assert_eq!(row("gemini-3-pro-image-4k-4k"), pair("", "4K"));
    }

    #[test]
    fn a_catalog_name_that_looks_like_a_suffix_wins() {
        let mut model = Catalog::builtin().default_model().clone();
        model.name = "studio-16-9".into();
        model.aliases = vec!["studio-16-9-4k".into()];
        let catalog = Catalog::new(vec![model], "studio-16-9").unwrap();
        let plain = parse("studio-16-9", &catalog).unwrap();
        assert_eq!((plain.aspect_ratio, plain.resolution), (None, None));
        let alias = parse("Studio-16-9-4K", &catalog).unwrap();
        assert_eq!((alias.aspect_ratio, alias.resolution), (None, None));
        let suffixed = parse("studio-16-9-2k", &catalog).unwrap();
        assert_eq!((suffixed.aspect_ratio, suffixed.resolution), (None, Some(Resolution::K2)));
    }

    #[test]
    fn unknown_names_and_contradictions_are_told_apart() {
        let catalog = Catalog::builtin();
        for name in [
            "",
            "-",
            "-4k",
            "gpt-image-1",
            "gemini-3-pro-image-7-5",
            "gemini-3-pro-image-8k",
            "gemini-3-pro-image-",
            "gemini-3-pro-image--4k",
        ] {
            assert!(matches!(parse(name, &catalog), Err(UnknownModel::NotInCatalog { .. })), "{name}");
        }
        let error = parse("gemini-3-pro-image-2k-4k", &catalog).unwrap_err();
        assert!(error.to_string().contains("both 2K and 4K"), "{error}");
        assert!(matches!(
            parse("gemini-3-pro-image-16-9-1-1", &catalog),
            Err(UnknownModel::Contradiction { .. })
        ));
    }

    proptest! {
        #[test]
        fn no_name_makes_the_reader_panic(name in "\\PC{0,80}") {
            let _ = parse(&name, &Catalog::builtin());
        }

        #[test]
        fn no_tail_of_a_known_name_makes_the_reader_panic(tail in "[-0-9kx:é]{0,20}") {
            let _ = parse(&format!("gemini-3-pro-image{tail}"), &Catalog::builtin());
        }
    }
}
