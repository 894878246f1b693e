//! What is seen while a picture is drawn: a spinner on a terminal, plain lines elsewhere.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// The progress of one request, on standard error. That nobody reads it, or the results, is no reason to stop:
/// further pictures are paid for.
pub(crate) struct Progress {
    asked: u32,
    began: Instant,
    /// None where nobody watches.
    spinner: Option<ProgressBar>,
}

impl Progress {
    /// Begins to show how a request for so many pictures goes.
    pub(crate) fn begin(asked: u32) -> Self {
        let spinner = io::stderr().is_terminal().then(|| spinner(asked));
        let progress = Self { asked, began: Instant::now(), spinner };
        if progress.spinner.is_none() {
            progress.say(&format!("Drawing {}.", pictures(asked)));
        }
        progress
    }

    /// A remark beside the progress.
    pub(crate) fn say(&self, line: &str) {
        self.aside(|| drop(writeln!(io::stderr(), "{line}")));
    }

    /// A line of the command's own output, which others may read.
    pub(crate) fn result(&self, line: &str) {
        self.aside(|| drop(writeln!(io::stdout(), "{line}")));
    }

    /// So many pictures are here.
    pub(crate) fn picture(&self, done: u32) {
        if let Some(spinner) = &self.spinner {
            spinner.set_position(done.into());
        } else {
            let seconds = self.began.elapsed().as_secs_f64();
            self.say(&format!("{done} of {} after {seconds:.1} s.", pictures(self.asked)));
        }
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }

    fn aside(&self, print: impl FnOnce()) {
        match &self.spinner {
            Some(spinner) => spinner.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    /// An error's message finds the line clear.
    fn drop(&mut self) {
        self.end();
    }
}

fn spinner(asked: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} drawing, {pos} of {len} done, {elapsed}")
        .expect("the template is valid");
    let spinner = ProgressBar::new(asked.into()).with_style(style);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn pictures(count: u32) -> String {
    if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") }
}
