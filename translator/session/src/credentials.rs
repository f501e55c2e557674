//! Who we are to the Controller. Read anew for every login, so that changed files take effect.

use aviary_types::{EcoString, Secret, eco_format};
use std::path::{Path, PathBuf};

/// A user with a password, or with a token that somebody else renews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub username: EcoString,
    /// What shows that it is the user.
    pub proof: Proof,
}

/// What shows that it is the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A password.
    Password(Secret),
    /// An authentication token. It is neither renewed nor deleted by us.
    Token(Secret),
}

impl Credentials {
    /// A text without the secret, should the Controller have echoed it.
    pub(crate) fn masked_in(&self, text: &str) -> EcoString {
        let (Proof::Password(secret) | Proof::Token(secret)) = &self.proof;
        if secret.is_empty() {
            text.into()
        } else {
            text.replace(secret.reveal(), Secret::MASK).into()
        }
    }
}

/// Why there are no credentials; says where they should be, never what they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub EcoString);

/// Where credentials come from. Asked before each login.
pub trait CredentialSource: Send + Sync {
    /// The credentials as they are now.
    fn read(&self) -> Result<Credentials, SourceError>;
}

impl CredentialSource for Credentials {
    fn read(&self) -> Result<Credentials, SourceError> {
        Ok(self.clone())
    }
}

/// Credentials in files, as a Secret is mounted.
#[derive(Debug, Clone)]
pub struct FileCredentials {
    /// File with the user's name.
    pub username: PathBuf,
    /// File with the password.
    pub password: Option<PathBuf>,
    /// File with a token; wins over the password if it is there and not empty.
    pub token: Option<PathBuf>,
}

impl CredentialSource for FileCredentials {
    fn read(&self) -> Result<Credentials, SourceError> {
        let username = text_of(&self.username)?.into();
        if let Some(path) = &self.token
            && let Ok(token) = text_of(path)
        {
            let proof = Proof::Token(Secret::new(token));
            return Ok(Credentials { username, proof });
        }
        let Some(path) = &self.password else {
            return Err(SourceError("no password file is set, and no token".into()));
        };
        let proof = Proof::Password(Secret::new(text_of(path)?));
        Ok(Credentials { username, proof })
    }
}

/// A user that is named, with files that show that it is the user, or with a password as it is.
#[derive(Debug, Clone, Default)]
pub struct NamedCredentials {
    username: EcoString,
    password_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    password: Option<Secret>,
}

impl NamedCredentials {
    /// This user.
    pub fn new(username: impl Into<EcoString>) -> Self {
        Self {
            username: username.into(),
            ..Self::default()
        }
    }

    /// With the password in this file.
    #[must_use]
    pub fn password_file(self, path: Option<PathBuf>) -> Self {
        Self {
            password_file: path,
            ..self
        }
    }

    /// With the token in this file.
    #[must_use]
    pub fn token_file(self, path: Option<PathBuf>) -> Self {
        Self {
            token_file: path,
            ..self
        }
    }

    /// With this password.
    #[must_use]
    pub fn password(self, text: Option<String>) -> Self {
        Self {
            password: text.map(Secret::new),
            ..self
        }
    }
}

impl CredentialSource for NamedCredentials {
    fn read(&self) -> Result<Credentials, SourceError> {
        let proof = match (&self.token_file, &self.password_file, &self.password) {
            (Some(path), _, _) => Proof::Token(Secret::new(text_of(path)?)),
            (None, Some(path), _) => Proof::Password(Secret::new(text_of(path)?)),
            (None, None, Some(password)) => Proof::Password(password.clone()),
            (None, None, None) => {
                return Err(SourceError("no password and no token is named".into()));
            }
        };
        let username = self.username.clone();
        Ok(Credentials { username, proof })
    }
}

/// A file's text without the line end that editors add.
fn text_of(path: &Path) -> Result<String, SourceError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SourceError(eco_format!("{}: {}", path.display(), error.kind())))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(SourceError(eco_format!("{} is empty", path.display())));
    }
    Ok(text.to_owned())
}
