//! How the engine behaves.

use std::time::Duration;

use crate::executors::egress::Egress;

/// Settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Names this worker in leases; no two workers that live at the same time may share one.
    pub owner: String,
    /// No other process uses the store, so that every lease of the past is a dead one's: its run is taken up at once.
    pub alone: bool,
    /// How long a run stays ours without a sign of life.
    pub lease: Duration,
    /// How often we give one.
    pub heartbeat: Duration,
    /// How often we look for runs to take up and for what people asked of those we hold.
    pub poll: Duration,
    /// How often what the runner keeps is compared with the store.
    pub sweep: Duration,
    /// What a stopped process gets to tidy up before it is killed.
    pub stop_grace: Duration,
    /// How many runs execute at once; those that wait for a timer do not count.
    pub max_runs: usize,
    /// How much output of one step is kept, in bytes.
    pub output_cap: u64,
    /// Who may call private networks.
    pub egress: Egress,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            owner: uuid::Uuid::now_v7().to_string(),
            alone: false,
            lease: Duration::from_secs(15),
            heartbeat: Duration::from_secs(5),
            poll: Duration::from_secs(1),
            sweep: Duration::from_secs(600),
            stop_grace: Duration::from_secs(10),
            max_runs: 200,
            output_cap: 64 * 1024 * 1024,
            egress: Egress::default(),
        }
    }
}
