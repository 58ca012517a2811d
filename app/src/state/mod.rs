//! The logic behind the pages, without a browser: plain structs with plain tests.

pub mod again;
pub mod ansi;
pub mod asked;
pub mod audit;
pub mod bars;
pub mod day;
pub mod draft;
pub mod find;
pub mod folds;
pub mod host_form;
pub mod keys;
pub mod lines;
pub mod number;
pub mod palette;
pub mod places;
pub mod rows;
mod text;
pub mod timeline;
pub mod toasts;
pub mod where_to;
