//! The routes of the pets API.

use utoipa::openapi::Required;
use utoipa::openapi::path::{HttpMethod, PathItem, Paths, PathsBuilder};

use super::parameters::{number, query, whole};
use super::route::{Answer, Route};
use super::schemas::Schemas;
use crate::domain::Reason;
use crate::edge::http::error::{Code, Form};
use crate::edge::operations::pets::body::schema::{CreatePet, RenamePet};
use crate::edge::operations::pets::document::{Document, List};

pub const TAG: &str = "pets";

const DELETED: Code = Code::Reason(Reason::Deleted);

pub fn schemas(schemas: &mut Schemas) {
    schemas.read::<CreatePet>();
    schemas.read::<RenamePet>();
    schemas.written::<Document>();
    schemas.written::<List>();
}

pub fn paths() -> Paths {
    let of_owner = PathItem::new(HttpMethod::Get, list().build());
    let of_owner = merged(of_owner, HttpMethod::Post, create_for());
    let pet = PathItem::new(HttpMethod::Get, read().build());
    let pet = merged(merged(pet, HttpMethod::Patch, rename()), HttpMethod::Delete, delete());
    PathsBuilder::new()
        .path("/api/pets", PathItem::new(HttpMethod::Post, create().build()))
        .path("/api/pets/{petId}", pet)
        .path("/api/characters/{characterId}/pets", of_owner)
        .build()
}

fn merged(mut item: PathItem, method: HttpMethod, route: Route) -> PathItem {
    item.merge_operations(PathItem::new(method, route.build()));
    item
}

fn route(id: &str, summary: &str) -> Route {
    Route::new(Form::JsonApi, TAG, id, summary)
}

fn of_pet(id: &str, summary: &str) -> Route {
    route(id, summary).takes(number("petId", "The pet.")).ends_with(&[Code::UnknownPet])
}

fn of_owner(id: &str, summary: &str) -> Route {
    route(id, summary)
        .takes(number("characterId", "The owner's 32-bit number."))
        .ends_with(&[Code::InvalidId, Code::UnknownCharacter])
}

fn read() -> Route {
    of_pet("getPet", "Get a pet").answers(Answer::of::<Document>(Form::JsonApi, 200, "The pet."))
}

fn list() -> Route {
    of_owner("listPets", "List a character's pets")
        .describe("By ascending id. An owner nobody knows has none.")
        .takes(query("page[number]", whole().minimum(Some(1)), "From 1."))
        .takes(query(
            "page[size]",
            whole().minimum(Some(1)).maximum(Some(250)),
            "Pets of a page; absent: 250.",
        ))
        .ends_with(&[Code::InvalidPage])
        .answers(Answer::of::<List>(Form::JsonApi, 200, "One page."))
}

fn creating(route: Route) -> Route {
    route
        .describe(
            "Publishes CREATED. Level outside of 1 to 30 becomes 1, fullness 0 becomes 100, an \
             empty name `Pet`, no expiration 90 days; the slot is -1.",
        )
        .changes()
        .reads::<CreatePet>(Required::True)
        .ends_with(&[Code::UnknownCharacter, DELETED])
        .answers(
            Answer::of::<Document>(Form::JsonApi, 201, "The new pet.").header("Location").leads_to(
                &["getPet", "renamePet", "deletePet"],
                "petId",
                "$response.body#/data/id",
            ),
        )
}

fn create() -> Route {
    creating(route("createPet", "Create a pet"))
}

fn create_for() -> Route {
    creating(of_owner("createPetOf", "Create a pet of a character"))
}

fn rename() -> Route {
    of_pet("renamePet", "Rename a pet")
        .changes()
        .reads::<RenamePet>(Required::True)
        .ends_with(&[DELETED])
        .answers(Answer::of::<Document>(Form::JsonApi, 200, "The pet with its new name."))
}

fn delete() -> Route {
    of_pet("deletePet", "Delete a pet")
        .describe("Closes its slot if it is out, and publishes DELETED.")
        .changes()
        .ends_with(&[DELETED, Code::BodyTooLarge])
        .answers(Answer::nothing("It is gone."))
}
