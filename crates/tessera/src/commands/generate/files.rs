//! Where pictures are written, and under which names.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use domain::{Image, MediaType};

/// Where pictures go.
#[derive(Debug)]
pub(crate) struct Destination {
    /// The name without its extension.
    stem: PathBuf,
    /// The extension that was asked for.
    extension: Option<String>,
    /// Whether somebody named the file, and so may have it replaced.
    named: bool,
}

/// A picture on disk.
#[derive(Debug)]
pub(crate) struct Written {
    /// Its file.
    pub path: PathBuf,
    /// What is unexpected about its name.
    pub remark: Option<String>,
}

impl Destination {
    /// The file that was asked for, or `picture` here. Its directory must exist: better to learn that before
    /// anything is paid for.
    pub(crate) fn of(asked: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = asked else {
            return Ok(Self { stem: "picture".into(), extension: None, named: false });
        };
        ensure!(path.file_name().is_some() && !path.is_dir(), "{} is not a file name", path.display());
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            ensure!(directory.is_dir(), "the directory {} does not exist", directory.display());
        }
        let known = |extension: &&str| media_type(extension).is_some();
        let extension = path.extension().and_then(|extension| extension.to_str()).filter(known);
        let stem = if extension.is_some() { path.with_extension("") } else { path.clone() };
        Ok(Self { stem, extension: extension.map(str::to_owned), named: true })
    }

    /// Writes the picture that is the `number`th to come, from 1, under a name with the extension of its bytes.
    pub(crate) fn write(&self, number: u32, image: &Image) -> anyhow::Result<Written> {
        let format = image.media_type();
        let fits = self.extension.as_deref().is_none_or(|asked| media_type(asked) == Some(format));
        let extension = self.extension.as_deref().filter(|_| fits).unwrap_or(format.extension());
        let remark =
            (!fits).then(|| format!("The picture is of type {format}, so its name ends in .{extension}."));
        let path = if self.named && fits {
            let path = self.path(number, extension);
            fs::write(&path, image.bytes()).with_context(|| unwritable(&path))?;
            path
        } else {
            self.write_beside(number, extension, image.bytes())?
        };
        Ok(Written { path, remark })
    }

    /// Writes under the first name that is free.
    fn write_beside(&self, number: u32, extension: &str, bytes: &[u8]) -> anyhow::Result<PathBuf> {
        for number in number.. {
            let path = self.path(number, extension);
            match File::create_new(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                file => {
                    let written: io::Result<()> = file.and_then(|mut file| file.write_all(bytes));
                    return written.with_context(|| unwritable(&path)).map(|()| path);
                }
            }
        }
        unreachable!("there are more numbers than files")
    }

    fn path(&self, number: u32, extension: &str) -> PathBuf {
        let mut name = self.stem.clone().into_os_string();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        name.push(format!(".{extension}"));
        name.into()
    }
}

fn unwritable(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

/// The format that a file name's extension promises.
fn media_type(extension: &str) -> Option<MediaType> {
    match extension.to_ascii_lowercase().as_str() {
        "png" => Some(MediaType::Png),
        "jpg" | "jpeg" => Some(MediaType::Jpeg),
        "webp" => Some(MediaType::Webp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// The smallest whole PNG: one grey pixel.
    const PNG: &[u8] =
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\
        \x3a\x7e\x9b\x55\x00\x00\x00\x0aIDAT\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01\x48\xaf\xa4\x71\
        \x00\x00\x00\x00IEND\xae\x42\x60\x82";

    /// Writes two pictures and tells the names they got.
    fn names(directory: &Path, destination: &Destination) -> Vec<String> {
        let image = Image::inspect(Bytes::from_static(PNG)).unwrap();
        (1..=2)
            .map(|number| destination.write(number, &image).unwrap().path)
            .map(|path| path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_named_file_keeps_its_name_and_may_be_replaced() {
        let home = tempfile::tempdir().unwrap();
        for (asked, expected) in [
            ("a.png", ["a.png", "a-2.png"]),
            ("A.PNG", ["A.PNG", "A-2.PNG"]),
            ("plain", ["plain.png", "plain-2.png"]),
            ("v1.2", ["v1.2.png", "v1.2-2.png"]),
        ] {
            let destination = Destination::of(Some(home.path().join(asked))).unwrap();
            assert_eq!(names(home.path(), &destination), expected);
            assert_eq!(names(home.path(), &destination), expected, "{asked} again");
        }
    }

    #[test]
    fn nothing_that_nobody_named_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let unnamed = Destination { stem: home.path().join("picture"), extension: None, named: false };
        assert_eq!(names(home.path(), &unnamed), ["picture.png", "picture-2.png"]);
        assert_eq!(names(home.path(), &unnamed), ["picture-3.png", "picture-4.png"]);
    }

    #[test]
    fn an_extension_that_the_bytes_contradict_gives_way_and_is_remarked() {
        let home = tempfile::tempdir().unwrap();
        let image = Image::inspect(Bytes::from_static(PNG)).unwrap();
        let written = Destination::of(Some(home.path().join("a.jpg"))).unwrap().write(1, &image).unwrap();
        assert_eq!(written.path, home.path().join("a.png"));
        assert!(written.remark.unwrap().contains("image/png"));
    }

    #[test]
    fn a_directory_that_is_not_there_is_noticed_before_anything_is_asked() {
        assert!(Destination::of(Some("/nowhere/at/all.png".into())).is_err());
        assert!(Destination::of(Some("/".into())).is_err());
    }
}
