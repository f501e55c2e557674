//! Pages of sorted lists. A token names the last entry of the page before, so that entries that come
//! or go in between shift nobody: what stands through all pages is told exactly once.

use super::mask::{self, Mask, Name};
use super::refusal::bad_field;
use aviary_proto::query::v1 as query;
use aviary_types::Digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use prost_types::FieldMask;
use tonic::Status;

/// A page ends before it passes so many bytes: clients take 4 MiB.
pub(super) const BYTES_MAX: usize = 3 * 1024 * 1024;

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

/// A request for a page.
pub(super) trait Paged: Message + Clone {
    /// The size and token of the page, and the mask; what is left is the question itself.
    fn page(&mut self) -> (&mut u32, &mut String, &mut Option<FieldMask>);
}

macro_rules! paged {
    ($($request:ident)*) => {
        $(impl Paged for query::$request {
            fn page(&mut self) -> (&mut u32, &mut String, &mut Option<FieldMask>) {
                (&mut self.page_size, &mut self.page_token, &mut self.read_mask)
            }
        })*
    };
}

paged! {
    ExplainRequest
    GetPlanRequest
    GetShardMapRequest
    ListAdoptionsRequest
    ListAgentsRequest
    ListClaimsRequest
    ListFindingsRequest
    ListObjectsRequest
    ListScopesRequest
}

/// Where a page begins and ends, and what it shows.
pub(super) struct Page {
    size: usize,
    after: Option<String>,
    question: String,
    pub(super) mask: Option<Mask>,
}

impl Page {
    /// The page that is asked for. The mask is about messages of this name.
    pub(super) fn of(asked: &impl Paged, name: Name, sizes: Sizes) -> Result<Self, Status> {
        let mut question = asked.clone();
        let (size, token, mask) = question.page();
        let (size, token) = (std::mem::take(size), std::mem::take(token));
        let mask = mask::read(mask.take().as_ref(), name)?;
        if size > sizes.most {
            return Err(bad_field("page_size", &format!("at most {}", sizes.most)));
        }
        let size = if size == 0 { sizes.usual } else { size };
        let question = Digest::of(&question.encode_to_vec()).to_string();
        Ok(Self {
            size: usize::try_from(size).unwrap_or(usize::MAX),
            after: after(&token, &question)?,
            question,
            mask,
        })
    }

    /// The key of the last entry that was told; `None` on the first page.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Takes the page out of entries that come in the order of their keys, and shows them. Answers
    /// the token of the next page, too.
    pub(super) fn take<E, T: Message + Default>(
        &self,
        entries: impl Iterator<Item = (String, E)>,
        show: impl Fn(E) -> T,
    ) -> (Vec<T>, String) {
        let after = self.after();
        let mut rest = entries.skip_while(|(key, _)| after.is_some_and(|after| **key <= *after));
        let (mut out, mut bytes) = (Vec::new(), 0);
        let mut last = String::new();
        for (key, entry) in rest.by_ref() {
            let shown = mask::apply(self.mask.as_ref(), show(entry));
            bytes += shown.encoded_len();
            if out.len() == self.size || (bytes > BYTES_MAX && !out.is_empty()) {
                return (out, self.token(&last));
            }
            last = key;
            out.push(shown);
        }
        (out, String::new())
    }

    fn token(&self, last: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}{last}", self.question))
    }
}

fn after(token: &str, question: &str) -> Result<Option<String>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let decoded = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|it| String::from_utf8(it).ok());
    let decoded =
        decoded.ok_or_else(|| bad_field("page_token", "it is not one that was answered"))?;
    match decoded.strip_prefix(question) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(bad_field(
            "page_token",
            "it belongs to another question: only page_size and read_mask may change",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, SIZES};
    use aviary_proto::query::v1::{Agent, ListAgentsRequest};

    fn page(size: u32, token: &str, cluster: &str) -> Result<Page, tonic::Status> {
        let asked = ListAgentsRequest {
            page_size: size,
            page_token: token.into(),
            cluster: cluster.into(),
            ..ListAgentsRequest::default()
        };
        Page::of(&asked, "aviary.query.v1.Agent", SIZES)
    }

    /// The names on a page of these entries, and the token of the next.
    fn take(page: &Page, entries: &[&str]) -> (String, String) {
        let entries = entries.iter().map(|it| ((*it).to_owned(), *it));
        let agent = |name: &str| Agent {
            name: name.into(),
            ..Agent::default()
        };
        let (agents, token) = page.take(entries, agent);
        (agents.into_iter().map(|it| it.name).collect(), token)
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let all = ["a", "b", "c", "d", "e"];
        let (first, token) = take(&page(2, "", "").unwrap(), &all);
        let (second, token) = take(&page(2, &token, "").unwrap(), &all);
        let (third, token) = take(&page(2, &token, "").unwrap(), &all);
        assert_eq!([first, second, third], ["ab", "cd", "e"]);
        assert_eq!(token, "");
    }

    #[test]
    fn what_comes_and_goes_between_pages_shifts_nobody() {
        let (_, token) = take(&page(2, "", "").unwrap(), &["a", "b", "c", "d"]);
        let (second, _) = take(&page(2, &token, "").unwrap(), &["aa", "c", "d"]);
        assert_eq!(second, "cd");
    }

    #[test]
    fn sizes_and_tokens_are_checked() {
        assert!(page(1_001, "", "").is_err());
        assert!(page(1, "*", "").is_err());
        assert!(page(1, "YWJj", "").is_err());
        let (_, token) = take(&page(1, "", "").unwrap(), &["a", "b"]);
        assert!(page(2, &token, "").is_ok());
        let why = page(1, &token, "blue").err().unwrap();
        assert!(why.message().contains("another question"), "{why}");
    }

    #[test]
    fn a_page_ends_before_clients_refuse_it() {
        let long = "x".repeat(2 * 1024 * 1024);
        let (first, token) = take(&page(5, "", "").unwrap(), &[&long, "y"]);
        assert_eq!((first.len(), token.is_empty()), (long.len() + 1, true));
        let longer = format!("{long}x");
        let (first, token) = take(&page(5, "", "").unwrap(), &[&long, &longer]);
        assert_eq!((first.len(), token.is_empty()), (long.len(), false));
    }
}
