//! The browser entry point: hydrates the server-rendered page.
