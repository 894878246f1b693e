//! Pictures, known by their bytes rather than by what a label says.

use std::fmt;

use bytes::Bytes;

use crate::PixelSize;

/// The picture formats that Google's models take and give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `image/png`
    Png,
    /// `image/jpeg`
    Jpeg,
    /// `image/webp`
    Webp,
}

impl MediaType {
    /// The format these bytes begin, by their signature.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// The MIME type: `image/png`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// The value of `output_format`: `png`, `jpeg`, `webp`.
    pub const fn format_name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }

    /// The usual file name extension: `png`, `jpg`, `webp`.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A whole picture: its bytes, and what their header says of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    media_type: MediaType,
    size: PixelSize,
    bytes: Bytes,
}

/// Why bytes are not a picture we can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnImage {
    /// Neither PNG nor JPEG nor WebP.
    #[error("is not a PNG, JPEG or WebP picture")]
    UnknownFormat,
    /// The header does not tell a width and a height.
    #[error("has a damaged {0} header")]
    BadHeader(MediaType),
    /// The bytes end before the picture does.
    #[error("ends before its {0} picture does")]
    Truncated(MediaType),
}

impl Image {
    /// Reads the format, the pixel size and the end mark of these bytes; decodes no pixels.
    pub fn inspect(bytes: Bytes) -> Result<Self, NotAnImage> {
        let (media_type, size) = probe(&bytes, &bytes, bytes.len())?;
        Ok(Self { media_type, size, bytes })
    }

    /// Its format, sniffed.
    pub const fn media_type(&self) -> MediaType {
        self.media_type
    }

    /// Its width and height, from its header.
    pub const fn size(&self) -> PixelSize {
        self.size
    }

    /// Its encoded bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Reads the format and the pixel size of a picture of `length` bytes of which only the beginning and the last
/// [`TAIL`] bytes are at hand. A beginning that is too short for the header reads as a damaged header.
pub fn probe(head: &[u8], tail: &[u8], length: usize) -> Result<(MediaType, PixelSize), NotAnImage> {
    let media_type = MediaType::sniff(head).ok_or(NotAnImage::UnknownFormat)?;
    let bad_header = NotAnImage::BadHeader(media_type);
    let dimensions = imagesize::blob_size(head).map_err(|_| bad_header)?;
    let to_pixels = |side: usize| u32::try_from(side).map_err(|_| bad_header);
    let size =
        PixelSize::new(to_pixels(dimensions.width)?, to_pixels(dimensions.height)?).ok_or(bad_header)?;
    if ends_whole(media_type, head, tail, length) {
        Ok((media_type, size))
    } else {
        Err(NotAnImage::Truncated(media_type))
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}, {}, {} bytes)", self.media_type, self.size, self.bytes.len())
    }
}

/// How many last bytes are searched for an end mark: encoders may append a little after it.
pub const TAIL: usize = 4096;

fn ends_whole(media_type: MediaType, head: &[u8], tail: &[u8], length: usize) -> bool {
    let tail = &tail[tail.len().saturating_sub(TAIL)..];
    let tail_has = |mark: &[u8]| tail.windows(mark.len()).rev().any(|window| window == mark);
    match media_type {
        MediaType::Png => tail_has(b"IEND\xae\x42\x60\x82"),
        MediaType::Jpeg => tail_has(&[0xff, 0xd9]),
        // RIFF says how many bytes follow its first eight.
        MediaType::Webp => match head {
            [_, _, _, _, a, b, c, d, ..] => length - 8 >= u32::from_le_bytes([*a, *b, *c, *d]) as usize,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The smallest whole PNG: one grey pixel.
    const PNG: &[u8] =
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\
        \x3a\x7e\x9b\x55\x00\x00\x00\x0aIDAT\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01\x48\xaf\xa4\x71\
        \x00\x00\x00\x00IEND\xae\x42\x60\x82";

    /// A lossless WebP header of one pixel, its length field saying that 18 bytes follow.
    const WEBP: &[u8] = b"RIFF\x12\x00\x00\x00WEBPVP8L\x05\x00\x00\x00\x2f\x00\x00\x00\x00\x00";

    #[test]
    fn a_whole_png_tells_its_size() {
        let image = Image::inspect(Bytes::from_static(PNG)).unwrap();
        assert_eq!(image.media_type(), MediaType::Png);
        assert_eq!(image.size().to_string(), "1x1");
    }

    #[test]
    fn a_whole_webp_tells_its_size() {
        let image = Image::inspect(Bytes::from_static(WEBP)).unwrap();
        assert_eq!((image.media_type(), image.size().to_string()), (MediaType::Webp, "1x1".to_owned()));
    }

    #[test]
    fn a_picture_cut_short_anywhere_is_refused() {
        for (whole, media_type) in [(PNG, MediaType::Png), (WEBP, MediaType::Webp)] {
            for length in 0..whole.len() {
                assert!(
                    Image::inspect(Bytes::from_static(&whole[..length])).is_err(),
                    "{media_type} at {length}"
                );
            }
        }
    }

    #[test]
    fn other_formats_are_not_pictures_for_us() {
        for bytes in [&b"GIF89a\x01\x00\x01\x00"[..], b"", b"<svg/>", b"BM"] {
            assert_eq!(Image::inspect(Bytes::from_static(bytes)), Err(NotAnImage::UnknownFormat));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_probe_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), signature in 0usize..4) {
            let signatures: [&[u8]; 4] = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x20\x00\x00\x00WEBP"];
            bytes.splice(0..0, signatures[signature].iter().copied());
            let _ = Image::inspect(Bytes::from(bytes));
        }
    }
}
