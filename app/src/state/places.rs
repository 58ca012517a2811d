//! The hosts and tags of a command as its control holds them: one text, commas between them.

/// Each of them.
#[must_use]
pub fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|place| !place.is_empty()).map(str::to_owned).collect()
}

/// The text with more of them, each once.
#[must_use]
pub fn with(text: &str, more: &str) -> String {
    let mut places = listed(text);
    for place in listed(more) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.join(", ")
}

/// The text without one of them.
#[must_use]
pub fn without(text: &str, gone: &str) -> String {
    listed(text).into_iter().filter(|place| place != gone).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_and_go_and_none_is_there_twice() {
        assert_eq!(with("", " web-1 "), "web-1");
        assert_eq!(with("web-1", "tag:db, web-1,web-2"), "web-1, tag:db, web-2");
        assert_eq!(without("web-1, tag:db", "web-1"), "tag:db");
        assert_eq!(without("web-1", "web-1"), "");
        assert_eq!(listed(" , a,b ,"), ["a", "b"]);
    }
}
