//! The routes of the characters API.

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::{HttpMethod, Paths, PathsBuilder};

use super::parameters::{character, query, required_query, text, truth, uuid, whole};
use super::route::{Answer, Route};
use super::schemas::Schemas;
use crate::domain::Reason;
use crate::edge::http::characters::ROOT;
use crate::edge::http::error::{Code, Form};
use crate::edge::operations::characters::{History, MAX_LIMIT, NameCheck, Page};
use crate::edge::operations::document::{Document, Looks, Points, Position, Selection};
use crate::edge::operations::schemas::{
    AllocateStats, AwardExperience, BringOnline, ChangeAppearance, CreateCharacter,
    DeleteCharacter, MoveCharacter, PatchCharacter, RestoreCharacter, SelectCharacter, TakeOffline,
};

pub const TAG: &str = "characters";

/// What can be asked of one character, for whoever has just heard of it.
const NEXT: [&str; 16] = [
    "getCharacter",
    "patchCharacter",
    "deleteCharacter",
    "restoreCharacter",
    "purgeCharacter",
    "selectCharacter",
    "bringOnline",
    "takeOffline",
    "getPosition",
    "moveCharacter",
    "getStats",
    "allocateStats",
    "awardExperience",
    "getAppearance",
    "changeAppearance",
    "listEvents",
];

pub fn schemas(schemas: &mut Schemas) {
    schemas.read::<CreateCharacter>();
    schemas.read::<PatchCharacter>();
    schemas.read::<DeleteCharacter>();
    schemas.read::<RestoreCharacter>();
    schemas.read::<SelectCharacter>();
    schemas.read::<BringOnline>();
    schemas.read::<TakeOffline>();
    schemas.read::<MoveCharacter>();
    schemas.read::<AllocateStats>();
    schemas.read::<AwardExperience>();
    schemas.read::<ChangeAppearance>();
    schemas.written::<Document<'_>>();
    schemas.written::<Points<'_>>();
    schemas.written::<Looks<'_>>();
    schemas.written::<Selection<'_>>();
    schemas.written::<Page>();
    schemas.written::<History>();
    schemas.written::<NameCheck>();
}

pub fn paths() -> Paths {
    use HttpMethod::{Delete, Get, Patch, Post, Put};
    let routes: [(&str, HttpMethod, Route); 19] = [
        ("", Get, list()),
        ("", Post, create()),
        ("/check-name", Get, check_name()),
        ("/{id}", Get, get()),
        ("/{id}", Patch, patch()),
        ("/{id}", Delete, delete()),
        ("/{id}/restore", Post, restore()),
        ("/{id}/permanent", Delete, purge()),
        ("/{id}/select", Post, select()),
        ("/{id}/online", Post, online()),
        ("/{id}/offline", Post, offline()),
        ("/{id}/position", Get, position()),
        ("/{id}/position", Put, reposition()),
        ("/{id}/stats", Get, stats()),
        ("/{id}/stats/allocate", Post, allocate()),
        ("/{id}/experience", Post, experience()),
        ("/{id}/appearance", Get, appearance()),
        ("/{id}/appearance", Put, dress()),
        ("/{id}/events", Get, events()),
    ];
    let mut paths = PathsBuilder::new().build();
    for (path, method, route) in routes {
        paths.add_path_operation(format!("{ROOT}/characters{path}"), vec![method], route.build());
    }
    paths
}

fn route(id: &str, summary: &str) -> Route {
    Route::new(Form::Problem, TAG, id, summary)
}

fn of_one(id: &str, summary: &str) -> Route {
    route(id, summary).takes(character()).ends_with(&[Code::UnknownCharacter])
}

fn changing(id: &str, summary: &str) -> Route {
    of_one(id, summary).changes().heeds_version()
}

fn reasons(route: Route, reasons: &[Reason]) -> Route {
    let codes: Vec<_> = reasons.iter().map(|reason| Code::Reason(*reason)).collect();
    route.ends_with(&codes)
}

fn answer<T: ToSchema>(description: &str) -> Answer {
    Answer::of::<T>(Form::Problem, 200, description).header("ETag")
}

fn the_character() -> Answer {
    answer::<Document<'_>>("The character.")
}

fn list() -> Route {
    route("listCharacters", "List characters")
        .describe("By ascending number. A player's are its own.")
        .takes(query("user_id", uuid(), "Of this user only."))
        .takes(query("include_deleted", truth(), "Deleted ones too; absent: false."))
        .takes(query(
            "cursor",
            text().pattern(Some("^[0-9a-f]{8}$")),
            "`next_cursor` of the page before.",
        ))
        .takes(limit())
        .ends_with(&[Code::InvalidQuery, Code::InvalidPage])
        .answers(Answer::of::<Page>(Form::Problem, 200, "One page."))
}

fn limit() -> utoipa::openapi::path::Parameter {
    let schema = whole().minimum(Some(1)).maximum(Some(MAX_LIMIT));
    query("limit", schema, "Entries of a page; absent: 50.")
}

fn create() -> Route {
    let route = route("createCharacter", "Create a character")
        .describe("Publishes `character.created`.")
        .changes()
        .reads::<CreateCharacter>(Required::True)
        .ends_with(&[Code::InvalidName])
        .answers(
            Answer::of::<Document<'_>>(Form::Problem, 201, "The new character.")
                .header("ETag")
                .header("Location")
                .leads_to(&NEXT, "id", "$response.body#/character_id"),
        );
    reasons(
        route,
        &[
            Reason::NumberTaken,
            Reason::NameTaken,
            Reason::NameReserved,
            Reason::SlotOccupied,
            Reason::SlotsFull,
            Reason::UnknownSlot,
            Reason::UnknownClass,
            Reason::UnknownRace,
            Reason::UnknownGender,
            Reason::UnknownAppearance,
            Reason::InvalidAppearance,
        ],
    )
}

fn check_name() -> Route {
    let name = text().examples([json!("Aurora")]);
    route("checkName", "Ask whether a name is to be had")
        .takes(required_query("name", name, "The name; one that cannot be is not available."))
        .ends_with(&[Code::InvalidQuery])
        .answers(Answer::of::<NameCheck>(Form::Problem, 200, "Whether it is, and why not."))
}

fn get() -> Route {
    of_one("getCharacter", "Get a character").answers(the_character())
}

fn patch() -> Route {
    let route = changing("patchCharacter", "Rename a character, or set what is unset")
        .describe("Of a character first seen on Kafka class, race, gender and user are unset.")
        .reads::<PatchCharacter>(Required::False)
        .ends_with(&[Code::InvalidName])
        .answers(the_character());
    reasons(
        route,
        &[
            Reason::Deleted,
            Reason::NameTaken,
            Reason::NameReserved,
            Reason::AlreadySet,
            Reason::SlotsFull,
            Reason::UnknownClass,
            Reason::UnknownRace,
            Reason::UnknownGender,
        ],
    )
}

fn delete() -> Route {
    let route = changing("deleteCharacter", "Delete a character, restorable for a while")
        .describe("Publishes `character.offline` if it is online, and `character.deleted`.")
        .reads::<DeleteCharacter>(Required::False)
        .answers(answer::<Document<'_>>("The character, with `can_restore_until`."));
    reasons(route, &[Reason::Deleted])
}

fn restore() -> Route {
    let route = changing("restoreCharacter", "Restore a deleted character")
        .describe("Publishes `character.restored`.")
        .reads::<RestoreCharacter>(Required::False)
        .answers(the_character());
    reasons(
        route,
        &[
            Reason::NotDeleted,
            Reason::RestoreExpired,
            Reason::SlotOccupied,
            Reason::SlotsFull,
            Reason::UnknownSlot,
        ],
    )
}

fn purge() -> Route {
    changing("purgeCharacter", "Delete a character and its pets for good")
        .describe("Publishes `character.deleted`; deleted before or not.")
        .ends_with(&[Code::BodyTooLarge])
        .answers(Answer::nothing("It is gone."))
}

fn select() -> Route {
    let route = changing("selectCharacter", "Select a character for a session")
        .describe(
            "Publishes `character.selected`. Another character of the user that is online goes \
             offline (`switched`).",
        )
        .reads::<SelectCharacter>(Required::False)
        .answers(answer::<Selection<'_>>("The session and where the character was last."));
    reasons(route, &[Reason::Deleted])
}

fn online() -> Route {
    let route = changing("bringOnline", "Bring a character online")
        .describe(
            "Publishes `character.online`, after `character.offline` (`replaced`) if it is online.",
        )
        .reads::<BringOnline>(Required::True)
        .answers(the_character());
    reasons(route, &[Reason::Deleted])
}

fn offline() -> Route {
    let route = changing("takeOffline", "Take a character offline")
        .describe("Publishes `character.offline`.")
        .reads::<TakeOffline>(Required::True)
        .answers(the_character());
    reasons(route, &[Reason::Deleted, Reason::NotOnline])
}

fn position() -> Route {
    let route = of_one("getPosition", "Get a character's position")
        .answers(answer::<Position<'_>>("Where it is, or was last."));
    reasons(route, &[Reason::NoPosition])
}

fn reposition() -> Route {
    let route = changing("moveCharacter", "Set a character's position")
        .describe("Publishes `character.position.updated`.")
        .reads::<MoveCharacter>(Required::True)
        .answers(answer::<Position<'_>>("Where it is now."));
    reasons(route, &[Reason::Deleted, Reason::UnknownMovement])
}

fn stats() -> Route {
    of_one("getStats", "Get a character's stats")
        .answers(answer::<Points<'_>>("Its stats, and the points that can be spent."))
}

fn allocate() -> Route {
    let route = changing("allocateStats", "Spend stat points")
        .describe("All or nothing. Publishes `character.stats.updated` (`stat_allocation`).")
        .reads::<AllocateStats>(Required::True)
        .answers(answer::<Points<'_>>("Its stats now."));
    reasons(
        route,
        &[Reason::Deleted, Reason::ClassUnset, Reason::NotEnoughPoints, Reason::UnknownStat],
    )
}

fn experience() -> Route {
    let route = changing("awardExperience", "Award experience")
        .describe("Publishes `character.levelup` for each level gained.")
        .reads::<AwardExperience>(Required::True)
        .answers(the_character());
    reasons(route, &[Reason::Deleted])
}

fn appearance() -> Route {
    of_one("getAppearance", "Get a character's appearance")
        .answers(answer::<Looks<'_>>("Its appearance, by field."))
}

fn dress() -> Route {
    let route = changing("changeAppearance", "Change a character's appearance")
        .describe(
            "Only fields that are sent. Publishes `character.appearance.updated` if any changed.",
        )
        .reads::<ChangeAppearance>(Required::False)
        .answers(answer::<Looks<'_>>("Its appearance now."));
    reasons(route, &[Reason::Deleted, Reason::UnknownAppearance, Reason::InvalidAppearance])
}

fn events() -> Route {
    of_one("listEvents", "List the events of a character")
        .describe("The oldest first, as long as `characters.event_retention` keeps them.")
        .takes(query(
            "after_seq",
            whole().minimum(Some(0)).maximum(Some(u64::MAX)),
            "The last `seq` known; absent: 0.",
        ))
        .takes(limit())
        .ends_with(&[Code::InvalidQuery, Code::InvalidPage])
        .answers(Answer::of::<History>(Form::Problem, 200, "One page."))
}
