//! What may lie over a page: the palette, or the list of keys. One at a time; closed, the focus is where it was.

use leptos::html::Dialog;
use leptos::prelude::*;

/// What can lie over a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// Everything one can go to or do, by a few letters.
    Palette,
    /// All keys.
    Keys,
}

/// What lies over the page now. A clone is the same.
#[derive(Debug, Clone, Copy)]
pub struct Overlays(RwSignal<Option<Overlay>>);

impl Overlays {
    /// Opens one.
    pub fn open(self, overlay: Overlay) {
        self.0.set(Some(overlay));
    }

    /// Closes what is open.
    pub fn close(self) {
        self.0.set(None);
    }

    /// Whether this one is open.
    #[must_use]
    pub fn is_open(self, overlay: Overlay) -> bool {
        self.0.get() == Some(overlay)
    }

    /// Opens and closes the dialog that shows this one. Browsers give the focus back by themselves.
    pub fn show_in(self, overlay: Overlay, dialog: NodeRef<Dialog>) {
        let open = Memo::new(move |_| self.is_open(overlay));
        Effect::new(move || {
            let Some(dialog) = dialog.get() else { return };
            if open.get() {
                if !dialog.open() {
                    let _ = dialog.show_modal();
                }
            } else if dialog.open() {
                dialog.close();
            }
        });
    }
}

/// Provides what may lie over the pages. Call it once, in their layout.
pub fn provide_overlays() -> Overlays {
    let overlays = Overlays(RwSignal::new(None));
    provide_context(overlays);
    overlays
}

/// What may lie over the page.
///
/// # Panics
/// Outside of the layout.
#[must_use]
pub fn use_overlays() -> Overlays {
    expect_context()
}
