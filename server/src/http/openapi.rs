//! The OpenAPI document, generated from the handlers, and the page that shows it with assets from the binary.

use axum::Router;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response};
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
    let (calls, mut document) = OpenApiRouter::with_openapi(Document::openapi()).merge(rest::routes()).split_for_parts();
    name_operations(&mut document);
    describe_problems(&mut document);
    (calls, SwaggerUi::new("/api/docs").url("/api/v1/openapi.json", document).into())
}

/// `runbooks_list` and `executions_list`, not `list` twice: generators make function names of them.
fn name_operations(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten() {
            if let (Some(tags), Some(name)) = (&operation.tags, &operation.operation_id) {
                operation.operation_id = Some(format!("{}_{name}", tags.join("_")));
            }
        }
    }
}

/// What any call may answer, and that everything refused is a problem of RFC 9457: said once, for all of them.
fn describe_problems(document: &mut utoipa::openapi::OpenApi) {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten() {
            let mut refusals =
                vec![("400", "Malformed"), ("429", "Too many tries or requests"), ("503", "The store cannot be reached")];
            if operation.parameters.is_some() || operation.request_body.is_some() {
                refusals.push(("422", "Invalid: every fault is named"));
            }
            if operation.request_body.is_some() {
                refusals.extend([("413", "The body is too large"), ("415", "Not the media type that is read")]);
            }
            let responses = &mut operation.responses.responses;
            for (status, description) in refusals {
                responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(Response::new(description)));
            }
            for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
                if let RefOr::T(response) = response {
                    response.content.clear();
                    response.content.insert("application/problem+json".to_owned(), RefOr::T(problem.clone()));
                }
            }
        }
    }
}
