//! Pages of sorted lists. A token names the last entry of the page before, so that entries that come
//! or go in between shift nobody.

use super::refusal::bad_field;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tonic::Status;

/// The sizes that a list allows.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) usual: u32,
    pub(super) most: u32,
}

/// The sizes of most lists.
pub(super) const SIZES: Sizes = Sizes {
    usual: 100,
    most: 1_000,
};

/// One page of the entries, which come in the order of their keys, and the token of the next.
pub(super) fn page<T>(
    entries: impl Iterator<Item = (String, T)>,
    (size, token): (u32, &str),
    sizes: Sizes,
) -> Result<(Vec<T>, String), Status> {
    if size > sizes.most {
        return Err(bad_field("page_size", &format!("at most {}", sizes.most)));
    }
    let size = usize::try_from(if size == 0 { sizes.usual } else { size }).unwrap_or(usize::MAX);
    let after = after(token)?;
    let mut rest = entries.skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after));
    let mut out = Vec::new();
    let mut last = String::new();
    for (key, entry) in rest.by_ref().take(size) {
        last = key;
        out.push(entry);
    }
    let more = rest.next().is_some();
    Ok((
        out,
        if more {
            URL_SAFE_NO_PAD.encode(last)
        } else {
            String::new()
        },
    ))
}

fn after(token: &str) -> Result<Option<String>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let decoded = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|it| String::from_utf8(it).ok());
    match decoded {
        Some(key) => Ok(Some(key)),
        None => Err(bad_field("page_token", "it is not one that was answered")),
    }
}

#[cfg(test)]
mod tests {
    use super::{SIZES, page};

    fn entries() -> impl Iterator<Item = (String, u32)> {
        (0..5).map(|number| (format!("{number}"), number))
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let (first, token) = page(entries(), (2, ""), SIZES).unwrap();
        let (second, token) = page(entries(), (2, &token), SIZES).unwrap();
        let (third, token) = page(entries(), (2, &token), SIZES).unwrap();
        assert_eq!([first, second, third].concat(), [0, 1, 2, 3, 4]);
        assert_eq!(token, "");
    }

    #[test]
    fn sizes_and_tokens_are_checked() {
        assert!(page(entries(), (1_001, ""), SIZES).is_err());
        assert!(page(entries(), (1, "*"), SIZES).is_err());
    }
}
