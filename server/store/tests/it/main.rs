//! The store on both embedded engines: in memory, and on disk where it is about races and durability.

mod audit_speed;
mod full_disk;
mod hosts;
mod identity;
mod people;
mod runbooks;
mod runs;
mod server;
mod world;
