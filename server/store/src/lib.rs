//! Keeps everything in SurrealDB; the only crate that speaks SurrealQL.
