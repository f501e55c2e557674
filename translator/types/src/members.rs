//! Ordered sets that mostly have one member: who reads an object, what refers to another. Few members
//! lie side by side in one allocation of their size; a tree's node would have room for many.

use imbl::OrdSet;
use std::sync::Arc;

/// More members than this make a tree.
const FEW_MAX: usize = 8;

/// An ordered set. Clones share everything.
#[derive(Debug, Clone)]
pub struct Members<T: Ord>(Form<T>);

#[derive(Debug, Clone)]
enum Form<T: Ord> {
    Few(Arc<[T]>),
    Many(OrdSet<T>),
}

impl<T: Ord> Default for Members<T> {
    fn default() -> Self {
        Self(Form::Few(Arc::default()))
    }
}

impl<T: Ord + Clone> Members<T> {
    /// Adds a member. Answers whether it is new.
    pub fn insert(&mut self, member: T) -> bool {
        match &mut self.0 {
            Form::Many(many) => many.insert(member).is_none(),
            Form::Few(few) => {
                let Err(at) = few.binary_search(&member) else {
                    return false;
                };
                let (before, after) = few.split_at(at);
                let all = before.iter().cloned().chain([member]);
                let all = all.chain(after.iter().cloned());
                self.0 = if few.len() < FEW_MAX {
                    Form::Few(all.collect())
                } else {
                    Form::Many(all.collect())
                };
                true
            }
        }
    }

    /// Takes a member out. Answers whether it was one.
    pub fn remove(&mut self, member: &T) -> bool {
        match &mut self.0 {
            Form::Many(many) => {
                let was = many.remove(member).is_some();
                if many.len() <= FEW_MAX / 2 {
                    self.0 = Form::Few(many.iter().cloned().collect());
                }
                was
            }
            Form::Few(few) => {
                let Ok(at) = few.binary_search(member) else {
                    return false;
                };
                let (before, after) = few.split_at(at);
                *few = before.iter().chain(after.iter().skip(1)).cloned().collect();
                true
            }
        }
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let (few, many) = match &self.0 {
            Form::Few(few) => (&**few, None),
            Form::Many(many) => (&[][..], Some(many)),
        };
        few.iter().chain(many.into_iter().flatten())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Few(few) => few.len(),
            Form::Many(many) => many.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW_MAX, Form, Members};
    use std::collections::BTreeSet;

    #[test]
    fn it_is_the_set_that_a_tree_would_be() {
        let mut members = Members::default();
        let mut tree = BTreeSet::new();
        // Grows beyond what is few, and back to nothing; each number is told twice.
        let numbers = || (0..40_u32).map(|number| number * 7 % 40);
        let steps = numbers().map(|number| (true, number));
        for (grows, number) in steps.chain(numbers().map(|number| (false, number))) {
            for _ in 0..2 {
                if grows {
                    assert_eq!(members.insert(number), tree.insert(number));
                } else {
                    assert_eq!(members.remove(&number), tree.remove(&number));
                }
            }
            assert!(members.iter().eq(&tree), "{members:?}");
            assert_eq!(
                (members.len(), members.is_empty()),
                (tree.len(), tree.is_empty())
            );
        }
    }

    #[test]
    fn clones_are_states_of_their_own() {
        let mut members: Members<u8> = Members::default();
        for number in 0..=FEW_MAX {
            let before = members.clone();
            members.insert(u8::try_from(number).unwrap());
            assert_eq!((before.len(), members.len()), (number, number + 1));
        }
        assert!(matches!(members.0, Form::Many(_)));
    }
}
