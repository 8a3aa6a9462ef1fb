//! The OpenAPI document against what is served.

use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{Scene, header};
use crate::edge::http::auth::testing::entry;
use crate::edge::http::auth::tests::authority;
use crate::edge::http::openapi;

/// Fills a path's parameters in.
fn filled(path: &str, id: &str) -> String {
    path.replace("{id}", id).replace("{petId}", id).replace("{characterId}", "7")
}

#[actix_rt::test]
async fn each_path_has_the_methods_of_the_document_and_no_other() {
    let scene = Scene::with_tenant().await;
    let document = openapi::document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let mut documented: Vec<_> =
            item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        if item.get("get").is_some() {
            documented.push("HEAD".into());
        }
        documented.sort();
        let answer = scene.game(Method::OPTIONS, &filled(path, "1")).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        let mut allowed: Vec<_> = header(&answer, "allow").split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed, documented, "{path}");
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn each_example_about_a_character_is_accepted_and_answered_as_described() {
    let scene = Scene::serving().await;
    let document = openapi::document();
    let mut id = String::new();
    for (method, path) in [
        ("post", ""),
        ("patch", "/{id}"),
        ("post", "/{id}/select"),
        ("post", "/{id}/online"),
        ("put", "/{id}/position"),
        ("post", "/{id}/experience"),
        ("post", "/{id}/stats/allocate"),
        ("put", "/{id}/appearance"),
        ("post", "/{id}/offline"),
        ("delete", "/{id}"),
        ("post", "/{id}/restore"),
        ("get", "/{id}"),
        ("get", "/{id}/position"),
        ("get", "/{id}/stats"),
        ("get", "/{id}/appearance"),
        ("get", "/{id}/events"),
        ("get", ""),
        ("delete", "/{id}/permanent"),
    ] {
        let path = format!("/api/v1/characters{path}");
        let operation = &document["paths"][&path][method];
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        let mut request = scene.game(method.to_uppercase().parse().unwrap(), &filled(&path, &id));
        if !example.is_null() {
            request = request.json(example);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        let content = &operation["responses"][status.as_str()]["content"];
        if status == 204 {
            continue;
        }
        let body: Value = serde_json::from_str(&text).unwrap();
        let mut schema = content["application/json"]["schema"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:?} in {body}");
        if let Some(created) = body["character_id"].as_str() {
            id = created.to_owned();
        }
    }
    scene.stop().await;
}

#[actix_rt::test]
async fn the_document_and_its_page_need_no_credentials_and_nothing_from_elsewhere() {
    let tokens = entry("service", "service");
    let scene = Scene::guarded(authority(&[("tokens", &tokens)])).await;
    let served = scene.game(Method::GET, "/openapi.json").send().await.unwrap();
    assert_eq!(header(&served, "content-type"), "application/json");
    assert_eq!(served.json::<Value>().await.unwrap(), openapi::document());

    let page = scene.game(Method::GET, "/docs").send().await.unwrap();
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    let policy = header(&page, "content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
    assert!(!policy.contains("http"), "{policy}");
    let html = page.text().await.unwrap();
    assert!(!html.contains("//"), "{html}");
    let addresses = html.split("=\"").filter(|part| part.starts_with("docs/"));
    let addresses: Vec<_> = addresses.map(|part| part.split('"').next().unwrap()).collect();
    assert_eq!(addresses.len(), 4);
    for address in addresses {
        let file = scene.game(Method::GET, &format!("/{address}")).send().await.unwrap();
        assert_eq!(file.status(), 200, "{address}");
        assert!(header(&file, "content-security-policy").contains("'self'"));
        assert!(!file.bytes().await.unwrap().is_empty());
    }
    for (path, status) in
        [("/docs/../x", 401), ("/docsx", 401), ("/docs/x", 404), ("/api/pets/1", 401)]
    {
        let answer = scene.game(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    scene.stop().await;
}

#[test]
fn a_problem_is_as_its_schema_says() {
    let document = openapi::document();
    let mut schema = json!({"$ref": "#/components/schemas/Problem"});
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problem = json!({
        "type": "about:blank", "title": "Not JSON", "status": 400, "detail": "x",
        "code": "invalid_json", "request_id": "1",
    });
    assert!(validator.is_valid(&problem));
    for (field, value) in [("code", json!("nonsense")), ("status", json!(200))] {
        let mut other = problem.clone();
        other[field] = value;
        assert!(!validator.is_valid(&other), "{field}");
    }
}
