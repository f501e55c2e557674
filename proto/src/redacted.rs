//! `Debug` of the messages that carry secrets: it shows that there is one, never what it is.

use std::fmt;

use crate::sync::v1::{SecretValue, TokenRenewal};

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretValue")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TokenRenewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRenewal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretValue, TokenRenewal};
    use crate::sync::v1::{Upsert, sync_request};

    #[test]
    fn secrets_do_not_show() {
        let secrets = vec![SecretValue {
            path: "spec.tls.key".into(),
            value: b"hunter2".to_vec(),
        }];
        let shown = format!(
            "{:?}",
            Upsert {
                secrets,
                ..Upsert::default()
            }
        );
        assert!(shown.contains("spec.tls.key"), "{shown}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("104, 117"),
            "{shown}"
        );
        let renewal = TokenRenewal {
            token: "hunter2".into(),
        };
        let shown = format!("{:?}", sync_request::Message::TokenRenewal(renewal));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
