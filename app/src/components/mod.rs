//! What pages are put together from.

pub mod area;
pub mod block_editor;
pub mod block_view;
pub mod command_text;
pub mod confirm;
pub mod console;
pub mod event_stream;
pub mod icon;
pub mod markdown;
pub mod notice;
pub mod page_head;
pub mod pager;
pub mod parameter_editor;
pub mod params_form;
pub mod pill;
pub mod preflight;
pub mod run_controls;
pub mod run_form;
pub mod shown_once;
pub mod sidebar;
pub mod step_card;
pub mod step_list;
pub mod time;
