//! The store on both backends, against a real PostgreSQL and a SQLite file.
//!
//! `MENAGERIE_TEST_POSTGRES` is the URL of a superuser on a server to make databases on;
//! `MENAGERIE_TEST_SERVICES=off` leaves its half out.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod store {
    mod characters;
    mod commit;
    mod harness;
    mod lease;
    mod load;
    mod outbox;
    mod requests;
    mod samples;
    mod schema;
}
