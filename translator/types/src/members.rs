//! Ordered sets that mostly have one member: who reads an object, what refers to another. One member
//! stands in the set itself, few lie side by side in one allocation of their size; a tree's node would
//! have room for many.

use imbl::OrdSet;
use std::slice;
use std::sync::Arc;

/// More members than this make a tree.
const FEW_MAX: usize = 8;

/// An ordered set. Clones share all but a single member.
#[derive(Debug, Clone)]
pub struct Members<T: Ord>(Form<T>);

#[derive(Debug, Clone)]
enum Form<T: Ord> {
    One(T),
    Few(Arc<[T]>),
    Many(OrdSet<T>),
}

impl<T: Ord> Default for Members<T> {
    fn default() -> Self {
        Self(Form::Few(Arc::default()))
    }
}

impl<T: Ord> Form<T> {
    /// Those that lie side by side.
    fn few(&self) -> &[T] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::Few(few) => few,
            Self::Many(_) => &[],
        }
    }
}

impl<T: Ord + Clone> FromIterator<T> for Form<T> {
    /// The form of so many members, which come in order.
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let few: Arc<[T]> = members.into_iter().collect();
        match &*few {
            [one] => Self::One(one.clone()),
            few if few.len() > FEW_MAX => Self::Many(few.iter().cloned().collect()),
            _ => Self::Few(few),
        }
    }
}

impl<T: Ord + Clone> Members<T> {
    /// Adds a member. Answers whether it is new.
    pub fn insert(&mut self, member: T) -> bool {
        if let Form::Many(many) = &mut self.0 {
            return many.insert(member).is_none();
        }
        let few = self.0.few();
        let Err(at) = few.binary_search(&member) else {
            return false;
        };
        self.0 = if few.is_empty() {
            Form::One(member)
        } else {
            let (before, after) = few.split_at(at);
            let all = before.iter().cloned().chain([member]);
            all.chain(after.iter().cloned()).collect()
        };
        true
    }

    /// Takes a member out. Answers whether it was one.
    pub fn remove(&mut self, member: &T) -> bool {
        if let Form::Many(many) = &mut self.0 {
            let was = many.remove(member).is_some();
            if many.len() <= FEW_MAX / 2 {
                self.0 = many.iter().cloned().collect();
            }
            return was;
        }
        let few = self.0.few();
        let Ok(at) = few.binary_search(member) else {
            return false;
        };
        let (before, after) = few.split_at(at);
        self.0 = before.iter().chain(after.iter().skip(1)).cloned().collect();
        true
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let many = match &self.0 {
            Form::Many(many) => Some(many),
            Form::One(_) | Form::Few(_) => None,
        };
        self.0.few().iter().chain(many.into_iter().flatten())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Many(many) => many.len(),
            Form::One(_) | Form::Few(_) => self.0.few().len(),
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
