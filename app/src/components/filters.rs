//! Forms that narrow a list: plain GET forms, so that a filtered list has an address and needs no JavaScript.

use icondata_core::Icon as IconData;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::icon::Icon;

/// A text to filter by; says what the list is filtered by now.
#[component]
pub fn FindField(
    /// Its name in the address.
    name: &'static str,
    /// What it is for.
    label: &'static str,
    /// What stands in it while it is empty.
    placeholder: &'static str,
    /// What it looks like.
    icon: IconData,
) -> impl IntoView {
    view! {
        <label class="find">
            <Icon icon=icon/>
            <input name=name aria-label=label placeholder=placeholder value=part(name) autocapitalize="none" spellcheck="false"/>
        </label>
    }
}

/// From which day until which, both inclusive: `since` and `until` in the address.
#[component]
pub fn DayFields() -> impl IntoView {
    view! {
        <label class="filters__day"><span>"From"</span><input type="date" name="since" value=part("since")/></label>
        <label class="filters__day"><span>"Until"</span><input type="date" name="until" value=part("until")/></label>
    }
}

/// What the address says now; empty where it says nothing.
#[must_use]
pub fn part(name: &str) -> String {
    use_query_map().with_untracked(|query| query.get(name)).unwrap_or_default()
}

/// The filters alone of all that an address says.
#[must_use]
pub fn kept(query: &ParamsMap, filters: &[&'static str]) -> ParamsMap {
    let mut kept = ParamsMap::new();
    for name in filters {
        if let Some(value) = query.get(name).filter(|value| !value.is_empty()) {
            kept.insert(*name, value);
        }
    }
    kept
}

/// The address of another page of a list that is filtered the same way; of its first one without a cursor.
#[must_use]
pub fn address(path: &str, query: &ParamsMap, filters: &[&'static str], cursor: Option<String>) -> String {
    let mut next = kept(query, filters);
    if let Some(cursor) = cursor {
        next.insert("cursor", cursor);
    }
    format!("{path}{}", next.to_query_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_page_is_filtered_the_same_way() {
        let query: ParamsMap = [("user", "ann"), ("state", ""), ("cursor", "old"), ("verify", "1")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let filters = ["state", "user"];
        assert_eq!(address("/history", &query, &filters, Some("next".to_owned())), "/history?user=ann&cursor=next");
        assert_eq!(address("/history", &query, &filters, None), "/history?user=ann");
    }
}
