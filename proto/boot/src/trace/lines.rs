//! Log lines that bear the ids of the span in which they are written.

use std::io::{self, Write};

use opentelemetry::Context as Current;
use opentelemetry::trace::TraceContextExt;
use tracing_subscriber::fmt::MakeWriter;

use crate::telemetry::Format;

/// Writes log lines on, with `trace_id` and `span_id` added. A line comes in one piece.
pub(crate) struct Marked<M> {
    inner: M,
    format: Format,
}

/// One line's way.
pub(crate) struct Line<W> {
    inner: W,
    format: Format,
}

impl<M> Marked<M> {
    pub(crate) fn new(inner: M, format: Format) -> Self {
        Self { inner, format }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Marked<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line {
            inner: self.inner.make_writer(),
            format: self.format,
        }
    }
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match ids().and_then(|ids| marked(line, self.format, &ids)) {
            Some(marked) => self.inner.write_all(&marked)?,
            None => self.inner.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Ids of the span that is entered here, if it is exported.
fn ids() -> Option<[String; 2]> {
    Current::map_current(|current| {
        let found = current.span().span_context().clone();
        found
            .is_valid()
            .then(|| [found.trace_id().to_string(), found.span_id().to_string()])
    })
}

fn marked(line: &[u8], format: Format, [trace, span]: &[String; 2]) -> Option<Vec<u8>> {
    let mut marked = Vec::with_capacity(line.len() + 90);
    match format {
        Format::Json => {
            let rest = line.strip_prefix(b"{")?;
            write!(marked, "{{\"trace_id\":\"{trace}\",\"span_id\":\"{span}\",").ok()?;
            marked.extend_from_slice(rest);
        }
        Format::Text => {
            let line = line.strip_suffix(b"\n")?;
            marked.extend_from_slice(line);
            writeln!(marked, " trace_id={trace} span_id={span}").ok()?;
        }
    }
    Some(marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(line: &str, format: Format) -> String {
        let ids = ["a".to_owned(), "b".to_owned()];
        String::from_utf8(marked(line.as_bytes(), format, &ids).unwrap()).unwrap()
    }

    #[test]
    fn both_formats_bear_the_ids() {
        assert_eq!(
            mark("{\"level\":\"INFO\"}\n", Format::Json),
            "{\"trace_id\":\"a\",\"span_id\":\"b\",\"level\":\"INFO\"}\n"
        );
        assert_eq!(
            mark("hello\n", Format::Text),
            "hello trace_id=a span_id=b\n"
        );
    }
}
