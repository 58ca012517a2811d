//! Who watches a run at this server: the people whose event streams of it are open. Other servers have their own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{AccountId, Actor, RunId};
use futures::{Stream, StreamExt, stream};
use tokio::sync::watch;

/// Everybody with an open stream, by run.
#[derive(Debug, Clone, Default)]
pub struct Watching {
    rooms: Arc<Mutex<HashMap<RunId, watch::Sender<People>>>>,
}

/// One entry for each open stream, in the order in which they came.
type People = Vec<(AccountId, String)>;

/// Somebody who watches; they leave when this is dropped.
struct Seat {
    watching: Watching,
    run: RunId,
    who: AccountId,
}

impl Watching {
    /// Somebody begins to watch. Tells the names of the others, now and whenever they change, until it is dropped.
    pub fn join(&self, run: RunId, actor: &Actor) -> impl Stream<Item = Vec<String>> + Send + Unpin + use<> {
        let who = actor.id;
        let people = {
            let mut rooms = self.rooms();
            let room = rooms.entry(run).or_insert_with(|| watch::Sender::new(Vec::new()));
            room.send_modify(|people| people.push((who, actor.username.to_string())));
            room.subscribe()
        };
        let seat = Seat { watching: self.clone(), run, who };
        let told = stream::unfold((seat, people, None), |(seat, mut people, told)| async move {
            loop {
                let names = others(&people.borrow_and_update(), seat.who);
                if told.as_ref() != Some(&names) {
                    return Some((names.clone(), (seat, people, Some(names))));
                }
                people.changed().await.ok()?;
            }
        });
        told.boxed()
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RunId, watch::Sender<People>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut rooms = self.watching.rooms();
        let Some(room) = rooms.get(&self.run) else { return };
        room.send_modify(|people| {
            // Whichever of somebody's streams ends, one of their entries goes.
            if let Some(place) = people.iter().rposition(|(who, _)| *who == self.who) {
                people.remove(place);
            }
        });
        if room.borrow().is_empty() {
            rooms.remove(&self.run);
        }
    }
}

/// The names of those who are somebody else, each once.
fn others(people: &People, me: AccountId) -> Vec<String> {
    let mut names: Vec<_> = people.iter().filter(|(who, _)| *who != me).map(|(_, name)| name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use domain::{Role, Username};

    use super::*;

    fn actor(name: &str) -> Actor {
        let username = Username::parse(name).expect("a name");
        Actor { id: AccountId::new(), username, role: Role::Viewer, address: None, scopes: None }
    }

    #[tokio::test]
    async fn the_others_are_told_who_comes_and_goes_and_nobody_is_told_of_themself() {
        let watching = Watching::default();
        let (ann, bob) = (actor("ann"), actor("bob"));
        let run = RunId::new();
        let mut of_ann = watching.join(run, &ann);
        assert_eq!(of_ann.next().await, Some(vec![]));
        let mut of_bob = watching.join(run, &bob);
        assert_eq!(of_ann.next().await, Some(vec!["bob".to_owned()]));
        assert_eq!(of_bob.next().await, Some(vec!["ann".to_owned()]));
        // Another window of his, and another run: nothing changes for her.
        let (again, elsewhere) = (watching.join(run, &bob), watching.join(RunId::new(), &bob));
        drop((of_bob, elsewhere));
        drop(again);
        assert_eq!(of_ann.next().await, Some(vec![]));
        drop(of_ann);
        assert!(watching.rooms().is_empty());
    }
}
