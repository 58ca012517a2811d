//! Regular expressions that people write: for parameters, and for what is taken out of output.
//!
//! A browser tells only whether one can be read: what matches with it, and its tables of letters, would be a large part of all that a
//! browser loads. The server says the rest when a runbook is saved.

#[cfg(target_arch = "wasm32")]
pub use browser::read;
#[cfg(not(target_arch = "wasm32"))]
pub use server::read;

#[cfg(not(target_arch = "wasm32"))]
mod server {
    use regex::{Error, Regex, RegexBuilder};

    /// How large one may become, in bytes.
    const MAX_BYTES: usize = 2 * 1024 * 1024;

    /// One that is not large: a short text can stand for millions of states.
    pub fn read(text: &str) -> Result<Regex, Error> {
        RegexBuilder::new(text).size_limit(MAX_BYTES).build()
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use regex_syntax::ast;

    /// One that can be read.
    #[derive(Debug, Clone, Copy)]
    pub struct Readable;

    impl Readable {
        /// The server knows.
        pub const fn is_match(&self, _: &str) -> bool {
            true
        }
    }

    /// Reads it, no more.
    pub fn read(text: &str) -> Result<Readable, ast::Error> {
        ast::parse::Parser::new().parse(text).map(|_| Readable)
    }
}
