//! Queries taken apart: switches, comma lists, pages. What filters mean is in `filter`.

use crate::refs::decode;
use crate::reply::Refusal;

/// Entries of a page when the request does not say.
const PAGE_SIZE_DEFAULT: usize = 25;
/// Most entries of a page.
const PAGE_SIZE_LIMIT: usize = 200;

/// Parameters that shape an answer or are without meaning here; all others filter.
const SHAPING: &[&str] = &[
    "exclude",
    "fields",
    "include_name",
    "include_refs",
    "include_service_accounts",
    "join_subresources",
    "limit_by",
    "page",
    "page_size",
    "skip_default",
    "sort",
];

/// A query, decoded, in the order given.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Splits a query; stray `&` are skipped, a key without value has an empty one.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .filter(|(key, _)| !key.is_empty())
            .map(|(key, value)| (decode(key), decode(value)))
            .collect();
        Self { pairs }
    }

    /// The first value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a switch is on: given without a value counts as on.
    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|value| !matches!(value, "false" | "False" | "0"))
    }

    /// The values of a comma list, if the key is given and not empty.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<&str>> {
        let value = self.get(key).filter(|value| !value.is_empty())?;
        Some(value.split(',').map(str::trim).collect())
    }

    /// The conditions that objects must meet.
    pub(crate) fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .filter(|(key, _)| !SHAPING.contains(key))
    }

    /// The query again, with another page.
    pub(crate) fn with_page(&self, page: usize) -> String {
        let kept = self.pairs.iter().filter(|(key, _)| key != "page");
        let mut parts: Vec<String> = kept
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        parts.push(format!("page={page}"));
        parts.join("&")
    }

    /// Size and number (from 1) of the page asked for.
    pub(crate) fn page(&self) -> Result<(usize, usize), Refusal> {
        let size = self.number("page_size")?.unwrap_or(PAGE_SIZE_DEFAULT);
        if size == 0 || size > PAGE_SIZE_LIMIT {
            return Err(Refusal::new(
                400,
                format!("page_size must be 1-{PAGE_SIZE_LIMIT}"),
            ));
        }
        match self.number("page")?.unwrap_or(1) {
            0 => Err(Refusal::new(400, "page counts from 1")),
            page => Ok((size, page)),
        }
    }

    fn number(&self, key: &str) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.get(key).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let number = text.parse();
        number
            .map(Some)
            .map_err(|_| Refusal::new(400, format!("{key} is not a number: {text}")))
    }
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2E", ".")
        .replace("%5F", "_")
        .replace("%2D", "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_separators_and_bare_keys_are_understood() {
        let query = Query::parse("&include_name=&name=a%20b+c&page_size=3&flag");
        assert!(query.is_on("include_name"));
        assert!(query.is_on("flag"));
        assert!(!Query::parse("include_name=false").is_on("include_name"));
        assert_eq!(query.get("name"), Some("a b c"));
        assert_eq!(query.page().unwrap(), (3, 1));
        assert_eq!(
            query.with_page(2),
            "include_name=&name=a%20b%20c&page_size=3&flag=&page=2"
        );
    }

    #[test]
    fn pages_are_bounded() {
        assert!(Query::parse("page_size=201").page().is_err());
        assert!(Query::parse("page_size=x").page().is_err());
        assert_eq!(Query::parse("").page().unwrap(), (25, 1));
    }
}
