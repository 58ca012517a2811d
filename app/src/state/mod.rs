//! The logic behind the pages, without a browser: plain structs with plain tests.

pub mod ansi;
pub mod audit;
pub mod draft;
pub mod host_form;
pub mod number;
mod text;
pub mod timeline;
