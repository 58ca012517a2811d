//! The use cases over a store in memory and an engine.

mod accounts;
mod credentials;
mod runbooks;
mod runs;
mod world;
