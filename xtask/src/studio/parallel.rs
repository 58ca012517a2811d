//! The same thing many times, by several callers at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Client;
use crate::shell;

/// How often a long filling says how far it is.
const NEWS: Duration = Duration::from_secs(15);

/// Makes `count` calls with `callers` connections; each caller gets the numbers as they come. The first error ends it.
///
/// Says how far it is where it takes long.
pub fn calls<T: Send>(
    what: &str,
    client: &dyn Fn() -> Client,
    callers: usize,
    count: usize,
    call: impl Fn(&Client, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results = Mutex::new(Ok(Vec::with_capacity(count)));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..callers.min(count) {
            let client = client();
            let (next, failed, results, call) = (&next, &failed, &results, &call);
            scope.spawn(move || {
                let mut own = Vec::new();
                let mut outcome = Ok(());
                while !failed.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    match call(&client, number) {
                        Ok(result) => own.push(result),
                        Err(error) => {
                            outcome = Err(error);
                            failed.store(true, Ordering::Relaxed);
                        }
                    }
                }
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                match (outcome, results.as_mut()) {
                    (Ok(()), Ok(all)) => all.append(&mut own),
                    (Err(error), Ok(_)) => *results = Err(error),
                    (_, Err(_)) => {}
                }
            });
        }
        scope.spawn(|| tell(what, &next, &failed, count, began));
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn tell(what: &str, next: &AtomicUsize, failed: &AtomicBool, count: usize, began: Instant) {
    let mut said = Instant::now();
    loop {
        let done = next.load(Ordering::Relaxed);
        if done >= count || failed.load(Ordering::Relaxed) {
            return;
        }
        if said.elapsed() >= NEWS && done > 0 {
            said = Instant::now();
            let left = began.elapsed().mul_f64((count - done) as f64 / done as f64);
            println!("  {what}: {done} of {count}, about {} left", shell::human(left));
        }
        thread::sleep(Duration::from_millis(20));
    }
}
