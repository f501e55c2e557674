//! Where the value of a desired field comes from, and by which rule.
//!
//! What all objects of one renderer have in common is a static [`Table`]: a field pattern, the
//! parts that set it, and the rule in words. What differs from object to object is a short list: the
//! place that each [`Role`] of the table is filled by. A body that is joined from many sources binds
//! roles per element of a list. So an object carries the provenance of every field for the price of
//! a few pointers, and a field's own is put together when it is asked for.

mod place;
mod resolve;
mod table;

pub use place::{Origin, Place, number};
pub use resolve::{Explained, FieldPath, Resolver, Step};
pub use table::{Cite, Role, Row, Table, row};

use crate::ObjectKey;
use std::sync::Arc;

/// What fills the roles of a table.
pub type Bound = (Role, Origin);

/// The origins of one desired object and of each of its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    table: &'static Table,
    /// The Kubernetes objects that ask for it: they are told what becomes of it.
    sources: Arc<[Arc<ObjectKey>]>,
    /// What the objects of one domain and tenant have in common.
    common: Arc<[Bound]>,
    own: Vec<Bound>,
    elements: Vec<Element>,
}

/// A role that one element of a list fills on its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Element {
    list: &'static str,
    index: u32,
    role: Role,
    origin: Origin,
}

impl Provenance {
    /// The provenance of an object whose fields this table explains, asked for by these objects.
    pub fn new(table: &'static Table, sources: Arc<[Arc<ObjectKey>]>) -> Self {
        Self {
            table,
            sources,
            ..Self::default()
        }
    }

    /// Says what fills a role. Several may: each of them is an origin then.
    #[must_use]
    pub fn with(mut self, role: Role, origin: impl Into<Origin>) -> Self {
        self.own.push((role, origin.into()));
        self
    }

    /// Says what fills a role, if anything does.
    #[must_use]
    pub fn with_all<O: Into<Origin>>(
        mut self,
        role: Role,
        origins: impl IntoIterator<Item = O>,
    ) -> Self {
        let origins = origins.into_iter().map(|origin| (role, origin.into()));
        self.own.extend(origins);
        self
    }

    /// Says what fills a role for each element of a list, in the order of the elements. The list is
    /// named as in a table, such as `servers` or `markers[Path].values`.
    #[must_use]
    pub fn each<O: Into<Origin>>(
        mut self,
        list: &'static str,
        role: Role,
        origins: impl IntoIterator<Item = O>,
    ) -> Self {
        for (index, origin) in (0..).zip(origins) {
            self.bind(list, index, (role, origin.into()));
        }
        self
    }

    /// Says what fills a role for one element of a list.
    pub fn bind(&mut self, list: &'static str, index: u32, (role, origin): Bound) {
        self.elements.push(Element {
            list,
            index,
            role,
            origin,
        });
    }

    /// Ends the making of it: adds what all objects of a domain and tenant have in common, and
    /// drops what is said twice.
    #[must_use]
    pub fn done(mut self, common: &Arc<[Bound]>) -> Self {
        self.common = common.clone();
        self.own.dedup();
        self.own.shrink_to_fit();
        self.elements.sort();
        self.elements.dedup();
        self.elements.shrink_to_fit();
        self
    }

    /// The Kubernetes objects that ask for the object: each is told what becomes of it.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectKey> + Clone {
        self.sources.iter().map(|source| &**source)
    }

    /// Whether any field may come from this object.
    pub fn cites(&self, key: &ObjectKey) -> bool {
        let bound = self.common.iter().chain(&self.own);
        let bound = bound.map(|(_, origin)| origin);
        let mut origins = bound.chain(self.elements.iter().map(|element| &element.origin));
        origins.any(|origin| origin.object() == Some(key)) || self.objects().any(|it| it == key)
    }

    /// Takes in the provenance of the same object as others want it, whose lists follow after
    /// `offset` elements.
    pub fn join(&mut self, other: &Self, offset: u32) {
        let sources = self.sources.iter().chain(&*other.sources);
        let mut sources: Vec<Arc<ObjectKey>> = sources.cloned().collect();
        sources.sort();
        sources.dedup();
        self.sources = sources.into();
        self.own.extend(other.own.iter().cloned());
        let elements = other.elements.iter().cloned();
        self.elements.extend(elements.map(|element| Element {
            index: element.index + offset,
            ..element
        }));
        let common = self.common.clone();
        *self = std::mem::take(self).done(&common);
    }
}

#[cfg(test)]
mod tests;
