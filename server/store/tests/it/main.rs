//! The store on both embedded engines: in memory, and on disk where it is about races and durability.

mod audit_speed;
mod full_disk;
mod hosts;
mod identity;
mod people;
mod runbooks;
mod runs;
mod server;
#[path = "../common/surreal_server.rs"]
#[expect(dead_code, reason = "the tests of other crates use the rest")]
mod surreal_server;
mod world;
