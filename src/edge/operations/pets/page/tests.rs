#![allow(clippy::unwrap_used)]

use super::*;

const PATH: &str = "/api/characters/7/pets";

fn request(number: u64, size: u64) -> Request {
    Request { number, size }
}

fn link(number: u64, size: u64) -> String {
    format!("{PATH}?page%5Bnumber%5D={number}&page%5Bsize%5D={size}")
}

#[test]
fn without_parameters_it_is_the_first_page_of_the_largest_size() {
    assert_eq!(Request::parse("").unwrap(), request(1, 250));
    assert_eq!(Request::parse("sort=id").unwrap(), request(1, 250));
}

#[test]
fn brackets_may_be_percent_encoded() {
    for query in ["page[number]=3&page[size]=10", "page%5Bnumber%5D=3&page%5bsize%5d=10"] {
        assert_eq!(Request::parse(query).unwrap(), request(3, 10), "{query}");
    }
}

#[test]
fn what_is_no_page_is_refused() {
    let invalid = [
        "page[number]=0",
        "page[number]=-1",
        "page[number]=%2B1",
        "page[number]=",
        "page[number]=x",
        "page[number]=99999999999999999999",
        "page[number]=1&page[number]=2",
        "page[size]=0",
        "page[size]=251",
        "page[offset]=1",
    ];
    for query in invalid {
        let error = Request::parse(query).err().unwrap_or_else(|| panic!("{query} is accepted"));
        assert_eq!(error.code, Code::InvalidPage, "{query}");
    }
}

#[test]
fn a_page_starts_after_those_before_it() {
    assert_eq!(request(1, 10).offset(), 0);
    assert_eq!(request(4, 10).offset(), 30);
    assert_eq!(request(u64::MAX, 250).offset(), u64::MAX);
}

#[test]
fn a_page_in_the_middle_links_to_both_sides() {
    let links = request(2, 10).among(21).links(PATH);
    let expected = Links {
        this: link(2, 10),
        first: link(1, 10),
        last: link(3, 10),
        prev: Some(link(1, 10)),
        next: Some(link(3, 10)),
    };
    assert_eq!(links, expected);
}

#[test]
fn the_only_page_has_no_neighbours() {
    for total in [0, 10] {
        let page = request(1, 10).among(total);
        assert_eq!(page.last, 1);
        let links = page.links(PATH);
        assert_eq!((links.prev, links.next), (None, None));
    }
}

#[test]
fn a_page_beyond_the_last_leads_back_to_the_last() {
    let links = request(9, 10).among(21).links(PATH);
    assert_eq!((links.prev, links.next), (Some(link(3, 10)), None));
}
