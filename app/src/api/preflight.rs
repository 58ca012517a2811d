//! A look before a run, and what the blocks of a draft would do.

use std::collections::BTreeMap;

use domain::{BlockId, BlockPreview, Preflight, RunbookId};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use server_fn::codec::Json;

use super::codec::Text;
#[cfg(feature = "ssr")]
use super::server::{actor, services};
use crate::error::Result;

/// What was typed into the form that asked, to stand there again; never a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The answers to the parameters.
    pub parameters: BTreeMap<String, String>,
    /// Why.
    pub reason: Option<String>,
    /// Whether the run asks before each step.
    pub guided: bool,
}

/// What was found for a form that was sent without JavaScript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What was typed.
    pub given: Given,
    /// What was found.
    pub outcome: Result<Preflight>,
}

/// What a run would come to, of the same arguments as one that is started.
#[server(prefix = "/rpc", endpoint = "preflight_run", output = Text)]
pub async fn preflight_run(
    id: RunbookId,
    #[server(default)] blocks: Vec<BlockId>,
    #[server(default)] only: bool,
    #[server(default)] from: Option<BlockId>,
    #[server(default)] block: Option<BlockId>,
    #[server(default)] parameters: BTreeMap<String, String>,
    #[server(default)] reason: Option<String>,
    #[server(default)] guided: bool,
) -> Result<Preflight> {
    let actor = actor().await?;
    let start = super::runs::start_of((blocks, only, from, block), parameters, reason, guided);
    Ok(services()?.runs.preflight(&actor, id, start).await?)
}

/// What each of the blocks of a draft would do, in the same order; blocks and parameters as the draft has them.
#[server(prefix = "/rpc", endpoint = "preview_blocks", output = Text, input = Json)]
pub async fn preview_blocks(title: String, blocks: Vec<Value>, parameters: Vec<Value>) -> Result<Vec<BlockPreview>> {
    let actor = actor().await?;
    Ok(services()?.runbooks.preview(&actor, &title, &blocks, &parameters).await?)
}

/// What was found for the form that this page answers, if it answers one.
pub async fn found_for_form() -> Option<Found> {
    #[cfg(feature = "ssr")]
    {
        let Posted(asked) = use_context::<Posted>()?;
        let PreflightRun { id, blocks, only, from, block, parameters, reason, guided } = match asked {
            Ok(asked) => asked,
            Err(error) => return Some(Found { given: Given::default(), outcome: Err(error) }),
        };
        let mut given = Given { parameters: parameters.clone(), reason: reason.clone(), guided };
        // The page that answers must not carry what was typed into a field for a secret.
        let asked = super::runbooks::get_runbook(id).await.map(|page| page.runbook.parameters).unwrap_or_default();
        given.parameters.retain(|name, _| asked.iter().any(|parameter| parameter.name == *name && !parameter.is_secret()));
        let outcome = preflight_run(id, blocks, only, from, block, parameters, reason, guided).await;
        Some(Found { given, outcome })
    }
    #[cfg(not(feature = "ssr"))]
    None
}

#[cfg(feature = "ssr")]
pub use form::{Posted, posted};

#[cfg(feature = "ssr")]
mod form {
    use axum::body::Body;
    use http::Request;
    use server_fn::codec::{FromReq, PostUrl};

    use super::PreflightRun;
    use crate::error::{AppError, Result};

    /// The form that a page answers.
    #[derive(Clone)]
    pub struct Posted(pub Result<PreflightRun>);

    /// Reads the form that asks for a check, as the browser sends it without JavaScript.
    pub async fn posted(request: Request<Body>) -> Posted {
        Posted(<PreflightRun as FromReq<PostUrl, Request<Body>, AppError>>::from_req(request).await)
    }
}
