//! Settings that are one word of a list.

/// A type whose values are words.
pub(crate) trait Choice: Copy + Default + 'static {
    /// Words with their values, as the reference lists them.
    const WORDS: &'static [(&'static str, Self)];
    /// What AKO takes an unknown word for, without telling. `None`: an unknown word is refused.
    const UNKNOWN: Option<Self>;
    /// Whether upper and lower case are the same.
    const ANY_CASE: bool;

    /// The word of this value.
    fn as_word(self) -> &'static str;

    /// The words alone.
    fn words() -> Vec<&'static str> {
        Self::WORDS.iter().map(|(word, _)| *word).collect()
    }

    /// The value of a word.
    fn of(word: &str) -> Option<Self> {
        let same =
            |known: &str| known == word || (Self::ANY_CASE && known.eq_ignore_ascii_case(word));
        Self::WORDS
            .iter()
            .find(|(known, _)| same(known))
            .map(|(_, value)| *value)
    }
}

/// Makes an enum of words. The first word is the `Default`. After the name: what an unknown word
/// becomes, and whether case counts.
macro_rules! choice {
    (
        $(#[$doc:meta])*
        $name:ident, unknown: $unknown:expr, any_case: $any_case:literal;
        $(#[$first_doc:meta])* $first:ident = $first_word:literal,
        $($(#[$value_doc:meta])* $value:ident = $word:literal,)*
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$value_doc])* $value,)*
        }

        impl $name {
            /// The word of the settings file.
            pub const fn word(self) -> &'static str {
                match self {
                    Self::$first => $first_word,
                    $(Self::$value => $word,)*
                }
            }
        }

        impl $crate::choice::Choice for $name {
            const WORDS: &'static [(&'static str, Self)] =
                &[($first_word, Self::$first), $(($word, Self::$value),)*];
            const UNKNOWN: Option<Self> = $unknown;
            const ANY_CASE: bool = $any_case;

            fn as_word(self) -> &'static str {
                self.word()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}
pub(crate) use choice;
