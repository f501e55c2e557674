//! One page of a list. Its entries are taken over one by one as they are read: as trees of values, all
//! of a page need several times the room of their text.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// What a page says beside its entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Whether another one follows.
    pub(crate) more: bool,
    /// How many entries the whole list has, where it is said.
    pub(crate) count: Option<u64>,
}

impl Page {
    /// Reads the page, and hands its entries on in their order.
    ///
    /// # Errors
    /// When the text is no JSON, or no page of a list. Some entries may have been handed on by then.
    pub(crate) fn read(
        text: &[u8],
        mut each: impl FnMut(Value),
    ) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let page = reader.deserialize_map(Fields(&mut each))?;
        reader.end()?;
        Ok(page)
    }
}

/// The fields of a page.
struct Fields<'a, F>(&'a mut F);

impl<'de, F: FnMut(Value)> Visitor<'de> for Fields<'_, F> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        let mut has_results = false;
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "results" => {
                    fields.next_value_seed(Entries(&mut *self.0))?;
                    has_results = true;
                }
                "next" => page.more = fields.next_value::<Option<IgnoredAny>>()?.is_some(),
                "count" => page.count = fields.next_value::<Value>()?.as_u64(),
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        if has_results {
            Ok(page)
        } else {
            Err(A::Error::missing_field("results"))
        }
    }
}

/// The entries of a page.
struct Entries<'a, F>(&'a mut F);

impl<'de, F: FnMut(Value)> DeserializeSeed<'de> for Entries<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, entries: D) -> Result<(), D::Error> {
        entries.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Value)> Visitor<'de> for Entries<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the entries of a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element()? {
            (self.0)(entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Page;
    use serde_json::{Value, json};

    fn read(page: &Value) -> Option<(Page, Vec<Value>)> {
        let mut entries = Vec::new();
        let page = Page::read(page.to_string().as_bytes(), |entry| entries.push(entry));
        Some((page.ok()?, entries))
    }

    #[test]
    fn entries_come_in_their_order_and_the_rest_is_told() {
        let page = |more, count| Page { more, count };
        let entries = json!([{"name": "b", "deep": {"x": [1]}}, {"name": "a"}]);
        let all = entries.as_array().cloned().unwrap_or_default();
        let whole = json!({"count": 7, "results": entries, "next": "/api/pool?page=2", "x": {}});
        assert_eq!(read(&whole), Some((page(true, Some(7)), all)));
        let last = json!({"next": null, "results": []});
        assert_eq!(read(&last), Some((page(false, None), Vec::new())));
    }

    #[test]
    fn what_is_no_list_is_none() {
        for wrong in [
            json!({"count": 0}),
            json!({"results": {"name": "x"}}),
            json!({"results": null}),
            json!([]),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
        assert!(Page::read(b"{\"results\": []} and more", drop).is_err());
        assert!(Page::read(b"{\"results\": [", drop).is_err());
    }
}
