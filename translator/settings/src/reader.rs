//! Reads settings out of a tree, telling each fault once: where it was said.

use crate::notes::{Notes, Spot, shown};
use crate::raw::lookup;
use crate::setting::{Effect, Setting};
use crate::{Warning, read};
use serde_json::Value;

/// One tree, laid over others, being read.
pub(crate) struct Reader<'a> {
    /// The whole tree, what is below included.
    tree: &'a Value,
    /// The uppermost layer alone: only its faults are told here.
    said: &'a Value,
    /// Where the uppermost layer stands, such as `instances[0].values.`.
    prefix: &'a str,
    /// Where to tell.
    notes: &'a mut Notes,
}

impl<'a> Reader<'a> {
    /// Reads `tree`, whose uppermost layer is `said`, found at `prefix`.
    pub(crate) fn new(
        tree: &'a Value,
        said: &'a Value,
        prefix: &'a str,
        notes: &'a mut Notes,
    ) -> Self {
        Self {
            tree,
            said,
            prefix,
            notes,
        }
    }

    /// What a setting means here: its value, else its default.
    pub(crate) fn get<T: Default>(&mut self, setting: &Setting<T>) -> T {
        self.said_or_below(setting)
            .unwrap_or_else(|| default_of(setting))
    }

    /// What a setting means here; its faults are told where its own section is read.
    pub(crate) fn get_unheard<T: Default>(&self, setting: &Setting<T>) -> T {
        lookup(self.tree, setting.about().key)
            .and_then(|value| {
                setting.read(value, &mut Spot::new(String::new(), &mut Notes::default()))
            })
            .unwrap_or_else(|| default_of(setting))
    }

    fn said_or_below<T>(&mut self, setting: &Setting<T>) -> Option<T> {
        let about = setting.about();
        let value = lookup(self.tree, about.key)?;
        if !self.says(setting) {
            // Told already, where the lower layer was read.
            let mut unheard = Notes::default();
            return setting.read(value, &mut Spot::new(about.key.to_owned(), &mut unheard));
        }
        let key = self.key(about.key);
        if without_effect(about.effect, value, about.default) {
            let value = shown(value);
            self.notes.warnings.push(Warning::NoEffectYet {
                key: key.clone(),
                value,
            });
        }
        setting.read(value, &mut Spot::new(key, self.notes))
    }

    /// Whether the uppermost layer has this setting.
    pub(crate) fn says<T>(&self, setting: &Setting<T>) -> bool {
        lookup(self.said, setting.about().key).is_some()
    }

    /// The full path of a key of the uppermost layer.
    pub(crate) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Tells of a clash at a setting, if one of those that clash was said in this layer.
    pub(crate) fn conflict<T, U>(&mut self, at: &Setting<T>, with: &Setting<U>, text: &str) {
        if self.says(at) || self.says(with) {
            let key = self.key(at.about().key);
            self.notes.conflict(key, text);
        }
    }

    /// Tells a sentence about a setting, if one of the two was said in this layer.
    pub(crate) fn note<T, U>(&mut self, at: &Setting<T>, with: &Setting<U>, text: &str) {
        if self.says(at) || self.says(with) {
            let key = self.key(at.about().key);
            self.notes.note(key, text);
        }
    }

    /// A place below this layer, to write to directly.
    pub(crate) fn spot(&mut self, key: &str) -> Spot<'_> {
        let key = self.key(key);
        Spot::new(key, self.notes)
    }
}

/// The default of a setting, from its JSON text.
pub(crate) fn default_of<T: Default>(setting: &Setting<T>) -> T {
    // That every default text is JSON and legal is tested on the registry.
    let value: Value = serde_json::from_str(setting.about().default).unwrap_or_default();
    let mut unheard = Notes::default();
    setting
        .read(&value, &mut Spot::new(String::new(), &mut unheard))
        .unwrap_or_default()
}

/// Whether a value asks for something that is not done yet. Saying the default asks for nothing.
fn without_effect(effect: Effect, value: &Value, default: &str) -> bool {
    let text = read::plain(value);
    match effect {
        Effect::Now => false,
        Effect::Later => {
            let default: Value = serde_json::from_str(default).unwrap_or_default();
            !text.is_empty() && !text.eq_ignore_ascii_case(&read::plain(&default))
        }
    }
}
