//! What becomes of an embedded database whose disk fails or is full: it is told nothing any more, and when there is room again
//! it is closed and opened anew.
//!
//! The engine leaves a torn record in its log when a write fails, goes on behind it, and at the next start reads only up to it.
//! So whatever is acknowledged after a failed write would be lost; closing makes tables of what was acknowledged before.

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use crate::error::Source;
use crate::handle::{Handle, Login};
use crate::place::Place;

/// How often its disk is looked at, and an attempt made to open it again.
const LOOK: Duration = Duration::from_secs(1);
/// How long queries that are under way may take to end.
const UNDER_WAY: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A database that is opened again where it has to be.
pub struct Keeper {
    url: String,
    login: Login,
    place: Option<Place>,
    /// None while it is closed.
    handle: RwLock<Option<Arc<Handle>>>,
}

impl Keeper {
    /// Opens it, and looks after it until it is dropped.
    pub async fn open(url: &str, login: Login) -> Result<Arc<Self>, Source> {
        let handle = Handle::open(url, &login).await?;
        let place = Place::of(url);
        let keeper = Arc::new(Self { url: url.to_owned(), login, place, handle: RwLock::new(Some(Arc::new(handle))) });
        if keeper.place.is_some() {
            tokio::spawn(look_after(Arc::downgrade(&keeper)));
        }
        Ok(keeper)
    }

    /// The session to ask, if it may be asked anything now.
    pub fn handle(&self) -> Result<Arc<Handle>, Source> {
        let handle = self.current().ok_or("its disk failed or was full; it is being opened anew")?;
        if self.place.as_ref().is_some_and(Place::is_full) {
            self.fail(&handle, "there is too little room on its disk");
        }
        if handle.has_failed() { Err("its disk failed or is full; it will be opened anew".into()) } else { Ok(handle) }
    }

    /// Notes that the disk of an embedded database has failed.
    pub fn fail(&self, handle: &Handle, why: &str) {
        if self.place.is_some() && handle.fail() {
            tracing::error!(error = why, "the database's disk failed or is full: nothing is written until it is opened anew");
        }
    }

    fn current(&self) -> Option<Arc<Handle>> {
        self.handle.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, handle: Option<Arc<Handle>>) -> Option<Arc<Handle>> {
        std::mem::replace(&mut *self.handle.write().unwrap_or_else(PoisonError::into_inner), handle)
    }

    async fn look(&self, place: &Place) {
        if self.handle().is_ok() || !place.has_room_to_open() {
            return;
        }
        if let Some(mut handle) = self.replace(None) {
            let deadline = Instant::now() + UNDER_WAY;
            let alone = loop {
                match Arc::try_unwrap(handle) {
                    Ok(alone) => break alone,
                    Err(shared) if Instant::now() < deadline => handle = shared,
                    Err(shared) => {
                        tracing::warn!("the failed database is still in use and cannot be closed yet");
                        self.replace(Some(shared));
                        return;
                    }
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            };
            alone.close().await;
        }
        match Handle::open(&self.url, &self.login).await {
            Ok(handle) => {
                self.replace(Some(Arc::new(handle)));
                tracing::info!("the database is open again");
            }
            Err(error) => tracing::warn!(error = &*error as &dyn std::error::Error, "the database cannot be opened again yet"),
        }
    }
}

async fn look_after(keeper: Weak<Keeper>) {
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(keeper) = keeper.upgrade() else { return };
        if let Some(place) = &keeper.place {
            keeper.look(place).await;
        }
    }
}
