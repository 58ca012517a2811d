//! Whether the server can do its work.

use store::Store;

use crate::Result;

/// The readiness probe.
#[derive(Clone)]
pub struct Health {
    store: Store,
}

impl Health {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] or `Internal` when it does not.
    pub async fn ready(&self) -> Result<()> {
        Ok(self.store.ping().await?)
    }
}
