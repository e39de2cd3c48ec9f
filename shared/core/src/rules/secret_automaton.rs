//! Finds many secrets in a text in one pass, whatever their number (Aho and Corasick, 1975).

use std::collections::VecDeque;

/// A state of the automaton. The start is state 0.
pub(crate) type State = u32;

const START: State = 0;
const NONE: State = State::MAX;

/// An automaton over symbols: bytes that stand for alike characters.
#[derive(Debug)]
pub(crate) struct SecretAutomaton {
    nodes: Vec<Node>,
    /// What was done to build it.
    steps: u64,
}

/// What was read so far is the end of the text, as far as it begins a secret.
#[derive(Debug, Clone, Copy)]
struct Node {
    symbol: u8,
    /// A chain of children: the first, and from there the next of the same parent.
    child: State,
    sibling: State,
    /// The longest proper end of what this state stands for that also begins a secret.
    fallback: State,
    depth: u32,
    /// The length of the longest secret that ends here, or 0.
    found: u32,
}

impl Node {
    fn new(symbol: u8, depth: u32) -> Self {
        Self { symbol, child: NONE, sibling: NONE, fallback: START, depth, found: 0 }
    }
}

impl SecretAutomaton {
    /// An automaton that finds these patterns.
    pub(crate) fn new<'a>(patterns: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut automaton = Self { nodes: vec![Node::new(0, 0)], steps: 0 };
        for pattern in patterns {
            automaton.insert(pattern);
        }
        automaton.link();
        automaton
    }

    fn insert(&mut self, pattern: &[u8]) {
        let mut state = START;
        for (symbol, depth) in pattern.iter().zip(1..) {
            state = match self.child(state, *symbol) {
                NONE => {
                    let added = State::try_from(self.nodes.len()).unwrap_or(NONE);
                    let parent = &mut self.nodes[state as usize];
                    let mut node = Node::new(*symbol, depth);
                    node.sibling = std::mem::replace(&mut parent.child, added);
                    self.nodes.push(node);
                    added
                }
                child => child,
            };
        }
        let node = &mut self.nodes[state as usize];
        node.found = node.depth;
    }

    /// Sets the fallbacks, shorter states first.
    fn link(&mut self) {
        let mut waiting = VecDeque::from([START]);
        while let Some(state) = waiting.pop_front() {
            let mut child = self.nodes[state as usize].child;
            while child != NONE {
                let Node { symbol, sibling, found, .. } = self.nodes[child as usize];
                let fallback = match state {
                    START => START,
                    _ => self.step(self.nodes[state as usize].fallback, symbol).0,
                };
                let shorter = self.nodes[fallback as usize].found;
                let node = &mut self.nodes[child as usize];
                node.fallback = fallback;
                node.found = found.max(shorter);
                self.steps += 1;
                waiting.push_back(child);
                child = sibling;
            }
        }
    }

    /// The state after one more symbol, and how many states were looked at.
    pub(crate) fn step(&self, mut state: State, symbol: u8) -> (State, u64) {
        let mut steps = 1;
        loop {
            match self.child(state, symbol) {
                NONE if state == START => return (START, steps),
                NONE => state = self.nodes[state as usize].fallback,
                child => return (child, steps),
            }
            steps += 1;
        }
    }

    /// How many symbols at the end of the text begin a secret.
    pub(crate) fn depth(&self, state: State) -> usize {
        self.nodes[state as usize].depth as usize
    }

    /// The length of the longest secret that ends here, or 0.
    pub(crate) fn found(&self, state: State) -> usize {
        self.nodes[state as usize].found as usize
    }

    /// What was done to build it.
    pub(crate) fn build_steps(&self) -> u64 {
        self.steps
    }

    /// The child of a state for a symbol. There are never more children than symbols.
    fn child(&self, state: State, symbol: u8) -> State {
        let mut child = self.nodes[state as usize].child;
        while child != NONE && self.nodes[child as usize].symbol != symbol {
            child = self.nodes[child as usize].sibling;
        }
        child
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(patterns: &[&str], text: &str) -> Vec<(usize, usize)> {
        let automaton = SecretAutomaton::new(patterns.iter().map(|pattern| pattern.as_bytes()));
        let mut state = START;
        let mut found = Vec::new();
        for (at, symbol) in text.bytes().enumerate() {
            state = automaton.step(state, symbol).0;
            if automaton.found(state) > 0 {
                found.push((at + 1 - automaton.found(state), at + 1));
            }
        }
        found
    }

    #[test]
    fn all_patterns_are_found_where_they_end() {
        assert_eq!(found(&["he", "she", "his", "hers"], "ushers"), [(1, 4), (2, 6)]);
        assert_eq!(found(&["aa"], "aaaa"), [(0, 2), (1, 3), (2, 4)]);
        assert_eq!(found(&["abcdef", "cde"], "abcdex abcdef"), [(2, 5), (9, 12), (7, 13)]);
        assert_eq!(found(&[], "abc"), []);
    }

    #[test]
    fn the_end_tells_how_much_of_a_pattern_has_begun() {
        let automaton = SecretAutomaton::new([b"secret".as_slice(), b"cretin".as_slice()]);
        let depth = |text: &str| {
            let state = text.bytes().fold(START, |state, symbol| automaton.step(state, symbol).0);
            automaton.depth(state)
        };
        assert_eq!([depth("a secre"), depth("secreti"), depth("x")], [5, 5, 0]);
    }
}
