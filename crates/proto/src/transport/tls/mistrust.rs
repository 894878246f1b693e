//! Why the two ends of a connection do not trust each other, and what people do about it.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};
use tower::BoxError;

use CertificateError::{
    BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
    NotValidYetContext, UnknownIssuer,
};

/// Why a service that we called by the name of `host` and we do not; none, where that is not what ails.
pub(in crate::transport) fn of_called(error: &BoxError, host: &str) -> Option<String> {
    match cause(error.downcast_ref()?)? {
        Error::InvalidCertificate(why) => Some(of_certificate(why, host)),
        Error::AlertReceived(alert) => Some(of_ours(*alert)),
        Error::InvalidMessage(_) => {
            Some("it speaks no TLS; set [tls] there too, or call it by http://".to_owned())
        }
        error => Some(error.to_string()),
    }
}

/// Why one who called us and we do not; none, where they only went away.
pub(super) fn of_caller(error: &io::Error) -> Option<String> {
    match cause(error)? {
        Error::NoCertificatesPresented => {
            Some("it shows no certificate; have it name one in its [tls]".to_owned())
        }
        Error::InvalidCertificate(why) => Some(of_certificate(why, "a caller")),
        Error::AlertReceived(alert) => Some(of_ours(*alert)),
        Error::InvalidMessage(_) => {
            Some("it speaks no TLS; have it call by https:// and with a certificate".to_owned())
        }
        error => Some(error.to_string()),
    }
}

fn cause(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// What is wrong with the other end's.
fn of_certificate(why: &CertificateError, host: &str) -> String {
    match why {
        // The signature is bad where two authorities bear one name.
        UnknownIssuer | BadSignature => {
            "its certificate is of no authority in our ca_file; have one authority sign those of both ends"
                .to_owned()
        }
        NotValidForName | NotValidForNameContext { .. } => format!(
            "its certificate is not for {host}; issue it with that name too, or call it by a name that it has"
        ),
        Expired | ExpiredContext { .. } => {
            "its certificate has expired; renew it, or set the clock right".to_owned()
        }
        NotValidYet | NotValidYetContext { .. } => {
            "its certificate does not hold yet; set the clocks right".to_owned()
        }
        other => format!("its certificate cannot be used ({other}); issue another"),
    }
}

/// What the other end finds wrong with ours.
fn of_ours(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            "it knows no authority of our certificate; have one authority sign those of both ends".to_owned()
        }
        AlertDescription::CertificateExpired => {
            "it says that our certificate has expired; renew it, or set the clock right".to_owned()
        }
        other => format!("it refuses our certificate ({other:?}); its log may say more"),
    }
}
