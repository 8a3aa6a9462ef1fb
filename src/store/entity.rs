//! SeaORM entities of the tables that are read and changed row by row.

#![allow(unreachable_pub)] // what SeaORM derives is public

pub(super) mod audit_entry;
pub(super) mod dead_letter;
pub(super) mod outbox;
pub(super) mod parked_event;
