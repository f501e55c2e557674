//! Errors as people read them.

use std::error::Error;
use std::fmt;

/// An error with all its sources, joined by `: `.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl fmt::Display + 'a {
    Chain(error)
}

struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("could not read the file")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn sources_follow_in_order() {
        let error = Outer(std::io::Error::other("the disk is gone"));
        assert_eq!(
            chain(&error).to_string(),
            "could not read the file: the disk is gone"
        );
    }
}
