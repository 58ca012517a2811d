//! Which blocks of a draft the server is asked about: those that hold templates, each again when it or what is put in has changed.

use std::collections::HashMap;

use serde_json::Value;

use super::draft::Draft;

/// What was asked last.
#[derive(Debug, Default)]
pub struct Asked {
    title: String,
    parameters: Vec<Value>,
    blocks: HashMap<u64, Value>,
}

/// What to ask.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Question {
    /// The title of the runbook.
    pub title: String,
    /// The parameters, with samples for defaults.
    pub parameters: Vec<Value>,
    /// The keys of the blocks.
    pub keys: Vec<u64>,
    /// The blocks, in the same order.
    pub blocks: Vec<Value>,
}

impl Asked {
    /// What has to be asked now, at most `most` blocks of it; from then on that counts as asked. None where all is known.
    pub fn news(&mut self, draft: &Draft, most: usize) -> Option<Question> {
        let parameters = draft.sampled_parameters();
        if (&self.title, &self.parameters) != (&draft.title, &parameters) {
            self.blocks.clear();
        }
        self.title.clone_from(&draft.title);
        self.parameters.clone_from(&parameters);
        let mut question = Question { title: draft.title.clone(), parameters, ..Question::default() };
        let templated = draft.templated();
        self.blocks.retain(|key, _| templated.iter().any(|(other, _)| other == key));
        for (key, block) in templated {
            if question.keys.len() < most && self.blocks.get(&key) != Some(&block) {
                self.blocks.insert(key, block.clone());
                question.keys.push(key);
                question.blocks.push(block);
            }
        }
        (!question.keys.is_empty()).then_some(question)
    }

    /// Nobody answered: with the next change it is asked again.
    pub fn forget(&mut self, keys: &[u64]) {
        keys.iter().for_each(|key| drop(self.blocks.remove(key)));
    }
}

#[cfg(test)]
mod tests {
    use domain::BlockType;

    use super::*;
    use crate::state::draft::{Field, ListAt};

    #[test]
    fn only_blocks_with_templates_are_asked_about_and_each_once() {
        let (mut draft, mut asked) = (Draft::default(), Asked::default());
        let keys: Vec<u64> = (0..3).filter_map(|index| draft.insert(ListAt::Top, index, BlockType::Command)).collect();
        assert_eq!(asked.news(&draft, 10), None);
        for key in &keys[..2] {
            draft.block_mut(*key).expect("a block").set(Field::Command, "echo {{ params.x }}");
        }
        assert_eq!(asked.news(&draft, 1).expect("a question").keys, [keys[0]]);
        assert_eq!(asked.news(&draft, 10).expect("the rest").keys, [keys[1]]);
        assert_eq!(asked.news(&draft, 10), None);

        draft.block_mut(keys[1]).expect("a block").set(Field::Command, "echo {{ params.y }}");
        assert_eq!(asked.news(&draft, 10).expect("a question").keys, [keys[1]]);
        asked.forget(&[keys[0]]);
        assert_eq!(asked.news(&draft, 10).expect("a question").keys, [keys[0]]);
        draft.add_parameter();
        assert_eq!(asked.news(&draft, 10).expect("a question").keys, keys[..2]);

        draft.block_mut(keys[0]).expect("a block").set(Field::Command, "echo plain");
        assert_eq!(asked.news(&draft, 10), None);
    }
}
