//! The Leptos application: pages, components and server functions, compiled for the server and for the browser.
