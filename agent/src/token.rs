//! The token that identifies the agent, read from a file that others renew.

use std::fmt;
use std::path::PathBuf;

use aviary_boot::Blocking;
use tonic::metadata::{Ascii, MetadataValue};

/// A token. It has no text but by `expose`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The token itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// As the value of the metadata `authorization`.
    pub(crate) fn bearer(&self) -> Option<MetadataValue<Ascii>> {
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", self.0).parse().ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Where the token is.
#[derive(Clone, Debug)]
pub(crate) struct TokenFile {
    path: Option<PathBuf>,
    blocking: Blocking,
}

impl TokenFile {
    pub(crate) fn new(path: Option<PathBuf>, blocking: Blocking) -> Self {
        Self { path, blocking }
    }

    /// Reads the token; `None` if there is no file, or it cannot be read now.
    pub(crate) async fn read(&self) -> Option<Token> {
        let path = self.path.clone()?;
        let shown = path.display().to_string();
        let read = self
            .blocking
            .run(move || std::fs::read_to_string(path))
            .await;
        match read {
            Ok(Ok(text)) => Some(Token(text.trim().to_owned())),
            Ok(Err(error)) => {
                tracing::warn!(path = shown, %error, "could not read the token");
                None
            }
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = TokenFile::new(Some(path.clone()), Blocking::Inline);
        assert_eq!(file.read().await, None);
        std::fs::write(&path, "one\n").unwrap();
        let one = file.read().await.unwrap();
        assert_eq!(one.expose(), "one");
        std::fs::write(&path, "two").unwrap();
        assert_ne!(file.read().await, Some(one.clone()));
        assert_eq!(format!("{one:?}"), "Token");
    }
}
