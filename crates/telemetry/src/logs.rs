//! Log lines on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, Layer, Registry, fmt::MakeWriter};

use crate::StartError;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One line for people, coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line, for collectors: the event's own fields, and in `spans` the fields of every span
    /// around it, outermost first.
    Json,
}

pub(crate) type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// The lines that `filter` lets through: `info`, or `info,generation=debug`.
pub(crate) fn lines<W>(format: Format, filter: &str, writer: W) -> Result<Lines, StartError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter)
        .map_err(|source| StartError::Filter { filter: filter.to_owned(), source })?;
    let mut lines = tracing_subscriber::fmt::layer().with_writer(writer);
    if !io::stderr().is_terminal() {
        lines.set_ansi(false);
    }
    Ok(match format {
        Format::Text => lines.with_filter(filter).boxed(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// A log that a test can read back.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: Format, filter: &str, log: impl FnOnce()) -> String {
        let page = Page::default();
        let copy = page.clone();
        let lines = lines(format, filter, move || copy.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
        String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_json_line_holds_its_own_fields_and_those_of_its_spans() {
        let text = written(Format::Json, "info", || {
            let _request = tracing::info_span!("gateway.request", request_id = "req_1").entered();
            tracing::warn!(kind = "no_account", "request failed");
        });
        for part in [
            r#""level":"WARN""#,
            r#""message":"request failed","kind":"no_account""#,
            r#""spans":[{"request_id":"req_1","name":"gateway.request"}]"#,
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn the_filter_decides_what_is_written() {
        let text = written(Format::Text, "info,quiet=error", || {
            tracing::info!("heard");
            tracing::debug!("too detailed");
            tracing::warn!(target: "quiet", "hushed");
        });
        assert!(text.contains("heard") && !text.contains("detailed") && !text.contains("hushed"), "{text}");
    }

    #[test]
    fn a_filter_that_means_nothing_is_refused_by_name() {
        let error = lines(Format::Text, "info,=,loud", io::stderr).err().unwrap();
        assert!(error.to_string().contains("`info,=,loud`"), "{error}");
    }
}
