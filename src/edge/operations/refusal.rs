//! What a refusal says about the request: the field that is to blame, and what could be chosen.

use super::super::http::error::{Code, Error};
use crate::domain::Reason;
use crate::domain::catalog::characters::{Characters, Look, MOVEMENT_TYPES};
use crate::domain::character::{Action, Trait};

/// What of a request is needed to explain why it was refused.
pub struct Asked {
    /// As `Creation` and `Appearance` have them; empty for any other request.
    looks: Vec<(Box<str>, Trait)>,
}

impl Asked {
    pub fn of(action: &Action) -> Self {
        let looks = match action {
            Action::Create(creation, _) => creation.appearance.clone(),
            Action::Appearance { fields, .. } => fields.clone(),
            _ => Vec::new(),
        };
        Self { looks }
    }

    /// The error of a refused request.
    pub fn refused(&self, reason: Reason, known: &Characters) -> Error {
        let detail = match reason {
            Reason::UnknownClass => one_of("class_type", sorted(known.classes.keys())),
            Reason::UnknownRace => one_of("race", sorted(known.races.iter())),
            Reason::UnknownGender => one_of("gender", sorted(known.genders.iter())),
            Reason::UnknownStat => one_of("a stat", known.stats.iter().map(|name| &**name)),
            Reason::UnknownMovement => {
                let added = sorted(known.movement_types.iter());
                one_of("movement_type", MOVEMENT_TYPES.into_iter().chain(added))
            }
            Reason::UnknownSlot => "slot_number: there is no such slot".to_owned(),
            Reason::NameReserved | Reason::NameTaken => format!("name: {}", title(reason)),
            Reason::NumberTaken => format!("number: {}", title(reason)),
            Reason::SlotOccupied => format!("slot_number: {}", title(reason)),
            Reason::UnknownAppearance | Reason::InvalidAppearance => self.looks(reason, known),
            _ => return reason.into(),
        };
        Error::new(Code::Reason(reason), detail)
    }

    /// The first field that is wrong. The catalog may have been replaced since: then there is
    /// none, and the refusal stands by itself.
    fn looks(&self, reason: Reason, known: &Characters) -> String {
        let is_wrong =
            |(field, value): &&(Box<str>, Trait)| known.check(field, value) == Err(reason);
        let Some((field, _)) = self.looks.iter().find(is_wrong) else {
            return title(reason).to_owned();
        };
        match known.appearance.iter().find(|(name, _)| name == field) {
            Some((_, Look::Number { min, max, .. })) => {
                format!("{field}: must be a whole number from {min} to {max}")
            }
            Some((_, Look::Color { .. })) => format!("{field}: must be a colour like #5A3825"),
            None => {
                let fields = known.appearance.iter().map(|(name, _)| &**name);
                format!("{field}: {}", one_of("a field", fields))
            }
        }
    }
}

fn title(reason: Reason) -> &'static str {
    Code::Reason(reason).title()
}

fn one_of<'a>(field: &str, choices: impl IntoIterator<Item = &'a str>) -> String {
    let choices: Vec<_> = choices.into_iter().collect();
    format!("{field} is one of {}", choices.join(", "))
}

/// The catalog keeps some of its words without an order.
fn sorted<'a>(words: impl Iterator<Item = &'a Box<str>>) -> Vec<&'a str> {
    let mut words: Vec<&str> = words.map(|word| &**word).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Catalog;

    fn detail(reason: Reason, looks: &[(&str, Trait)]) -> String {
        let looks = looks.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        let error = Asked { looks }.refused(reason, &Catalog::builtin().characters);
        assert_eq!(error.code, Code::Reason(reason));
        error.detail().to_owned()
    }

    #[test]
    fn a_word_the_catalog_lacks_is_told_with_those_it_has() {
        assert_eq!(detail(Reason::UnknownGender, &[]), "gender is one of female, male, other");
        assert!(detail(Reason::UnknownClass, &[]).starts_with("class_type is one of druid, mage"));
        assert!(detail(Reason::UnknownStat, &[]).contains("strength, agility"));
        assert!(detail(Reason::UnknownMovement, &[]).contains("walk, run"));
        assert_eq!(detail(Reason::NameTaken, &[]), "name: The name is taken");
    }

    #[test]
    fn a_look_that_cannot_be_is_told_by_its_field() {
        let good = ("hair_style", Trait::Number(1));
        let high = ("hair_style", Trait::Number(64));
        let invalid = Reason::InvalidAppearance;
        let told = detail(invalid, &[good.clone(), high]);
        assert_eq!(told, "hair_style: must be a whole number from 0 to 63");
        let told = detail(invalid, &[good.clone(), ("hair_color", Trait::Number(1))]);
        assert_eq!(told, "hair_color: must be a colour like #5A3825");
        let told = detail(Reason::UnknownAppearance, &[good, ("wings", Trait::Number(1))]);
        assert!(told.starts_with("wings: a field is one of ") && told.contains("hair_style"));
        assert_eq!(detail(invalid, &[]), "Not among what can be chosen");
    }
}
