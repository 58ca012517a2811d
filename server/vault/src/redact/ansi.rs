//! Where a terminal's escape sequence ends. Nothing is made of what it says.

/// What every sequence begins with.
pub(super) const ESC: u8 = 0x1b;
/// A longer one is none.
const MAX_BYTES: u16 = 256;

/// A sequence that has begun, or none.
#[derive(Clone, Copy, Default)]
pub(super) struct Escape {
    part: Part,
    bytes: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    /// Text.
    #[default]
    None,
    /// After `ESC`.
    Begun,
    /// After `ESC` and intermediate bytes: a character set, for one.
    Intermediate,
    /// After `ESC [`: colours, movements.
    Control,
    /// After `ESC ]` and its like: titles, links.
    String,
    /// After `ESC` in such a one.
    StringEnd,
}

/// What a byte is.
pub(super) enum Next {
    /// Part of the sequence, which goes on.
    Inside,
    /// The end of it.
    End,
    /// Nothing that a sequence could hold: it was none.
    NoSequence,
}

impl Escape {
    /// After its first byte.
    pub(super) fn begun() -> Self {
        Self { part: Part::Begun, bytes: 1 }
    }

    pub(super) fn is_none(&self) -> bool {
        self.part == Part::None
    }

    /// Takes the next byte.
    pub(super) fn take(&mut self, byte: u8) -> Next {
        self.bytes += 1;
        self.part = match (self.part, byte) {
            _ if self.bytes > MAX_BYTES => return self.end(Next::NoSequence),
            (Part::Begun, b'[') => Part::Control,
            (Part::Begun, b']' | b'P' | b'X' | b'^' | b'_') => Part::String,
            (Part::Begun | Part::Intermediate, 0x20..=0x2f) => Part::Intermediate,
            (Part::Begun | Part::Intermediate, 0x30..=0x7e) => return self.end(Next::End),
            (Part::Control, 0x20..=0x3f) => Part::Control,
            (Part::Control, 0x40..=0x7e) => return self.end(Next::End),
            (Part::String, 0x07) | (Part::StringEnd, b'\\') => return self.end(Next::End),
            (Part::String, ESC) => Part::StringEnd,
            (Part::String, 0x20..) => Part::String,
            // A new sequence ends one that was not finished.
            (Part::Begun | Part::Intermediate | Part::Control, ESC) => Part::Begun,
            _ => return self.end(Next::NoSequence),
        };
        Next::Inside
    }

    fn end(&mut self, next: Next) -> Next {
        *self = Self::default();
        next
    }
}
