//! Requests that get somewhere: about characters and pets there are, in the catalog's words.

use menagerie::domain::Catalog;
use serde_json::{Value, json};

use super::server::Server;

/// Characters and as many pets there are at first; requests are about these and a few more.
const NUM: u32 = 16;
const USERS: [&str; 3] = [
    "0192f0c1-2b3c-7d4e-8f50-112233445501",
    "0192f0c1-2b3c-7d4e-8f50-112233445502",
    "0192f0c1-2b3c-7d4e-8f50-112233445503",
];

pub async fn populate(server: &Server) {
    for number in 1..=NUM {
        let user = format!("0192f0c1-2b3c-7d4e-8f50-1122334455{:02}", number / 4);
        let character = json!({
            "user_id": user, "name": format!("Likely {number}"), "class_type": "mage",
            "race": "elf", "gender": "other", "number": number,
        });
        server.post("/api/v1/characters", &character).await;
        let experience = format!("/api/v1/characters/n:{number}/experience");
        server.post(&experience, &json!({"amount": 5_000})).await;
        let attributes = json!({"templateId": 5_000_017, "ownerId": number});
        let pet = json!({"data": {"type": "pets", "attributes": attributes}});
        server.post("/api/pets", &pet).await;
    }
}

/// The document, with less in it of what is refused for sure.
pub fn narrowed(mut document: Value) -> Value {
    let known = &Catalog::builtin().characters;
    let words = |words: Vec<&str>| json!({"type": "string", "enum": words});
    let classes = words(known.classes.keys().map(|word| &**word).collect());
    let races = words(known.races.iter().map(|word| &**word).collect());
    let genders = words(known.genders.iter().map(|word| &**word).collect());
    let stats = words(known.stats.iter().map(|word| &**word).collect());
    let looks = json!({
        "type": "object",
        "properties": {
            "hair_color": {"$ref": "#/components/schemas/Color"},
            "hair_style": {"type": "integer", "minimum": 0, "maximum": 63},
            "face_type": {"type": "integer", "minimum": 0, "maximum": 31},
        },
        "additionalProperties": false,
    });
    let schemas = &mut document["components"]["schemas"];
    for body in ["CreateCharacter", "PatchCharacter"] {
        let properties = &mut schemas[body]["properties"];
        properties["class_type"] = classes.clone();
        properties["race"] = races.clone();
        properties["gender"] = genders.clone();
        properties["user_id"] = json!({"type": "string", "enum": USERS});
    }
    for body in ["CreateCharacter", "RestoreCharacter"] {
        schemas[body]["properties"]["slot_number"]["maximum"] = json!(6);
    }
    let numbers = json!({"type": "integer", "minimum": 1, "maximum": 3 * NUM});
    schemas["CreateCharacter"]["properties"]["number"] = numbers;
    schemas["CreateCharacter"]["properties"]["appearance"] = looks.clone();
    schemas["ChangeAppearance"] = looks;
    schemas["Name"]["pattern"] = json!("^[A-Za-z]{3,12}$");
    schemas["MoveCharacter"]["properties"]["movement_type"] = words(vec!["walk", "fly", "mount"]);
    schemas["AllocateStats"]["propertyNames"] = stats;
    schemas["AllocateStats"]["additionalProperties"]["maximum"] = json!(4);
    schemas["NewPetAttributes"]["properties"]["ownerId"]["maximum"] = json!(2 * NUM);

    let parameters = &mut document["components"]["parameters"];
    let versions = ["*", "\"1\"", "\"2\"", "\"3\"", "\"4\"", "\"5\"", "\"6\""];
    parameters["IfMatch"]["schema"] = json!({"type": "string", "enum": versions});
    for item in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in item.as_object_mut().unwrap().values_mut() {
            // Those that are deleted are few, so that the others live to see more.
            let some: Vec<u32> = match operation["operationId"].as_str() {
                Some("purgeCharacter") => (1..=2).collect(),
                Some("deleteCharacter" | "restoreCharacter") => (1..=4).collect(),
                Some("bringOnline" | "takeOffline") => (5..=8).collect(),
                _ => (1..=NUM + 4).collect(),
            };
            for parameter in operation["parameters"].as_array_mut().unwrap() {
                match parameter["name"].as_str() {
                    Some("id") => {
                        let some: Vec<_> =
                            some.iter().map(|number| format!("n:{number}")).collect();
                        parameter["schema"] = json!({"type": "string", "enum": some});
                    }
                    Some("petId" | "characterId") => {
                        parameter["schema"] = json!({"type": "integer", "enum": some});
                    }
                    _ => {}
                }
            }
        }
    }
    document
}
