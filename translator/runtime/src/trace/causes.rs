//! The changes under way, by object. Both lists have a bound; what is over is counted.

use aviary_boot::trace::{Context, LINKS_MAX};
use aviary_plan::Op;
use aviary_types::ObjectKey;
use std::collections::BTreeMap;

/// Changes under way whose traces are known. Under a load beyond this the oldest ones end with what
/// was done for them so far.
const RECENT_MAX: usize = 4_096;

/// The changes that something is done for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Changes {
    /// Their traces, oldest first.
    pub(crate) contexts: Vec<Context>,
    /// How many there are, with those that found no room above.
    pub(crate) count: usize,
}

impl Changes {
    pub(crate) fn add(&mut self, context: &Context) {
        self.count += 1;
        if self.contexts.len() < LINKS_MAX {
            self.contexts.push(context.clone());
        }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        let unnamed = other.count - other.contexts.len();
        other.contexts.iter().for_each(|context| self.add(context));
        self.count += unnamed;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether both name a change.
    pub(crate) fn has_any_of(&self, others: &Self) -> bool {
        let mut own = self.contexts.iter();
        own.any(|context| others.contexts.contains(context))
    }

    pub(crate) fn first(&self) -> Option<&Context> {
        self.contexts.first()
    }

    /// What a span is to name: nothing if it is done for one change, whose child it is.
    pub(crate) fn to_link(&self) -> &[Context] {
        if self.count > 1 { &self.contexts } else { &[] }
    }
}

/// The changes under way.
#[derive(Default)]
pub(crate) struct Causes {
    recent: BTreeMap<ObjectKey, (u64, Context)>,
    order: BTreeMap<u64, ObjectKey>,
    next: u64,
    /// Those that were not translated yet.
    fresh: Changes,
}

impl Causes {
    /// An object changed.
    pub(crate) fn note(&mut self, key: &ObjectKey, context: Context) {
        self.fresh.add(&context);
        self.next += 1;
        let number = self.next;
        if let Some((former, _)) = self.recent.insert(key.clone(), (number, context)) {
            self.order.remove(&former);
        }
        self.order.insert(number, key.clone());
        if self.order.len() > RECENT_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.recent.remove(&oldest);
        }
    }

    /// What was not translated yet.
    pub(crate) fn take_fresh(&mut self) -> Changes {
        std::mem::take(&mut self.fresh)
    }

    /// The change of an object that is under way.
    pub(crate) fn of(&self, key: &ObjectKey) -> Option<&Context> {
        self.recent.get(key).map(|(_, context)| context)
    }

    /// Where the telling of an object belongs, after something was done in `done`: there, or in the
    /// trace of the object's own change.
    pub(crate) fn telling(&self, key: &ObjectKey, done: Option<&Context>) -> Option<Context> {
        let own = self.of(key);
        match (own, done) {
            (Some(own), Some(done)) if !own.is_in_trace_of(done) => Some(own.clone()),
            (_, Some(done)) => Some(done.clone()),
            (own, None) => own.cloned(),
        }
    }

    /// The changes of these operations' sources, oldest first.
    pub(crate) fn behind<'a>(&self, ops: impl IntoIterator<Item = &'a Op>) -> Changes {
        let mut changes = Changes::default();
        if self.recent.is_empty() {
            return changes;
        }
        let sources = ops.into_iter().flat_map(|op| op.provenance.objects());
        let found = sources.filter_map(|key| self.recent.get(key));
        let sorted: BTreeMap<u64, &Context> = found.map(|(at, context)| (*at, context)).collect();
        for context in sorted.into_values() {
            changes.add(context);
        }
        changes
    }

    /// Whether nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.recent.is_empty()
    }

    /// Everything was carried out.
    pub(crate) fn clear(&mut self) {
        self.recent.clear();
        self.order.clear();
    }
}

/// What the next plan of a Controller is due to.
#[derive(Default)]
pub(crate) struct Due {
    /// The first build that led to it.
    pub(crate) build: Option<Context>,
    pub(crate) changes: Changes,
}

impl Due {
    /// A build changed something.
    pub(crate) fn add(&mut self, build: Option<&Context>, changes: &Changes) {
        if self.build.is_none() {
            self.build = build.cloned();
        }
        self.changes.extend(changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aviary_types::kind;

    fn key(name: &str) -> ObjectKey {
        let kind = kind!("", "Service");
        ObjectKey::new(&"c".into(), kind, "n", name)
    }

    fn context(number: usize) -> Context {
        let parent = format!("00-{number:032x}-{number:016x}-01");
        Context::parse(&parent, "").unwrap()
    }

    #[test]
    fn links_and_changes_under_way_have_a_bound_and_are_counted() {
        let mut causes = Causes::default();
        for number in 1..=RECENT_MAX + 10 {
            causes.note(&key(&number.to_string()), context(number));
        }
        assert!(causes.of(&key("10")).is_none(), "the oldest have gone");
        assert_eq!(causes.of(&key("11")), Some(&context(11)));
        assert_eq!(causes.order.len(), causes.recent.len());
        let fresh = causes.take_fresh();
        assert_eq!(
            (fresh.contexts.len(), fresh.count),
            (LINKS_MAX, RECENT_MAX + 10)
        );
        let mut more = fresh.clone();
        more.extend(&fresh);
        assert_eq!(
            (more.contexts.len(), more.count),
            (LINKS_MAX, fresh.count * 2)
        );
        assert!(causes.take_fresh().is_empty());
    }

    #[test]
    fn the_newest_change_of_an_object_counts() {
        let mut causes = Causes::default();
        for number in [1, 2] {
            causes.note(&key("a"), context(number));
        }
        assert_eq!(causes.of(&key("a")), Some(&context(2)));
        assert_eq!((causes.order.len(), causes.take_fresh().count), (1, 2));
        causes.clear();
        assert_eq!(causes.telling(&key("a"), None), None);
    }

    #[test]
    fn an_object_is_told_in_the_trace_of_its_own_change() {
        let mut causes = Causes::default();
        causes.note(&key("a"), context(1));
        let done = context(2);
        assert_eq!(causes.telling(&key("a"), Some(&done)), Some(context(1)));
        assert_eq!(causes.telling(&key("b"), Some(&done)), Some(done));
    }
}
