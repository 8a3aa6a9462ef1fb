//! Lists, which the API gives a page at a time.

use std::io::{self, Write};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Api, Error};
use crate::cli::table::Table;

/// Entries of a page that the API gives at most.
const MAX_PER_PAGE: u32 = 200;

/// How much of a list is wanted.
#[derive(Clone, Debug, clap::Args)]
pub struct PageArgs {
    /// Show so many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Show all of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl PageArgs {
    /// All there is.
    pub(in crate::cli) const ALL: Self = Self { limit: 0, all: true };

    /// How many the next page may have; `None` if no more are wanted.
    fn next(&self, num_taken: u32) -> Option<u32> {
        match self.all {
            true => Some(MAX_PER_PAGE),
            false => Some(self.limit.saturating_sub(num_taken).min(MAX_PER_PAGE)),
        }
        .filter(|limit| *limit > 0)
    }
}

/// What to list.
pub(in crate::cli) struct List<'a> {
    /// Below `/admin`.
    pub(in crate::cli) path: &'a str,
    pub(in crate::cli) query: Vec<(&'static str, String)>,
    pub(in crate::cli) pages: &'a PageArgs,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
    total: Option<u64>,
}

/// What of a list was not asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rest {
    num_taken: u32,
    is_more: bool,
    total: Option<u64>,
}

impl List<'_> {
    /// Prints the API's objects, a line each, as the pages come in.
    ///
    /// # Errors
    /// No answer, a refusal, or an output that is closed.
    pub(in crate::cli) async fn print_json(
        &self,
        api: &Api,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let rest = self
            .each_page(api, |page| {
                page.iter().try_for_each(|entry| writeln!(out, "{}", entry.get()))?;
                Ok(())
            })
            .await?;
        self.mention(rest);
        Ok(())
    }

    /// Prints a table once all of it is known, since the widest cell may come last.
    ///
    /// # Errors
    /// As [`print_json`](Self::print_json).
    pub(in crate::cli) async fn print_table<T: DeserializeOwned, const N: usize>(
        &self,
        api: &Api,
        out: &mut impl Write,
        columns: [&str; N],
        row: impl Fn(T) -> [String; N],
    ) -> anyhow::Result<()> {
        let mut table = Table::new(columns);
        let rest = self
            .each_page(api, |page| {
                for entry in page {
                    table.push(row(api.read(entry.get())?));
                }
                Ok(())
            })
            .await?;
        table.show(out)?;
        self.mention(rest);
        Ok(())
    }

    /// The entries, as `T` has them.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub(in crate::cli) async fn collect<T: DeserializeOwned>(
        &self,
        api: &Api,
    ) -> anyhow::Result<Vec<T>> {
        let mut entries = Vec::new();
        self.each_page(api, |page| {
            for entry in page {
                entries.push(api.read(entry.get())?);
            }
            Ok(())
        })
        .await?;
        Ok(entries)
    }

    async fn each_page(
        &self,
        api: &Api,
        mut take: impl FnMut(&[Box<RawValue>]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Rest> {
        let mut rest = Rest { num_taken: 0, is_more: true, total: None };
        let mut cursor = None;
        while rest.is_more
            && let Some(limit) = self.pages.next(rest.num_taken)
        {
            let page = self.page(api, limit, cursor.take()).await?;
            take(&page.data)?;
            rest.num_taken += u32::try_from(page.data.len()).unwrap_or(u32::MAX);
            rest.total = page.total;
            cursor = page.next_cursor;
            rest.is_more = cursor.is_some();
        }
        Ok(rest)
    }

    async fn page(&self, api: &Api, limit: u32, cursor: Option<String>) -> Result<Page, Error> {
        let mut query = self.query.clone();
        query.push(("limit", limit.to_string()));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let text = api.answer(api.client.get(api.url(&[self.path], &query))).await?;
        api.read(&text)
    }

    /// Says that there is more; standard output is for the list.
    fn mention(&self, rest: Rest) {
        if let Some(text) = rest.text() {
            // Nothing is lost if nobody reads it.
            let _ = writeln!(io::stderr(), "menagerie: {text}");
        }
    }
}

impl Rest {
    fn text(self) -> Option<String> {
        let Self { num_taken, is_more: true, total } = self else { return None };
        Some(match total {
            Some(total) => format!("{num_taken} of {total}; --limit N or --all shows more"),
            None => format!("the first {num_taken}; --limit N or --all shows more"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_large_as_the_api_gives_and_no_larger_than_wanted() {
        let some = |limit| PageArgs { limit, all: false };
        assert_eq!(some(50).next(0), Some(50));
        assert_eq!(some(450).next(0), Some(200));
        assert_eq!(some(450).next(400), Some(50));
        assert_eq!(some(450).next(450), None);
        assert_eq!(some(1).next(7), None);
        assert_eq!(PageArgs::ALL.next(1_000_000), Some(200));
    }

    #[test]
    fn what_is_not_shown_is_mentioned() {
        let rest = Rest { num_taken: 50, is_more: true, total: Some(1_234) };
        assert!(rest.text().is_some_and(|text| text.starts_with("50 of 1234;")));
        assert!(Rest { total: None, ..rest }.text().is_some_and(|text| text.contains("first 50;")));
        assert_eq!(Rest { is_more: false, ..rest }.text(), None);
    }
}
