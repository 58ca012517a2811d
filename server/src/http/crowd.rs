//! How many requests of one client are answered at once, so that one of them cannot keep all others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How many of one address. Behind a proxy that is not set as trusted, everybody has its address.
const MAX: usize = 256;

/// The clients whose requests are being answered. A clone is a handle to the same.
#[derive(Debug, Clone, Default)]
pub struct Crowd(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// The place of one request; given back when dropped.
#[derive(Debug)]
pub struct Place {
    crowd: Crowd,
    address: IpAddr,
}

impl Crowd {
    /// A place for a request of this client, where it has not too many.
    pub fn enter(&self, address: IpAddr) -> Option<Place> {
        let mut crowd = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = crowd.entry(address).or_default();
        if *count >= MAX {
            return None;
        }
        *count += 1;
        Some(Place { crowd: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut crowd = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = crowd.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                crowd.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_fills_its_own_places_and_gets_them_back() {
        let (crowd, [one, other]) =
            (Crowd::default(), ["203.0.113.7", "203.0.113.8"].map(|text| text.parse().expect("an address")));
        let places: Vec<_> = std::iter::from_fn(|| crowd.enter(one)).collect();
        assert_eq!(places.len(), MAX);
        assert!(crowd.enter(other).is_some());
        drop(places);
        assert!(crowd.enter(one).is_some());
        assert!(crowd.0.lock().expect("no panic").is_empty(), "nobody is remembered who is gone");
    }
}
