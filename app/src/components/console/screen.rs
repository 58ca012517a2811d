//! What of a console is in sight, and how it moves.

use leptos::html::{Div, P};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::Find;
use crate::components::run_controls::Watched;
use crate::state::lines::Console as Output;
use crate::state::rows::{Lines, Rows, Scale, Window};
use crate::state::timeline::{Place, Timeline};

/// This near to the end, in pixels, counts as the end.
const NEAR: i32 = 24;
/// How long after a person did something a scroll counts as theirs, in milliseconds.
const TOUCH: f64 = 1_000.0;
/// How many of the last lines come with the page.
const WITHOUT_SCRIPT: usize = 300;
/// The same of one that is folded, of which there may be many.
const FOLDED_WITHOUT_SCRIPT: usize = 40;
/// How many rows are drawn at least, so that a console that grows never shows a gap.
const LEAST_ROWS: f64 = 24.0;

/// What a view of the output depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    seq: u64,
    pub total: u64,
    pub earlier: u64,
    pub cut: bool,
    pub tail: bool,
}

impl From<&Output> for Seen {
    fn from(output: &Output) -> Self {
        Self {
            seq: output.last_seq(),
            total: output.total(),
            earlier: output.earlier(),
            cut: output.is_cut(),
            tail: output.is_tail(),
        }
    }
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drawn {
    /// The lines.
    pub window: Window,
    /// Whether the browser has said how much fits; until then the last lines are drawn as they come.
    pub measured: bool,
    /// Pixels above and below them.
    above: f64,
    below: f64,
}

/// How much of the output fits, and where the scroll bar is.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sight {
    top: f64,
    height: f64,
    row: f64,
    columns: u32,
}

/// The lines of a console, or those of stderr alone.
struct Of<'a>(&'a Output, bool);

impl Lines for Of<'_> {
    fn count(&self) -> usize {
        self.0.count(self.1)
    }

    fn width(&self, index: usize) -> u32 {
        self.0.width_at(self.1, index)
    }

    fn earlier(&self) -> u64 {
        self.0.earlier()
    }

    fn errors_only(&self) -> bool {
        self.1
    }
}

/// A console as it is looked at.
#[derive(Clone, Copy)]
pub struct Shown {
    timeline: RwSignal<Timeline>,
    place: Place,
    /// Whether it is unfolded.
    open: Memo<bool>,
    pub wrap: RwSignal<bool>,
    pub errors_only: RwSignal<bool>,
    /// Whether the end stays in sight.
    pub following: RwSignal<bool>,
    /// The line that a link named.
    pub linked: RwSignal<Option<u64>>,
    pub find: RwSignal<Find>,
    pub seen: Memo<Seen>,
    pub drawn: Memo<Drawn>,
    sight: RwSignal<Option<Sight>>,
    rows: StoredValue<Rows>,
    /// A line that is to be shown as soon as it is there.
    wanted: RwSignal<Option<u64>>,
    /// How far the end was below when the person scrolled last.
    from_end: StoredValue<i32>,
    before: StoredValue<i32>,
    /// What there was to see when it scrolled last.
    known: StoredValue<Seen>,
    /// When the person last did something to it, in milliseconds.
    touched: StoredValue<f64>,
    pub screen: NodeRef<Div>,
    pub list: NodeRef<Div>,
    pub probe: NodeRef<P>,
}

impl Shown {
    pub fn new(watched: Watched, place: Place, open: Memo<bool>) -> Self {
        let timeline = watched.timeline;
        let seen = Memo::new(move |_| timeline.with(|timeline| timeline.console(place).map(Seen::from).unwrap_or_default()));
        let (wrap, errors_only, following) = (RwSignal::new(true), RwSignal::new(false), RwSignal::new(true));
        let sight = RwSignal::new(None::<Sight>);
        let rows = StoredValue::new(Rows::default());
        let drawn = Memo::new(move |_| {
            seen.track();
            let (sight, errors_only) = (sight.get(), errors_only.get());
            // Folded, it is in the page only for those who have no script to open it with.
            let folded = !open.get();
            if folded && watched.live.get() {
                return Drawn::default();
            }
            let columns = sight.filter(|_| wrap.get()).map(|sight| sight.columns);
            let following = following.get();
            timeline.with_untracked(|timeline| {
                let Some(console) = timeline.console(place) else { return Drawn::default() };
                let lines = Of(console, errors_only);
                let mut all = rows.get_value();
                all.update(columns, &lines);
                let drawn = sight.map_or_else(|| last_lines(&lines, folded), |sight| drawn(sight, following, &all, &lines));
                rows.set_value(all);
                drawn
            })
        });
        Self {
            timeline,
            place,
            open,
            wrap,
            errors_only,
            following,
            linked: RwSignal::new(None),
            find: RwSignal::new(Find::default()),
            seen,
            drawn,
            sight,
            rows,
            wanted: RwSignal::new(None),
            from_end: StoredValue::new(0),
            before: StoredValue::new(0),
            known: StoredValue::new(Seen::default()),
            touched: StoredValue::new(0.0),
            screen: NodeRef::new(),
            list: NodeRef::new(),
            probe: NodeRef::new(),
        }
    }

    /// Reads the console, where there is one; nothing is tracked.
    pub fn read<T>(self, read: impl FnOnce(&Output) -> T) -> Option<T> {
        self.timeline.try_with_untracked(|timeline| timeline.console(self.place).map(read))?
    }

    /// Measures, follows and finds as output comes in.
    pub fn keep_up(self, watched: Watched) {
        let Self { seen, drawn, following, .. } = self;
        Effect::new(move || {
            watched.opened.track();
            seen.track();
            if self.probe.get().is_some() {
                self.measure();
            }
        });
        Effect::new(move || {
            let handle = window_event_listener(leptos::ev::resize, move |_| self.measure());
            on_cleanup(move || handle.remove());
        });
        Effect::new(move || {
            let Drawn { above, below, measured, .. } = drawn.get();
            if let Some(list) = self.list.get().filter(|_| measured) {
                let list: &web_sys::HtmlElement = &list;
                let style = list.style();
                // Where it cannot be set only the scroll bar is wrong.
                drop(style.set_property("padding-top", &format!("{above:.0}px")));
                drop(style.set_property("padding-bottom", &format!("{below:.0}px")));
            }
        });
        Effect::new(move || {
            seen.track();
            drawn.track();
            if following.get() {
                self.to_end();
            }
        });
        Effect::new(move || {
            if watched.follow.get() > 0 {
                following.set(true);
                self.to_end();
            }
        });
        // The whole output takes the place of its end: what is in sight stays there.
        Effect::new(move |was: Option<bool>| {
            let tail = seen.get().tail;
            if was == Some(true) && !tail && !following.get_untracked() {
                let from_end = self.from_end.get_value();
                self.when_drawn(move |screen| screen.set_scroll_top(screen.scroll_height() - from_end));
            }
            tail
        });
        Effect::new(move || {
            seen.track();
            self.find.maybe_update(|find| {
                if find.word().is_empty() {
                    return false;
                }
                let before = find.count();
                self.read(|console| find.update(console));
                find.count() != before
            });
        });
        Effect::new(move || {
            let Some(number) = self.wanted.get() else { return };
            let Seen { tail, total, .. } = seen.get();
            if !tail && total >= number && self.sight.get().is_some() && self.open.get() {
                self.wanted.set(None);
                self.show(number);
                request_animation_frame(move || {
                    if let Some(Some(screen)) = self.screen.try_get_untracked() {
                        screen.scroll_into_view();
                    }
                });
            }
        });
    }

    /// Shows the line that a link names, now or when it comes.
    pub fn show_linked(self, number: u64) {
        if let Some(screen) = self.screen.get_untracked()
            && let Ok(Some(closed)) = screen.closest("details:not([open])")
        {
            drop(closed.set_attribute("open", ""));
        }
        self.linked.set(Some(number));
        self.following.set(false);
        self.wanted.set(Some(number));
    }

    /// Brings a line into sight, near the middle.
    pub fn show(self, number: u64) {
        self.add_up();
        let index = self.read(|console| console.index_of(self.errors_only.get_untracked(), number)).flatten();
        let Some(index) = index else {
            if self.errors_only.get_untracked() {
                self.errors_only.set(false);
                self.show(number);
            }
            return;
        };
        self.following.set(false);
        let Some(sight) = self.sight.get_untracked() else { return };
        let errors_only = self.errors_only.get_untracked();
        let top = self.read(|console| {
            let lines = Of(console, errors_only);
            self.rows.with_value(|rows| Scale::new(rows.total(&lines), sight.row).top_of(rows.above(index, &lines)))
        });
        let top = (top.unwrap_or_default() - sight.height / 3.0).max(0.0);
        self.when_drawn(move |screen| {
            screen.set_scroll_top(pixels(top));
            self.before.set_value(pixels(top));
        });
    }

    /// The first line in sight.
    pub fn first_in_sight(self) -> Option<u64> {
        let sight = self.sight.get_untracked()?;
        self.add_up();
        let errors_only = self.errors_only.get_untracked();
        self.read(|console| {
            let lines = Of(console, errors_only);
            let index = self.rows.with_value(|rows| {
                let row = Scale::new(rows.total(&lines), sight.row).row_at(sight.top);
                rows.line_at(row, &lines)
            });
            console.number_at(errors_only, index)
        })?
    }

    /// Sees to it that the rows are those of the lines as they are shown now.
    fn add_up(self) {
        self.drawn.with_untracked(|_| ());
    }

    pub fn toggle_errors(self) {
        self.keep_place(|| self.errors_only.update(|only| *only = !*only));
    }

    pub fn toggle_wrap(self) {
        self.keep_place(|| self.wrap.update(|wrap| *wrap = !*wrap));
        request_animation_frame(move || self.measure());
    }

    /// Changes how lines are shown, and goes on where the person was.
    fn keep_place(self, change: impl FnOnce()) {
        let first = self.first_in_sight().filter(|_| !self.following.get_untracked());
        change();
        let Some(first) = first else { return };
        let errors_only = self.errors_only.get_untracked();
        let near = self.read(|console| {
            // Of stderr alone: the first of its lines from there on.
            let mut later = (0..console.count(errors_only)).filter_map(|index| console.number_at(errors_only, index));
            if errors_only { later.find(|&number| number >= first) } else { Some(first) }
        });
        if let Some(near) = near.flatten() {
            self.show(near);
        }
    }

    /// The person does something that may scroll it.
    pub fn touched(self) {
        self.touched.set_value(now());
    }

    pub fn scrolled(self) {
        let Some(screen) = self.screen.get_untracked() else { return };
        let top = screen.scroll_top();
        let from_end = screen.scroll_height() - top;
        let at_end = from_end - screen.client_height() <= NEAR;
        let went_up = top < self.before.get_value();
        self.before.set_value(top);
        self.from_end.set_value(from_end);
        // Lines that arrive move the end away, and the place as well where they are drawn anew; only the person moves up.
        let seen = self.seen.get_untracked();
        let by_person = self.known.get_value() == seen || now() - self.touched.get_value() < TOUCH;
        self.known.set_value(seen);
        let went_up = went_up && by_person;
        if at_end != self.following.get_untracked() && (at_end || went_up) {
            self.following.set(at_end);
        }
        self.measure();
    }

    fn measure(self) {
        let (Some(Some(screen)), Some(Some(probe))) = (self.screen.try_get_untracked(), self.probe.try_get_untracked()) else {
            return;
        };
        let text = probe.last_element_child();
        let Some((room, letters)) = text.and_then(|text| Some((text.client_width(), text.first_element_child()?))) else {
            return;
        };
        let Ok(letters) = letters.dyn_into::<web_sys::HtmlElement>() else { return };
        let letter = f64::from(letters.offset_width()) / 100.0;
        // In something that is closed there is nothing to measure.
        if letter <= 0.0 || room <= 0 || probe.offset_height() <= 0 {
            return;
        }
        let columns = (f64::from(room) / letter).floor().max(1.0) as u32;
        let sight = Sight {
            top: f64::from(screen.scroll_top()),
            height: f64::from(screen.client_height()),
            row: f64::from(probe.offset_height()),
            columns,
        };
        if self.sight.get_untracked() != Some(sight) {
            self.sight.set(Some(sight));
        }
    }

    fn to_end(self) {
        self.when_drawn(move |screen| {
            // The person may have gone elsewhere meanwhile.
            if self.following.try_get_untracked() == Some(true) {
                screen.set_scroll_top(screen.scroll_height());
            }
        });
    }

    fn when_drawn(self, act: impl FnOnce(&web_sys::HtmlDivElement) + 'static) {
        request_animation_frame(move || {
            if let Some(Some(screen)) = self.screen.try_get_untracked() {
                act(&screen);
            }
        });
    }
}

/// The clock of the browser, in milliseconds.
fn now() -> f64 {
    web_sys::js_sys::Date::now()
}

fn last_lines(lines: &Of<'_>, folded: bool) -> Drawn {
    let count = lines.count();
    let most = if folded { FOLDED_WITHOUT_SCRIPT } else { WITHOUT_SCRIPT };
    let window = Window { lines: count.saturating_sub(most)..count, above: 0, below: 0 };
    Drawn { window, ..Drawn::default() }
}

fn drawn(sight: Sight, following: bool, rows: &Rows, lines: &Of<'_>) -> Drawn {
    let total = rows.total(lines);
    let scale = Scale::new(total, sight.row);
    let visible = (sight.height / sight.row).ceil().max(LEAST_ROWS);
    let top = if following { (scale.height() - visible * sight.row).max(0.0) } else { sight.top };
    // At the end the last row stands at the bottom, whatever the scale.
    let first = if following { total.saturating_sub(visible as u64) } else { scale.row_at(top) };
    let window = rows.window(first, visible as u64, lines);
    let above = scale.offset(window.above, top);
    let shown = rows.above(window.lines.end, lines) - window.above;
    let drawn = Scale::new(shown, sight.row).height();
    let below = if window.below == 0 { 0.0 } else { (scale.height() - above - drawn).max(0.0) };
    Drawn { window, measured: true, above, below }
}

fn pixels(length: f64) -> i32 {
    length.round() as i32
}
