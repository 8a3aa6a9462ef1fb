//! All codes there are, what they mean, and the page that says so (`docs/errors.md`).

use std::fmt::Write as _;

use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{Code, ErrorCode};
use crate::domain::Reason;

/// What a code means, for [`Code::meaning`], and the list of all; the compiler keeps both whole.
macro_rules! codes {
    ($($code:ident => $meaning:literal,)+) => {
        /// All but those of [`Code::Reason`].
        const OWN: &[Code] = &[$(Code::$code),+];

        impl Code {
            /// One sentence for whoever got it.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$code => $meaning,)+
                    Self::Reason(reason) => reason_meaning(reason),
                }
            }
        }
    };
}

codes! {
    InvalidTenant => "The headers TENANT_ID, REGION, MAJOR_VERSION and MINOR_VERSION name no tenant, \
        and there is no `tenancy.default`.",
    InvalidJson => "The body is not JSON.",
    InvalidDocument => "The body is JSON, but not an object where one is needed.",
    MissingField => "A required field is missing, or null.",
    InvalidField => "A field has the wrong type, or lies outside its range.",
    UnknownField => "The body has a field that does not exist.",
    InvalidQuery => "The query string is not readable, or names a parameter that does not exist.",
    InvalidPage => "The page, cursor or limit is none.",
    InvalidId => "The character in the path is not a number of 32 bits.",
    Unauthenticated => "There are no credentials, or such as are not accepted.",
    Forbidden => "The credentials are for something else.",
    UnknownPet => "There is no such pet, or it is another user's.",
    UnknownCharacter => "There is no such character, or it is another user's.",
    UnknownDeadLetter => "There is no such dead letter, or not any more.",
    CharacterOnline => "The character has to be offline for that.",
    NoSuchRoute => "Nothing is served at this path.",
    MethodNotAllowed => "The path has no such method; `Allow` names those it has.",
    InvalidName => "A name has 3 to 30 letters, digits, single spaces, hyphens and apostrophes.",
    InvalidIdempotencyKey => "`Idempotency-Key` is not 1 to 255 visible ASCII characters.",
    InvalidVersion => "`If-Match` is not a version as `ETag` gives it.",
    BodyTooLarge => "The body is larger than 64 KiB.",
    NotServing => "This process does not serve: another one does, or it starts or drains.",
    Overloaded => "As many requests are waiting as may.",
    TimedOut => "No answer within `http.request_timeout`. A change may still take effect: repeat \
        it with the same idempotency key.",
    DatabaseUnavailable => "The database does not answer.",
    Internal => "A defect of this server; the log has more under the request's id.",
}

fn reason_meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::NotOwner => "The pet is another character's.",
        Reason::UnknownPet => Code::UnknownPet.meaning(),
        Reason::SlotsFull => "The user, or the character, has no slot left.",
        Reason::Expired => "The pet's life is over.",
        Reason::NotSpawned => "The pet is not out.",
        Reason::UnknownSkill => "The pet's template has no such skill.",
        Reason::NotOnline => "The character is not online.",
        Reason::AmbiguousAsset => "Several pets could be the one whose item was deleted.",
        Reason::OtherMap => "The movement is for another map than the character is on.",
        Reason::UnknownCharacter => Code::UnknownCharacter.meaning(),
        Reason::Deleted => "The character is deleted; it can be restored for a while.",
        Reason::NotDeleted => "The character is not deleted.",
        Reason::RestoreExpired => "The time to restore the character is over.",
        Reason::NumberTaken => "Another character has the number.",
        Reason::NameTaken => "Another character of the tenant has the name, case aside.",
        Reason::NameReserved => "Nobody can have this name.",
        Reason::SlotOccupied => "Another character of the user is in the slot.",
        Reason::UnknownSlot => "No slot has this number; there are `characters.max_per_user`.",
        Reason::UnknownClass => "The catalog has no such class.",
        Reason::UnknownRace => "The catalog has no such race.",
        Reason::UnknownGender => "The catalog has no such gender.",
        Reason::UnknownStat => "The catalog has no such stat.",
        Reason::UnknownMovement => "The catalog has no such movement type.",
        Reason::UnknownAppearance => "The catalog has no such appearance field.",
        Reason::InvalidAppearance => "The value is not among those the catalog allows.",
        Reason::AlreadySet => "What can be set once is set to something else.",
        Reason::ClassUnset => "Without a class the character has no stats.",
        Reason::NotEnoughPoints => "The character has fewer points than were to be spent.",
        Reason::VersionMismatch => "The character is not at the version of `If-Match` any more.",
        Reason::NoPosition => "The character was nowhere yet.",
        Reason::IdempotencyConflict => "The idempotency key was used for another request.",
    }
}

impl Code {
    /// Every code a request can end with, by name; none twice.
    pub fn all() -> Vec<Self> {
        let reasons = Reason::ALL.into_iter().filter(|reason| is_of_requests(*reason));
        let mut all: Vec<Self> = OWN
            .iter()
            .copied()
            .chain(reasons.map(|reason| match reason {
                Reason::UnknownPet => Self::UnknownPet,
                Reason::UnknownCharacter => Self::UnknownCharacter,
                reason => Self::Reason(reason),
            }))
            .collect();
        all.sort_unstable_by_key(|code| code.name());
        all.dedup_by_key(|code| code.name());
        all
    }

    /// Whether it comes as 422 too: where JSON was read that is not what is wanted.
    pub fn may_be_unprocessable(self) -> bool {
        matches!(self, Self::InvalidDocument | Self::MissingField | Self::InvalidField)
    }
}

/// The others are met by records on Kafka only.
fn is_of_requests(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::NotOwner
            | Reason::Expired
            | Reason::NotSpawned
            | Reason::UnknownSkill
            | Reason::AmbiguousAsset
            | Reason::OtherMap
    )
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Code::all().into_iter().map(Code::name)))
            .description(Some("Tells what went wrong; never changes its meaning."))
            .into()
    }
}

impl ToSchema for ErrorCode {}

/// `docs/errors.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Error codes\n\n\
         Generated by `menagerie schema errors`; a test keeps it in step with the code.\n\n\
         A code never changes its meaning. `/api/v1` answers with RFC 9457 problems \
         (`application/problem+json`), the pets API with JSON:API errors; both have the code in \
         `code`. The NATS service has it in the body and the status in \
         `Nats-Service-Error-Code`. 503 comes with `Retry-After`.\n\n\
         | code | status | meaning |\n|---|---|---|\n",
    );
    for code in Code::all() {
        let status = match (code.may_be_unprocessable(), code.status().as_u16()) {
            (true, status) => format!("422; {status} in the pets API"),
            (false, status) => status.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{}` | {status} | {} |", code.name(), code.meaning());
    }
    page.push_str(
        "\n## Reasons without a request\n\n\
         Met by records on Kafka only: in metrics, in the log, and as the reason of a dead letter.\
         \n\n| reason | meaning |\n|---|---|\n",
    );
    let mut reasons: Vec<_> =
        Reason::ALL.into_iter().filter(|reason| !is_of_requests(*reason)).collect();
    reasons.sort_unstable_by_key(|reason| reason.code());
    for reason in reasons {
        let _ = writeln!(page, "| `{}` | {} |", reason.code(), reason_meaning(reason));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::super::of_reason;
    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_and_a_status_of_an_error() {
        let all = Code::all();
        assert_eq!(all.len(), OWN.len() + Reason::ALL.len() - 6 - 2);
        for pair in all.windows(2) {
            assert!(pair[0].name() < pair[1].name());
        }
        for code in all {
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }

    #[test]
    fn what_only_records_meet_has_no_title_for_requests() {
        for reason in Reason::ALL {
            let is_untitled = of_reason(reason).2 == "Refused";
            assert_eq!(is_untitled, !is_of_requests(reason), "{reason:?}");
        }
    }
}
