//! The shape of an entry of the registry: one setting, with all that is known about it.

use crate::choice::Choice;
use crate::notes::Spot;
use crate::read;
use serde_json::Value;

/// Reads a value: `None` means the default (an empty text, or a refused value with a note).
pub(crate) type Read<T> = fn(&Value, &mut Spot<'_>) -> Option<T>;

/// What is known about a setting.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// AKO's Helm path, dotted.
    pub key: &'static str,
    /// The name of AKO's environment variable, accepted as an alias.
    pub env: Option<&'static str>,
    /// What may stand there.
    pub shape: Shape,
    /// The default, as JSON.
    pub default: &'static str,
    /// One or two sentences for the reference.
    pub doc: &'static str,
    /// When a change counts.
    pub change: Change,
    /// Whether it does something.
    pub effect: Effect,
    /// What it holds for.
    pub reach: Reach,
}

/// What may stand at a key.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// true or false, also as text or 0 and 1, as Go's ParseBool reads them.
    Flag,
    /// A whole number between limits, also as text.
    Number {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// Text; the words say which.
    Text(&'static str),
    /// One of a list of words.
    Choice(fn() -> Vec<&'static str>),
    /// A length of time such as `90s`, `10m`, `24h`; the words say the limits.
    Duration(&'static str),
    /// `keep`, or `remove-after` with a length of time.
    UnusedShards,
    /// A list of texts.
    Texts(&'static str),
    /// A list of texts, or the word `all`.
    TextsOrAll,
    /// A map with these fields.
    Map(&'static [Field]),
    /// A list of maps with these fields.
    Rows(&'static [Field]),
    /// A values tree, laid over the home one.
    Values,
}

/// A field of a row.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// What it is.
    pub doc: &'static str,
}

impl Field {
    /// A field that may be left out.
    pub(crate) const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            required: false,
            doc,
        }
    }

    /// A field that must be there.
    pub(crate) const fn needed(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            required: true,
            doc,
        }
    }
}

/// When a change of a setting counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// At once.
    Hot,
    /// Never while running: a change is refused.
    Pinned,
    /// When the chart is rendered again.
    Chart,
}

/// Whether a setting does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// All its values do.
    Now,
    /// It is read and checked only.
    Later,
}

/// What a setting holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The whole translator: only the top level counts.
    Service,
    /// A cluster with all its instances.
    Cluster,
    /// One instance.
    Instance,
}

/// A setting with the reader of its value.
pub(crate) struct Setting<T: 'static> {
    about: About,
    read: Read<T>,
}

impl<T> Setting<T> {
    /// A setting that holds for an instance and counts at once.
    pub(crate) const fn new(
        key: &'static str,
        shape: Shape,
        default: &'static str,
        read: Read<T>,
        doc: &'static str,
    ) -> Self {
        let about = About {
            key,
            env: None,
            shape,
            default,
            doc,
            change: Change::Hot,
            effect: Effect::Now,
            reach: Reach::Instance,
        };
        Self { about, read }
    }

    /// Names AKO's environment variable.
    pub(crate) const fn env(mut self, name: &'static str) -> Self {
        self.about.env = Some(name);
        self
    }

    /// Sets when a change counts.
    pub(crate) const fn change(mut self, change: Change) -> Self {
        self.about.change = change;
        self
    }

    /// Marks a setting that is read and checked only.
    pub(crate) const fn later(mut self) -> Self {
        self.about.effect = Effect::Later;
        self
    }

    /// Sets what it holds for.
    pub(crate) const fn reach(mut self, reach: Reach) -> Self {
        self.about.reach = reach;
        self
    }

    /// Reads a value.
    pub(crate) fn read(&self, value: &Value, spot: &mut Spot<'_>) -> Option<T> {
        (self.read)(value, spot)
    }

    /// All that is known about it.
    pub(crate) const fn about(&self) -> &About {
        &self.about
    }
}

impl Setting<bool> {
    /// A flag.
    pub(crate) const fn flag(key: &'static str, default: &'static str, doc: &'static str) -> Self {
        Self::new(key, Shape::Flag, default, read::flag, doc)
    }
}

impl Setting<String> {
    /// Any text.
    pub(crate) const fn text(key: &'static str, default: &'static str, doc: &'static str) -> Self {
        Self::new(key, Shape::Text("text"), default, read::text, doc)
    }
}

impl<T: Choice> Setting<T> {
    /// One of a list of words.
    pub(crate) const fn choice(
        key: &'static str,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self::new(
            key,
            Shape::Choice(T::words),
            default,
            read::choice::<T>,
            doc,
        )
    }
}

/// A number with its limits.
pub(crate) const fn number<const MIN: u64, const MAX: u64>(
    key: &'static str,
    default: &'static str,
    doc: &'static str,
) -> Setting<u64> {
    let shape = Shape::Number { min: MIN, max: MAX };
    Setting::new(key, shape, default, read::number::<MIN, MAX>, doc)
}

/// A setting whose type is forgotten, for the registry.
pub(crate) trait Entry: Sync {
    /// All that is known about it.
    fn about(&self) -> &About;
    /// Reads a value for its notes alone.
    #[cfg(test)]
    fn check(&self, value: &Value, notes: &mut crate::notes::Notes);
}

impl<T> Entry for Setting<T> {
    fn about(&self) -> &About {
        Setting::about(self)
    }

    #[cfg(test)]
    fn check(&self, value: &Value, notes: &mut crate::notes::Notes) {
        self.read(value, &mut Spot::new(self.about.key.to_owned(), notes));
    }
}
