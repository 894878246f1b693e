//! Values as a configuration spells them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};
use tonic::transport::Uri;

/// A duration written as a number of seconds, more than 0 and at most a day; `0.5` is half a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Seconds(Duration);

impl Seconds {
    const LONGEST: f64 = 86_400.0;

    /// The value as a duration.
    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        if seconds > 0.0 && seconds <= Self::LONGEST {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err(format!("`{seconds}` must be more than 0 and at most {} seconds", Self::LONGEST))
        }
    }
}

/// An amount of US dollars, more than 0 and at most a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Dollars(u64);

impl Dollars {
    const MOST: f64 = 1e6;

    /// The amount of so many millionths.
    pub(crate) const fn from_micro_usd(millionths: u64) -> Self {
        Self(millionths)
    }

    /// In millionths of a dollar.
    pub(crate) const fn micro_usd(self) -> u64 {
        self.0
    }
}

impl TryFrom<f64> for Dollars {
    type Error = String;

    fn try_from(dollars: f64) -> Result<Self, String> {
        let refused = || format!("`{dollars}` must be more than 0 and at most {} dollars", Self::MOST);
        if !(dollars > 0.0 && dollars <= Self::MOST) {
            return Err(refused());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "is known to be between 0 and a million million"
        )]
        let millionths = (dollars * 1e6).round() as u64;
        if millionths == 0 { Err(refused()) } else { Ok(Self(millionths)) }
    }
}

impl FromStr for Dollars {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let dollars: f64 = text.parse().map_err(|_| format!("`{text}` is no amount of dollars"))?;
        dollars.try_into()
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        match format!("{rest:06}").trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            rest => write!(f, "{whole}.{rest}"),
        }
    }
}

/// A value written as text in its own notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parsed<T>(pub T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Scheme, host and perhaps port of a server, and nothing more: `https://host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// The text, without a slash at its end.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` must be http:// or https:// with a host, and no path");
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let known_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let bare = uri.path_and_query().is_none_or(|path| path == "/");
        let plain_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if known_scheme && bare && plain_host {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(refused())
        }
    }
}

/// Scheme, host and path of something that is asked, and nothing more: `https://host/token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(String);

impl Endpoint {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` must be http:// or https:// with a host and a path");
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let known_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let plain_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if known_scheme && plain_host && uri.query().is_none() && !text.contains('#') {
            Ok(Self(text.to_owned()))
        } else {
            Err(refused())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_alone() {
        for (text, expected) in [
            ("https://generativelanguage.googleapis.com", Some("https://generativelanguage.googleapis.com")),
            ("http://127.0.0.1:8090/", Some("http://127.0.0.1:8090")),
            ("https://host/v1beta", None),
            ("https://host?key=1", None),
            ("https://user@host", None),
            ("ftp://host", None),
            ("host:80", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Origin>().ok().as_ref().map(Origin::as_str), expected, "{text}");
        }
        assert!("https://host/token".parse::<Endpoint>().is_ok());
        for text in ["https://host/token?key=1", "https://user@host/token", "https://host/#", "host/token"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn dollars_are_positive_and_print_as_they_are_written() {
        for text in ["0.000001", "2.5", "12", "1000000"] {
            assert_eq!(text.parse::<Dollars>().unwrap().to_string(), text);
        }
        assert_eq!("2.5".parse(), Ok(Dollars::from_micro_usd(2_500_000)));
        for text in ["0", "-1", "0.0000001", "1000001", "NaN", "a lot"] {
            assert!(text.parse::<Dollars>().is_err(), "{text}");
        }
    }

    #[test]
    fn seconds_are_positive_and_at_most_a_day() {
        assert_eq!(Seconds::try_from(0.5).unwrap().get(), Duration::from_millis(500));
        for seconds in [0.0, -1.0, 86_401.0, f64::NAN, f64::INFINITY] {
            assert!(Seconds::try_from(seconds).is_err(), "{seconds}");
        }
    }
}
