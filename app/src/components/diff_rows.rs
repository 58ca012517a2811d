//! The lines of two texts side by side: what is gone struck out, what is new underlined, each with its sign.

use domain::diff::{Change, FieldDiff, Piece, Row};
use leptos::prelude::*;

use crate::state::audit::capital;

/// The fields that differ, each under its name.
#[component]
pub fn DiffFields(
    /// The fields.
    fields: Vec<FieldDiff>,
    /// Whether their names are shown as they are written.
    #[prop(optional)]
    exact: bool,
) -> impl IntoView {
    fields.into_iter().map(|field| view! { <DiffField field=field exact=exact/> }).collect_view()
}

#[component]
fn DiffField(field: FieldDiff, exact: bool) -> impl IntoView {
    let name = if exact { field.name.clone() } else { capital(&field.name.replace('_', " ")) };
    let what = match field.change {
        Change::Added => " added",
        Change::Removed => " removed",
        Change::Changed | Change::Unchanged => "",
    };
    let raw = field.puts_values_in_raw();
    view! {
        <div class="diff__field">
            <p class="diff__name">{name}<span class="faint">{what}</span>{raw.then(|| view! { " "<span class="tag">"values unquoted (raw)"</span> })}</p>
            <DiffRows rows=field.rows/>
        </div>
    }
}

/// Lines in two columns, or one below the other where there is no room.
#[component]
pub fn DiffRows(
    /// The lines.
    rows: Vec<Row>,
) -> impl IntoView {
    view! { <div class="diff__rows">{rows.into_iter().map(row).collect_view()}</div> }
}

fn row(row: Row) -> AnyView {
    match row {
        Row::Same { text } => view! {
            <div class="diff__row">
                <span class="diff__line">{text.clone()}</span>
                // The second column shows it again, for the eye alone.
                <span class="diff__line diff__line--again" aria-hidden="true">{text}</span>
            </div>
        }
        .into_any(),
        Row::Changed { old, new } => {
            let old = match old {
                Some(pieces) => view! { <del class="diff__line"><Sign sign="−"/><span>{pieces.into_iter().map(piece).collect_view()}</span></del> }.into_any(),
                None => view! { <span class="diff__line diff__line--none"></span> }.into_any(),
            };
            let new = match new {
                Some(pieces) => view! { <ins class="diff__line"><Sign sign="+"/><span>{pieces.into_iter().map(piece).collect_view()}</span></ins> }.into_any(),
                None => view! { <span class="diff__line diff__line--none"></span> }.into_any(),
            };
            view! { <div class="diff__row">{old}{new}</div> }.into_any()
        }
        Row::Gap { lines: 1 } => view! { <p class="diff__gap">"1 line that is the same"</p> }.into_any(),
        Row::Gap { lines } => view! { <p class="diff__gap">{format!("{lines} lines that are the same")}</p> }.into_any(),
        Row::Cut { lines } => {
            view! { <p class="diff__gap">{format!("More differs; {lines} lines are not shown")}</p> }.into_any()
        }
    }
}

#[component]
fn Sign(sign: &'static str) -> impl IntoView {
    view! { <span class="diff__sign" aria-hidden="true">{sign}</span> }
}

fn piece(piece: Piece) -> AnyView {
    if piece.changed { view! { <b>{piece.text}</b> }.into_any() } else { piece.text.into_any() }
}
