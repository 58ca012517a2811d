//! The OpenAPI document, generated from the handlers, and the page that shows it with assets from the binary.

use axum::Router;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use super::{AppState, rest};

#[derive(OpenApi)]
#[openapi(
    info(title = "Runbook Studio", description = "Write runbooks, run them, watch them live. Errors are RFC 9457 problems."),
    servers((url = "/api/v1")),
    security(("key" = [])),
    modifiers(&Key)
)]
struct Document;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-KEY")));
        document.components.get_or_insert_default().add_security_scheme("key", key);
    }
}

/// The calls, to be put under `/api/v1`, and the routes that document them, absolute.
pub fn split() -> (Router<AppState>, Router<AppState>) {
    let (calls, document) = OpenApiRouter::with_openapi(Document::openapi()).merge(rest::routes()).split_for_parts();
    (calls, SwaggerUi::new("/api/docs").url("/api/v1/openapi.json", document).into())
}
