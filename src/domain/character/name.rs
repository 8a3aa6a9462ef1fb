//! The names of characters (`spec/rules.md` section 6).

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Characters of a name, after trimming.
const CHARS: std::ops::RangeInclusive<usize> = 3..=30;

/// A name, and what makes it unique.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// As it is shown: NFC, trimmed.
    pub text: Box<str>,
    /// Case folded: at most one character of a tenant has it. None for the name that a
    /// character first seen on Kafka is given, which claims nothing.
    pub key: Option<Box<str>>,
}

/// Why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameProblem {
    /// Not 3 to 30 characters.
    Length,
    /// Something other than letters, digits, single spaces, hyphen and apostrophe.
    Character,
    /// The catalog keeps it back, or it is one that characters first seen on Kafka get.
    Reserved,
}

impl Name {
    /// A name that somebody chose. Whether the catalog reserves it is for
    /// [`Catalog`](crate::domain::Catalog) to say.
    ///
    /// # Errors
    /// See [`NameProblem`].
    pub fn chosen(text: &str) -> Result<Self, NameProblem> {
        let text = ComposingNormalizer::new_nfc().normalize(text.trim()).into_owned();
        if !CHARS.contains(&text.chars().count()) {
            return Err(NameProblem::Length);
        }
        let is_fit = |c: char| is_written(c) || matches!(c, ' ' | '-' | '\'');
        if !text.chars().all(is_fit) || text.contains("  ") || has_bare_mark(&text) {
            return Err(NameProblem::Character);
        }
        let key = fold(&text);
        // Those of characters that nobody has named.
        let number = key.strip_prefix("character-").unwrap_or_default();
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NameProblem::Reserved);
        }
        Ok(Self { text: text.into(), key: Some(key) })
    }

    /// The name of a character nobody has named.
    pub fn provisional(number: u32) -> Self {
        Self { text: format!("character-{number}").into(), key: None }
    }
}

/// What two names that differ in case alone have in common.
pub fn fold(text: &str) -> Box<str> {
    let folded = CaseMapper::new().fold_string(text);
    ComposingNormalizer::new_nfc().normalize(&folded).into_owned().into()
}

/// A letter or a decimal digit of any script, or a combining mark, for which many scripts have
/// no composed form; nothing that cannot be seen.
fn is_written(c: char) -> bool {
    let category = category(c);
    // Some digits of Chinese and Roman numerals are letter numbers.
    let is_part = GeneralCategoryGroup::Letter.contains(category)
        || is_mark(c)
        || matches!(category, GeneralCategory::DecimalNumber | GeneralCategory::LetterNumber);
    is_part && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(category(c))
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Whether a combining mark has nothing to combine with.
fn has_bare_mark(text: &str) -> bool {
    let before = std::iter::once(' ').chain(text.chars());
    before.zip(text.chars()).any(|(before, c)| is_mark(c) && !is_written(before))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn letters_of_any_script_are_a_name() {
        for text in [
            "Ann",
            "Jean-Luc",
            "O'Neill",
            "Ёлка 7",
            "नमस्ते",
            "小さな猫",
            "二〇〇八",
            "Henry Ⅷ",
            " Trim med ",
        ] {
            assert_eq!(&*Name::chosen(text).unwrap().text, text.trim(), "{text}");
        }
    }

    #[test]
    fn what_is_too_short_too_long_or_unfit_is_none() {
        let long = "x".repeat(31);
        for (text, problem) in [
            ("ab", NameProblem::Length),
            ("  ab  ", NameProblem::Length),
            (&*long, NameProblem::Length),
            ("a  b", NameProblem::Character),
            ("tab\tbed", NameProblem::Character),
            ("nul\0l", NameProblem::Character),
            ("<script>", NameProblem::Character),
            ("smile 😀", NameProblem::Character),
            ("Ann\u{fe0f}", NameProblem::Character),
            ("Ann\u{200b}", NameProblem::Character),
            ("half ½", NameProblem::Character),
            ("Ⓐⓝⓝ", NameProblem::Character),
            ("\u{301}Ann", NameProblem::Character),
            ("Ann \u{301}", NameProblem::Character),
            ("Jean-\u{301}Luc", NameProblem::Character),
            ("character-12", NameProblem::Reserved),
            ("CHARACTER-12", NameProblem::Reserved),
        ] {
            assert_eq!(Name::chosen(text), Err(problem), "{text:?}");
        }
        assert!(Name::chosen(&long[1..]).is_ok());
        assert!(Name::chosen("Character-").is_ok(), "no number");
    }

    #[test]
    fn names_that_differ_in_case_or_composition_alone_share_a_key() {
        let key = |text: &str| Name::chosen(text).unwrap().key.unwrap();
        assert_eq!(key("Straße"), key("STRASSE"));
        assert_eq!(key("Ren\u{e9}e"), key("rene\u{301}e"));
        assert_ne!(key("Anna"), key("Hannah"));
    }

    #[test]
    fn a_provisional_name_claims_nothing() {
        assert_eq!(Name::provisional(7), Name { text: "character-7".into(), key: None });
    }
}
