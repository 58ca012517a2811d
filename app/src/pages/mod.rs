//! One page per file.

pub mod audit;
pub mod compare_runs;
pub mod compare_versions;
pub mod credentials;
pub mod editor;
pub mod history;
pub mod home;
pub mod hosts;
pub mod import;
pub mod link;
pub mod not_found;
pub mod profile;
pub mod run;
pub mod runbook;
pub mod runbooks;
pub mod settings;
pub mod setup_and_sign_in;
pub mod users;
pub mod versions;

use std::str::FromStr;

use domain::Problem;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::error::{AppError, Result};

/// A part of the address, read as what it names; anything else is a page that does not exist.
fn use_param<T: FromStr>(name: &'static str) -> impl Fn() -> Result<T> + Copy {
    let params = use_params_map();
    move || {
        let read = params.with(|params| params.get_str(name).and_then(|text| text.parse().ok()));
        read.ok_or_else(|| {
            #[cfg(feature = "ssr")]
            crate::error::server::set_status(404);
            AppError(Problem::new(404, "not_found", "there is no such page"))
        })
    }
}
