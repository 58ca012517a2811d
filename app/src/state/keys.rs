//! Keys that work on every page: which means what, and when they are none of ours.

use domain::Permission;

/// A page that a key or the palette leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The key that follows `g`.
    pub key: char,
    /// Its address.
    pub path: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// What one must be allowed to see it.
    pub needs: Permission,
}

/// Every page that has a key.
pub const PLACES: [Place; 8] = [
    Place { key: 'h', path: "/", name: "Home", needs: Permission::Read },
    Place { key: 'r', path: "/runbooks", name: "Runbooks", needs: Permission::Read },
    Place { key: 'i', path: "/history", name: "History", needs: Permission::Read },
    Place { key: 'o', path: "/hosts", name: "Hosts", needs: Permission::ManageHosts },
    Place { key: 'c', path: "/credentials", name: "Credentials", needs: Permission::ManageCredentials },
    Place { key: 'a', path: "/audit", name: "Audit", needs: Permission::ReadAudit },
    Place { key: 'u', path: "/users", name: "Users", needs: Permission::Administer },
    Place { key: 's', path: "/settings", name: "Settings", needs: Permission::Administer },
];

/// The keys of a run's page, which it minds itself.
pub const RUN_KEYS: [(&str, &str); 4] = [
    ("p", "Pause the run, or let it go on"),
    ("s", "Stop the run"),
    ("f", "Follow the end of the output"),
    ("/", "Search the output"),
];

/// How long the second key of two may take, in milliseconds.
const PATIENCE: i64 = 1_500;

/// What somebody asks for by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The palette.
    Palette,
    /// The list of keys.
    Help,
    /// The search of the page.
    Search,
    /// Another page.
    Go(&'static str),
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is none of ours.
    Pass,
    /// It was ours, and nothing comes of it: nobody else may act on it.
    Swallow,
    /// It asks for this.
    Do(Wish),
}

/// Where the person is when they press a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// On the page.
    Page,
    /// In a field, typing.
    Field,
    /// In a dialog.
    Dialog,
}

/// A key that was pressed.
#[derive(Debug, Clone, Copy)]
pub struct Pressed<'a> {
    /// Its name, as browsers call it.
    pub key: &'a str,
    /// With Ctrl or ⌘.
    pub command: bool,
    /// With Alt.
    pub alt: bool,
}

/// Keys, some of which come in twos.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keys {
    /// Until when the second key of two is waited for.
    until: Option<i64>,
}

impl Keys {
    /// What becomes of a key that was pressed at this time (in milliseconds) by somebody who may do so much.
    pub fn press(&mut self, pressed: Pressed<'_>, at: At, now: i64, may: impl Fn(Permission) -> bool) -> Answer {
        let Pressed { key, command, alt } = pressed;
        if ["Shift", "Control", "Alt", "Meta"].contains(&key) {
            return Answer::Pass;
        }
        let second = self.until.take().is_some_and(|until| now <= until);
        if command && !alt && key.eq_ignore_ascii_case("k") && at != At::Dialog {
            return Answer::Do(Wish::Palette);
        }
        if command || alt || at != At::Page {
            return Answer::Pass;
        }
        if second {
            // Also what leads nowhere is swallowed: `g s` must stop no run where there are no settings.
            let place = PLACES.iter().find(|place| key.chars().eq([place.key]) && may(place.needs));
            return place.map_or(Answer::Swallow, |place| Answer::Do(Wish::Go(place.path)));
        }
        match key {
            "g" => {
                self.until = Some(now + PATIENCE);
                Answer::Swallow
            }
            "?" => Answer::Do(Wish::Help),
            "/" => Answer::Do(Wish::Search),
            _ => Answer::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Role;

    use super::*;

    fn key(key: &str) -> Pressed<'_> {
        Pressed { key, command: false, alt: false }
    }

    fn press(keys: &mut Keys, pressed: Pressed<'_>, at: At, now: i64) -> Answer {
        keys.press(pressed, at, now, |needs| Role::Developer.may(needs))
    }

    #[test]
    fn two_keys_lead_to_each_page_that_one_may_see() {
        for place in PLACES {
            let mut keys = Keys::default();
            assert_eq!(press(&mut keys, key("g"), At::Page, 0), Answer::Swallow);
            let expected = if place.needs == Permission::Read { Answer::Do(Wish::Go(place.path)) } else { Answer::Swallow };
            assert_eq!(press(&mut keys, key(&place.key.to_string()), At::Page, 100), expected, "{}", place.name);
        }
    }

    #[test]
    fn no_key_is_taken_from_who_types_or_from_a_dialog() {
        for at in [At::Field, At::Dialog] {
            for name in ["g", "?", "/", "h"] {
                assert_eq!(press(&mut Keys::default(), key(name), at, 0), Answer::Pass, "{name} {at:?}");
            }
        }
        let palette = Pressed { command: true, ..key("k") };
        assert_eq!(press(&mut Keys::default(), palette, At::Field, 0), Answer::Do(Wish::Palette));
        assert_eq!(press(&mut Keys::default(), palette, At::Dialog, 0), Answer::Pass);
    }

    #[test]
    fn the_second_key_of_two_stops_no_run() {
        let mut keys = Keys::default();
        press(&mut keys, key("g"), At::Page, 0);
        assert_eq!(press(&mut keys, key("Shift"), At::Page, 10), Answer::Pass);
        assert_eq!(press(&mut keys, key("s"), At::Page, 20), Answer::Swallow, "a developer has no settings");
        assert_eq!(press(&mut keys, key("s"), At::Page, 30), Answer::Pass, "alone it is the page's");
    }

    #[test]
    fn a_second_key_that_comes_late_stands_alone() {
        let mut keys = Keys::default();
        press(&mut keys, key("g"), At::Page, 0);
        assert_eq!(press(&mut keys, key("h"), At::Page, PATIENCE + 1), Answer::Pass);
    }

    #[test]
    fn keys_of_the_browser_stay_the_browsers() {
        for name in ["g", "?", "/"] {
            assert_eq!(press(&mut Keys::default(), Pressed { command: true, ..key(name) }, At::Page, 0), Answer::Pass);
            assert_eq!(press(&mut Keys::default(), Pressed { alt: true, ..key(name) }, At::Page, 0), Answer::Pass);
        }
    }

    #[test]
    fn no_two_pages_have_the_same_key() {
        let letters: std::collections::BTreeSet<char> = PLACES.iter().map(|place| place.key).collect();
        assert_eq!(letters.len(), PLACES.len());
    }
}
