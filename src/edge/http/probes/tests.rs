use super::*;

fn check(name: &'static str, problem: Option<&str>) -> Check {
    Check { name, problem: problem.map(Into::into) }
}

#[test]
fn a_process_that_serves_and_misses_nothing_is_ready() {
    let answer = readiness(Stage::Serving, &[check("schema", None)], false);
    assert_eq!(answer, (StatusCode::OK, "ok\n".into()));
}

#[test]
fn the_first_problem_is_named() {
    let checks =
        [check("schema", None), check("lease", Some("standby")), check("store", Some("gone"))];
    let answer = readiness(Stage::Standby, &checks, false);
    assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, "standby\n".into()));
}

#[test]
fn a_process_that_serves_and_misses_something_is_not_ready() {
    let (status, _) = readiness(Stage::Serving, &[check("outbox", Some("kafka: down"))], false);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn a_process_that_does_not_serve_is_not_ready_whatever_it_misses() {
    let answer = readiness(Stage::Restoring, &[check("schema", None)], false);
    assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, "restoring\n".into()));
}

#[test]
fn verbose_names_each_check_on_a_line_of_its_own() {
    let checks = [check("schema", None), check("outbox", Some("kafka:\r\ndown"))];
    let (_, body) = readiness(Stage::Serving, &checks, true);
    assert_eq!(body, "[+]schema ok\n[-]outbox kafka:  down\n");
}
