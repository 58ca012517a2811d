//! The calls of the REST API: thin adapters over `service`, one file per resource.

pub mod audit;
mod compare;
mod credentials;
mod executions;
mod hosts;
mod import;
mod keys;
mod links;
mod notes;
mod own;
mod preflight;
mod runbooks;
mod settings;
mod users;
mod views;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AppState, audit_export, events, output};

/// Every call.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(users::sign_up))
        .routes(routes!(users::log_in))
        .routes(routes!(users::log_out))
        .routes(routes!(users::me))
        .routes(routes!(own::change_password))
        .routes(routes!(own::api_keys, own::create_api_key))
        .routes(routes!(own::revoke_api_key))
        .routes(routes!(own::sessions, own::end_sessions))
        .routes(routes!(own::end_session))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::update))
        .routes(routes!(links::invites, links::invite))
        .routes(routes!(links::withdraw))
        .routes(routes!(links::accept))
        .routes(routes!(links::offer_reset))
        .routes(routes!(links::reset))
        .routes(routes!(runbooks::list, runbooks::create))
        .routes(routes!(import::import))
        .routes(routes!(import::export))
        .routes(routes!(runbooks::read, runbooks::update, runbooks::delete))
        .routes(routes!(runbooks::add_favourite, runbooks::remove_favourite))
        .routes(routes!(runbooks::versions))
        .routes(routes!(runbooks::version))
        .routes(routes!(runbooks::roll_back))
        .routes(routes!(compare::diff))
        .routes(routes!(executions::execute))
        .routes(routes!(executions::execute_block))
        .routes(routes!(preflight::preflight))
        .routes(routes!(executions::list))
        .routes(routes!(executions::read))
        .routes(routes!(executions::report))
        .routes(routes!(executions::control))
        .routes(routes!(notes::notes, notes::add_note))
        .routes(routes!(notes::delete_note))
        .routes(routes!(events::watch))
        .routes(routes!(output::whole))
        .routes(routes!(credentials::list, credentials::create))
        .routes(routes!(credentials::delete))
        .routes(routes!(hosts::list, hosts::create))
        .routes(routes!(hosts::read, hosts::update, hosts::delete))
        .routes(routes!(hosts::check))
        .routes(routes!(keys::status))
        .routes(routes!(keys::rotate))
        .routes(routes!(settings::read))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(audit::head))
        .routes(routes!(audit_export::export))
}
