//! The waiting operations of one object.

use super::Waiting;

/// By stage, side by side: nearly always there is one, and a tree would be mostly room.
#[derive(Debug, Default)]
pub(super) struct Stages(Vec<Waiting>);

impl Stages {
    pub(super) fn get(&self, stage: u16) -> Option<&Waiting> {
        self.0.get(self.place(stage).ok()?)
    }

    /// Puts an operation in, in the place of the one of the same stage.
    pub(super) fn insert(&mut self, waiting: Waiting) {
        let stage = waiting.op.key.stage;
        self.remove(stage);
        if self.0.is_empty() {
            self.0.reserve_exact(1);
        }
        let at = self.up_to(stage).len();
        self.0.insert(at, waiting);
    }

    pub(super) fn remove(&mut self, stage: u16) -> Option<Waiting> {
        let at = self.place(stage).ok()?;
        Some(self.0.remove(at))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order of their stages.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Waiting> {
        self.0.iter()
    }

    /// Those of earlier stages than this.
    pub(super) fn before(&self, stage: u16) -> &[Waiting] {
        let count = self.0.partition_point(|it| it.op.key.stage < stage);
        self.0.get(..count).unwrap_or_default()
    }

    /// Those of stages up to this one.
    pub(super) fn up_to(&self, stage: u16) -> &[Waiting] {
        let count = self.0.partition_point(|it| it.op.key.stage <= stage);
        self.0.get(..count).unwrap_or_default()
    }

    fn place(&self, stage: u16) -> Result<usize, usize> {
        self.0.binary_search_by_key(&stage, |it| it.op.key.stage)
    }
}

impl IntoIterator for Stages {
    type Item = Waiting;
    type IntoIter = std::vec::IntoIter<Waiting>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
