//! Commands of the machine, shown before they run.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{self, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::tally::Tally;

/// A program and its arguments.
pub(crate) struct Command {
    shown: String,
    inner: process::Command,
}

impl Command {
    /// A command line of words without spaces in them.
    pub(crate) fn of(line: &str) -> Self {
        let (program, words) = line.split_once(' ').unwrap_or((line, ""));
        Self::at(program).words(words)
    }

    /// A program at a path.
    pub(crate) fn at(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        Self { shown: program.display().to_string(), inner: process::Command::new(program) }
    }

    /// The same with more arguments: words without spaces in them.
    pub(crate) fn words(self, words: &str) -> Self {
        words.split_whitespace().fold(self, Self::arg)
    }

    /// The same with one more argument, which may have spaces in it.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        let argument = argument.as_ref();
        self.shown = format!("{} {}", self.shown, argument.display());
        self.inner.arg(argument);
        self
    }

    /// The same with an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.shown = format!("{name}='{value}' {}", self.shown);
        self.inner.env(name, value);
        self
    }

    /// The same in another directory.
    pub(crate) fn within(mut self, directory: &Path) -> Self {
        self.inner.current_dir(directory);
        self
    }

    /// Runs it to its end; it counts as one check.
    pub(crate) fn run(mut self) -> Result<Tally> {
        println!("$ {}", self.shown);
        let status = self.inner.status().with_context(|| format!("cannot start `{}`", self.shown))?;
        ensure!(status.success(), "`{}` ended with {status}", self.shown);
        Ok(Tally::one_passed())
    }

    /// Runs it to its end and hands over each line of its output, after it was printed. Tells whether it succeeded.
    pub(crate) fn run_reading(mut self, mut read: impl FnMut(&str)) -> Result<bool> {
        println!("$ {}", self.shown);
        let context = || format!("cannot run `{}`", self.shown);
        let mut child = self.inner.stdout(Stdio::piped()).spawn().with_context(context)?;
        for line in BufReader::new(child.stdout.take().context("has no output")?).split(b'\n') {
            let line = line.with_context(context)?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            read(&line);
        }
        Ok(child.wait().with_context(context)?.success())
    }

    /// Runs it to its end while all that it prints goes to a file. Tells whether it succeeded, and what it printed.
    pub(crate) fn transcript(mut self, log: &Path) -> Result<(bool, String)> {
        let context = || format!("cannot run `{}` with its output in {}", self.shown, log.display());
        let file = File::create(log).with_context(context)?;
        let errors = file.try_clone().with_context(context)?;
        let status =
            self.inner.stdin(Stdio::null()).stdout(file).stderr(errors).status().with_context(context)?;
        let printed = fs::read(log).with_context(context)?;
        Ok((status.success(), String::from_utf8_lossy(&printed).into_owned()))
    }

    /// What it prints, where it succeeds; shows nothing.
    pub(crate) fn output(mut self) -> Result<String> {
        let context = || format!("cannot run `{}`", self.shown);
        let output = self.inner.stderr(Stdio::inherit()).output().with_context(context)?;
        ensure!(output.status.success(), "`{}` ended with {}", self.shown, output.status);
        String::from_utf8(output.stdout).with_context(context)
    }

    /// Whether it can be started and succeeds; shows nothing.
    pub(crate) fn succeeds(mut self) -> bool {
        let quiet = self.inner.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }
}
