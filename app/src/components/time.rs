//! Points in time, as people say them. The page brings the server's time along: what the browser shows first is what stands there
//! already, and nothing moves.

use std::time::Duration;

use domain::Timestamp;
use leptos::prelude::*;

/// The clock in milliseconds: the server's when it made the page, the browser's own once that is live.
#[derive(Debug, Clone, Copy)]
pub struct Clock(RwSignal<i64>);

/// Provides the one clock of the page. Call it once, at the root.
pub fn provide_clock() {
    let now = RwSignal::new(SharedValue::new(first_reading).into_inner());
    provide_context(Clock(now));
    Effect::new(move || {
        let read = move || now.set(browser_now());
        read();
        if let Ok(timer) = set_interval_with_handle(read, Duration::from_secs(15)) {
            on_cleanup(move || timer.clear());
        }
    });
}

#[cfg(feature = "ssr")]
fn first_reading() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

#[cfg(not(feature = "ssr"))]
fn first_reading() -> i64 {
    browser_now()
}

/// A point in time, relative to now, with the exact time on hover.
#[component]
pub fn When(
    /// The point in time.
    at: Timestamp,
) -> impl IntoView {
    let exact = at.format("%Y-%m-%d %H:%M UTC").to_string();
    let title = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let clock = use_context::<Clock>();
    let text = move || {
        let age = clock.map(|clock| clock.0.get() - at.timestamp_millis());
        age.and_then(relative).unwrap_or_else(|| exact.clone())
    };
    view! { <time datetime=at.to_rfc3339() title=title>{text}</time> }
}

/// A length of time in people's words: `0.4 s`, `41 s`, `2 min 5 s`, `3 h 20 min`.
#[must_use]
pub fn elapsed(from: Timestamp, to: Timestamp) -> String {
    length((to - from).num_milliseconds().max(0))
}

/// So many milliseconds in people's words.
#[must_use]
pub fn length(millis: i64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, millis % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Milliseconds since 1970 by the browser's clock. Only for effects and event handlers.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
pub fn browser_now() -> i64 {
    web_sys::js_sys::Date::now() as i64
}

/// How long ago, in words; `None` where the exact time says more.
fn relative(millis: i64) -> Option<String> {
    let minutes = millis / 60_000;
    Some(match minutes {
        ..0 => return None,
        0 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..1440 => format!("{} h ago", minutes / 60),
        1440..2880 => "yesterday".to_owned(),
        2880..20_160 => format!("{} days ago", minutes / 1440),
        20_160..86_400 => format!("{} weeks ago", minutes / 10_080),
        86_400..1_051_200 => format!("{} months ago", minutes / 43_200),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_like_speech() {
        let minutes = |minutes: i64| relative(minutes * 60_000).unwrap_or_default();
        assert_eq!(minutes(0), "just now");
        assert_eq!(minutes(59), "59 min ago");
        assert_eq!(minutes(180), "3 h ago");
        assert_eq!(minutes(1500), "yesterday");
        assert_eq!(minutes(60 * 24 * 5), "5 days ago");
        assert_eq!(minutes(60 * 24 * 120), "4 months ago");
        assert_eq!(relative(-120_000), None);
    }

    #[test]
    fn lengths_read_like_speech() {
        let length = |millis: i64| {
            let from = Timestamp::from_timestamp_millis(0).expect("the epoch");
            elapsed(from, Timestamp::from_timestamp_millis(millis).expect("near the epoch"))
        };
        assert_eq!(length(412), "0.4 s");
        assert_eq!(length(41_000), "41 s");
        assert_eq!(length(125_000), "2 min 5 s");
        assert_eq!(length(12_000_000), "3 h 20 min");
    }
}
