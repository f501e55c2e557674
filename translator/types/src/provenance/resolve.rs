//! From a field to its origins: finds the row of the table, and what fills its roles.

use super::{Cite, Element, Origin, Place, Provenance, Role, Row};
use std::fmt;

/// One step on the way to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a field of a map.
    Field(String),
    /// Into an element of a list, with the element's `key` if it has one.
    Element(u32, Option<String>),
}

/// The way to a field of a body. Shown as `markers[1].values[0]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldPath(pub Vec<Step>);

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if at == 0 => write!(f, "{name}")?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Element(index, _) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Where one field comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Every origin, in the order of the rule's parts; with the path below it.
    pub origins: Vec<(Origin, &'static str)>,
    /// The rule.
    pub rule: &'static str,
}

/// Answers for many fields of one object: patterns are read once.
pub struct Resolver<'a> {
    of: &'a Provenance,
    rows: Vec<(Vec<Token<'static>>, &'static Row)>,
    lists: Vec<(&'static str, Vec<Token<'static>>)>,
}

/// One step of a pattern.
enum Token<'a> {
    Field(&'a str),
    Any,
    Key(&'a str),
    Rest,
}

fn tokens(pattern: &'static str) -> Vec<Token<'static>> {
    let parts = pattern.split(['.', '[']).filter(|part| !part.is_empty());
    let token = |part: &'static str| match part.strip_suffix(']') {
        Some("*") => Token::Any,
        Some(key) => Token::Key(key),
        None if part == "**" => Token::Rest,
        None => Token::Field(part),
    };
    parts.map(token).collect()
}

impl Token<'_> {
    fn fits(&self, step: &Step) -> bool {
        match (self, step) {
            (Self::Field(wanted), Step::Field(name)) => wanted == name,
            (Self::Key(wanted), Step::Element(_, key)) => key.as_deref() == Some(*wanted),
            (Self::Any, Step::Element(..)) | (Self::Rest, _) => true,
            _ => false,
        }
    }
}

fn fits(pattern: &[Token<'_>], path: &[Step]) -> bool {
    let rest = matches!(pattern.last(), Some(Token::Rest));
    let length = pattern.len() == path.len() || rest && pattern.len() <= path.len() + 1;
    length
        && pattern
            .iter()
            .zip(path)
            .all(|(token, step)| token.fits(step))
}

impl Provenance {
    /// Answers for the object's fields.
    pub fn resolver(&self) -> Resolver<'_> {
        let rows = self.table.rows().map(|row| (tokens(row.field), row));
        let mut lists: Vec<&'static str> = self.elements.iter().map(|it| it.list).collect();
        lists.dedup();
        Resolver {
            of: self,
            rows: rows.collect(),
            lists: lists.into_iter().map(|list| (list, tokens(list))).collect(),
        }
    }
}

impl Resolver<'_> {
    /// Where a field comes from; `None` if no rule says it.
    pub fn explain(&self, path: &FieldPath) -> Option<Explained> {
        let rows = self
            .rows
            .iter()
            .filter(|(pattern, _)| fits(pattern, &path.0));
        let elements = self.elements_at(&path.0);
        rows.map(|(_, row)| Explained {
            origins: self.origins(row, &elements),
            rule: row.rule,
        })
        .find(|explained| !explained.origins.is_empty())
    }

    /// What the elements on the way to a field say about themselves.
    fn elements_at(&self, path: &[Step]) -> Vec<&Element> {
        let mut found = Vec::new();
        for (list, pattern) in &self.lists {
            let Some(Step::Element(index, _)) = path.get(pattern.len()) else {
                continue;
            };
            let head = path.get(..pattern.len()).unwrap_or_default();
            if fits(pattern, head) {
                let place = (*list, *index);
                let all = &self.of.elements;
                let from = all.partition_point(|it| (it.list, it.index) < place);
                let same = all.iter().skip(from);
                found.extend(same.take_while(|it| (it.list, it.index) == place));
            }
        }
        found
    }

    fn origins(&self, row: &Row, elements: &[&Element]) -> Vec<(Origin, &'static str)> {
        let mut origins = Vec::new();
        for cite in row.from {
            match *cite {
                Cite::Asked => self.fill(Role::Asked, "", elements, &mut origins),
                Cite::Of(role, below) => self.fill(role, below, elements, &mut origins),
                Cite::Setting(key) => origins.push((Origin::Setting(key), "")),
                Cite::Controller(what) => origins.push((Origin::Controller(what), "")),
            }
        }
        origins
    }

    /// What fills a role: the element itself if it says so, else the object.
    fn fill(
        &self,
        role: Role,
        below: &'static str,
        elements: &[&Element],
        origins: &mut Vec<(Origin, &'static str)>,
    ) {
        let before = origins.len();
        let here = elements.iter().filter(|element| element.role == role);
        origins.extend(here.map(|element| (element.origin.clone(), below)));
        if origins.len() == before {
            let bound = self.of.own.iter().chain(&*self.of.common);
            let bound = bound.filter(|(filled, _)| *filled == role);
            origins.extend(bound.map(|(_, origin)| (origin.clone(), below)));
        }
        if origins.len() == before && matches!(role, Role::Asked | Role::Source) {
            let sources = self.of.sources.iter();
            origins.extend(sources.map(|it| (Place::new(it, "").into(), below)));
        }
    }
}
