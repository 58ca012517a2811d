//! Its author writes it next.
