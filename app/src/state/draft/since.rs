//! A draft beside the version that it began with: whether anything changed, and which of its blocks can be run as they are.

use super::*;

/// Why a block cannot be run as it stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotYet {
    /// It was never saved.
    New,
    /// It was changed, or something nested in it.
    Changed,
    /// What the runbook asks was changed.
    Parameters,
}

impl NotYet {
    /// A sentence for people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::New => "Save first: this block is new.",
            Self::Changed => "Save first: this block was changed.",
            Self::Parameters => "Save first: the parameters were changed.",
        }
    }
}

/// What else on the page follows from what stands in a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// Where it runs, as it was typed.
    pub host: String,
    /// What a condition checks.
    pub check: String,
    /// Whether something in it may have values put in.
    pub templated: bool,
}

impl Draft {
    /// The marks of all blocks, by their keys.
    #[must_use]
    pub fn marks(&self) -> HashMap<u64, Mark> {
        let mut marks = HashMap::new();
        self.walk(&mut |block, _| {
            let (host, check) = (block.get(Field::Host).to_owned(), block.get(Field::ConditionType).to_owned());
            marks.insert(block.key, Mark { host, check, templated: block.holds_templates() });
        });
        marks
    }

    /// Whether both would be saved as the same: keys, folds and samples do not count.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let texts = |draft: &Self| (draft.title.clone(), draft.description.clone(), draft.message.trim().to_owned());
        texts(self) == texts(other)
            && self.tags == other.tags
            && self.asks_the_same(other)
            && same_blocks(&self.blocks, &other.blocks)
    }

    /// Of each block that cannot be run as it stands, why not.
    #[must_use]
    pub fn not_yet(&self, saved: &Self) -> HashMap<u64, NotYet> {
        let mut known = HashMap::new();
        by_id(&saved.blocks, &mut known);
        let asks_the_same = self.asks_the_same(saved);
        let mut found = HashMap::new();
        self.walk(&mut |block, _| {
            let why = match known.get(block.id.as_str()) {
                None => NotYet::New,
                Some(saved) if !block.is_same(saved) => NotYet::Changed,
                Some(_) if !asks_the_same => NotYet::Parameters,
                Some(_) => return,
            };
            found.insert(block.key, why);
        });
        found
    }

    /// The blocks that hold templates, or an expression, each without what is nested in it, as JSON.
    #[must_use]
    pub fn templated(&self) -> Vec<(u64, Value)> {
        let mut found = Vec::new();
        self.walk(&mut |block, _| {
            if block.holds_templates() {
                found.push((block.key, block.alone().to_json()));
            }
        });
        found
    }

    /// The parameters with their samples in place of a default, as JSON.
    #[must_use]
    pub fn sampled_parameters(&self) -> Vec<Value> {
        let sampled = |parameter: &DraftParameter| {
            let mut parameter = parameter.clone();
            if !parameter.sample.is_empty() {
                parameter.default.clone_from(&parameter.sample);
            }
            parameter.to_json()
        };
        self.parameters.iter().map(sampled).collect()
    }

    /// The samples that were typed, by the names of their parameters.
    #[must_use]
    pub fn samples(&self) -> BTreeMap<String, String> {
        let typed = self.parameters.iter().filter(|parameter| !parameter.sample.is_empty());
        typed.map(|parameter| (parameter.name.clone(), parameter.sample.clone())).collect()
    }

    fn asks_the_same(&self, other: &Self) -> bool {
        let bare = |parameter: &DraftParameter| DraftParameter { key: 0, sample: String::new(), ..parameter.clone() };
        self.parameters.len() == other.parameters.len()
            && self.parameters.iter().zip(&other.parameters).all(|(one, other)| bare(one) == bare(other))
    }
}

impl DraftBlock {
    fn is_same(&self, other: &Self) -> bool {
        let same = |field: &Field| self.get(*field) == other.get(*field);
        (&self.id, self.kind) == (&other.id, other.kind)
            && self.written().all(|field| same(&field))
            && same_blocks(&self.nested, &other.nested)
            && same_blocks(&self.otherwise, &other.otherwise)
    }

    fn holds_templates(&self) -> bool {
        match self.kind {
            BlockType::Command | BlockType::Api => self.texts().any(|text| text.contains('{')),
            BlockType::Condition => self.get(Field::ConditionType) == "expression" || self.texts().any(|text| text.contains('{')),
            BlockType::Instruction | BlockType::Timer => false,
        }
    }

    fn alone(&self) -> Self {
        Self { nested: Vec::new(), otherwise: Vec::new(), ..self.clone() }
    }
}

fn by_id<'a>(blocks: &'a [DraftBlock], known: &mut HashMap<&'a str, &'a DraftBlock>) {
    for block in blocks {
        known.insert(&block.id, block);
        by_id(&block.nested, known);
        by_id(&block.otherwise, known);
    }
}

fn same_blocks(ours: &[DraftBlock], theirs: &[DraftBlock]) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| ours.is_same(theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Draft {
        let sample = domain::sample::runbook().expect("the sample is valid");
        let mut draft = Draft::from(&sample);
        // As if it were saved: each has an id.
        let keys: Vec<u64> = draft.spots().into_keys().collect();
        for key in keys {
            draft.block_mut(key).expect("a block").id = format!("id-{key}");
        }
        draft
    }

    #[test]
    fn what_would_be_saved_counts_and_nothing_else() {
        let saved = sample();
        let mut draft = saved.clone();
        draft.blocks[0].collapsed = true;
        draft.parameters.iter_mut().for_each(|parameter| parameter.sample = "x".to_owned());
        assert!(draft.is_same(&saved) && draft.not_yet(&saved).is_empty());
        draft.blocks[0].set(Field::Name, "Another name");
        assert!(!draft.is_same(&saved));
        assert_eq!(draft.not_yet(&saved), HashMap::from([(draft.blocks[0].key, NotYet::Changed)]));
    }

    #[test]
    fn a_new_block_and_changed_parameters_keep_blocks_from_running() {
        let saved = sample();
        let mut draft = saved.clone();
        let key = draft.insert(ListAt::Top, 0, BlockType::Timer).expect("at the top");
        assert_eq!(draft.not_yet(&saved), HashMap::from([(key, NotYet::New)]));
        draft.add_parameter();
        let why = draft.not_yet(&saved);
        assert_eq!((why.len(), why[&key]), (draft.spots().len(), NotYet::New));
        assert!(why.values().any(|why| *why == NotYet::Parameters));
    }

    #[test]
    fn a_change_of_a_nested_block_is_one_of_its_condition_too() {
        let mut draft = Draft::default();
        let condition = draft.insert(ListAt::Top, 0, BlockType::Condition).expect("at the top");
        let inner = draft.insert(ListAt::Then(condition), 0, BlockType::Command).expect("in the branch");
        for key in [condition, inner] {
            draft.block_mut(key).expect("a block").id = format!("id-{key}");
        }
        let saved = draft.clone();
        draft.block_mut(inner).expect("a block").set(Field::Command, "echo {{ params.x }}");
        assert_eq!(draft.not_yet(&saved).len(), 2);
        assert_eq!(draft.templated().iter().map(|(key, _)| *key).collect::<Vec<_>>(), [inner]);
    }

    #[test]
    fn a_sample_stands_in_for_a_default() {
        let mut draft = Draft::default();
        let key = draft.add_parameter();
        draft.parameters[0] =
            DraftParameter { key, name: "host".to_owned(), sample: "db-1".to_owned(), ..draft.parameters[0].clone() };
        assert_eq!(draft.sampled_parameters()[0]["default"], "db-1");
        assert_eq!(draft.to_json()["parameters"][0].get("default"), None);
        assert_eq!(draft.samples(), BTreeMap::from([("host".to_owned(), "db-1".to_owned())]));
    }
}
