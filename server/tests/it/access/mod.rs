//! Everything that can be asked of the server, asked by everybody; and what is in the audit trail afterwards.

mod audit;
mod functions;
mod rest;

use std::sync::atomic::{AtomicU32, Ordering};

use crate::world::Studio;

/// Everybody there is, in the order of the tables' columns.
const WHO: [&str; 5] = ["nobody", "viewer", "developer", "sre", "admin"];

/// A studio with one account of each role, named after it, and the administrator's key.
async fn everybody() -> (Studio, String) {
    let studio = Studio::new().await;
    let admin = studio.sign_up(None, "admin", None).await;
    for role in ["viewer", "developer", "sre"] {
        studio.sign_up(Some(&admin), role, Some(role)).await;
    }
    (studio, admin)
}

/// A number for names that must not be taken yet.
fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
