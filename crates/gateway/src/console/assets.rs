//! What pages are made of beside their text: part of the binary, and named by its content, so that browsers may keep
//! it for ever.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

use super::{hex, route::Route};

/// One file.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
}

macro_rules! assets {
    ($($name:literal is $media_type:expr),* $(,)?) => {
        &[$(Asset {
            name: $name,
            media_type: $media_type,
            content: include_bytes!(concat!("../../assets/console/", $name)),
        }),*]
    };
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Every file, in the order of their names.
const ASSETS: &[Asset] = assets![
    "accounts-changes.js" is SCRIPT,
    "accounts.css" is CSS,
    "accounts.js" is SCRIPT,
    "clients.css" is CSS,
    "clients.js" is SCRIPT,
    "console.css" is CSS,
    "console.js" is SCRIPT,
    "feed.js" is SCRIPT,
    "inter.LICENSE.txt" is "text/plain; charset=utf-8",
    "inter.woff2" is "font/woff2",
    "mark.svg" is "image/svg+xml",
    "playground-answer.js" is SCRIPT,
    "playground-references.js" is SCRIPT,
    "playground-run.js" is SCRIPT,
    "playground-snippets.js" is SCRIPT,
    "playground-words.js" is SCRIPT,
    "playground.css" is CSS,
    "playground.js" is SCRIPT,
    "request.js" is SCRIPT,
    "requests-list.js" is SCRIPT,
    "requests.css" is CSS,
    "requests.js" is SCRIPT,
    "sign_in.css" is CSS,
    "traffic.css" is CSS,
    "traffic.js" is SCRIPT,
    "traffic-plots.js" is SCRIPT,
    "uplot.LICENSE.txt" is "text/plain; charset=utf-8",
    "uplot.css" is CSS,
    "uplot.js" is SCRIPT,
];

/// The directory of them all, whose name is other whenever one of them is: so they name each other by their names.
pub(crate) static DIRECTORY: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in ASSETS {
        hash.update(asset.name);
        hash.update(asset.content.len().to_le_bytes());
        hash.update(asset.content);
    }
    format!("/assets/{}", &hex::write(&hash.finalize().into())[..16])
});

/// The routes of this module.
pub(crate) fn routes() -> Vec<Route> {
    vec![Route::open("/assets/{version}/{name}", show)]
}

async fn show(Path((version, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let current = DIRECTORY.ends_with(&format!("/{version}"));
    let Some(asset) = ASSETS.iter().find(|asset| current && asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{version}\"");
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|told| told.as_bytes() == tag.as_bytes());
    let tag = HeaderValue::from_str(&tag).expect("the version is the directory's own");
    let kept = (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    let media_type = (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    if known {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag), kept]).into_response();
    }
    ([(header::ETAG, tag), kept, media_type], asset.content).into_response()
}
