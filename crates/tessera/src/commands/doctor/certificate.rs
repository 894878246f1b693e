//! Whether others will believe the certificate that a process shows them.

use std::time::Duration;

use domain::Timestamp;
use proto::transport::{Certificate, Standing, TlsFiles};

use super::{Finding, Patient};
use crate::{assembly, commands::role::Role};

const CHECK: &str = "certificate";
/// From so little time on, it is to be renewed soon.
const SHORT: Duration = Duration::from_hours(14 * 24);

/// Looks at what `[tls]` names, where it names something.
pub(super) fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(files) = &patient.config.tls else { return Vec::new() };
    let certificate = match files.certificate() {
        Ok(certificate) => certificate,
        Err(error) => {
            let remedy =
                "put all three files that [tls] names in place, readable for the user that runs Tessera";
            return vec![Finding::failure(CHECK, error.to_string(), remedy)];
        }
    };
    let now = assembly::clock().now();
    let name = patient.role.map(|role| name(role, &certificate));
    std::iter::once(judge(files, certificate.standing(now), now)).chain(name).collect()
}

fn judge(files: &TlsFiles, standing: Standing, now: Timestamp) -> Finding {
    let file = files.cert.display();
    let renew = "renew it; the files are read again while Tessera runs";
    match standing {
        Standing::Until(end) if end.since(now) < SHORT => {
            Finding::warning(CHECK, format!("{file} expires in {}, at {end}", days(end.since(now))), renew)
        }
        Standing::Until(end) => {
            Finding::ok(CHECK, format!("{file} holds for {} more, until {end}", days(end.since(now))))
        }
        Standing::Expired(end) => {
            Finding::failure(CHECK, format!("{file} expired {} ago, at {end}", days(now.since(end))), renew)
        }
        Standing::NotBefore(start) => Finding::failure(
            CHECK,
            format!("{file} does not hold before {start}"),
            "set this machine's clock right, or issue it anew",
        ),
        Standing::OfNobody => Finding::failure(
            CHECK,
            format!("{file} is of no authority in {}", files.ca.display()),
            "have ca_file hold the authority that signed it, and cert_file those between the two",
        ),
        Standing::Unfit(why) => {
            Finding::failure(CHECK, format!("{file} cannot be used: {why}"), "issue it anew")
        }
    }
}

/// Whether it says what its bearer is.
fn name(role: Role, certificate: &Certificate) -> Finding {
    const CHECK: &str = "certificate's name";
    let role = role.name();
    if certificate.is_for(role) {
        return Finding::ok(CHECK, format!("says that its bearer is {role}"));
    }
    let remedy = format!("issue it with {role} among its DNS names");
    Finding::failure(CHECK, format!("does not say that its bearer is {role}"), remedy)
}

fn days(duration: Duration) -> String {
    let days = duration.as_secs() / (24 * 3600);
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_two_weeks_before_its_end() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let files = TlsFiles { ca: "ca.crt".into(), cert: "tls.crt".into(), key: "tls.key".into() };
        let hours = |hours: u64| Duration::from_hours(hours);
        for (standing, state, told) in [
            (Standing::Until(now + hours(15 * 24)), "\"ok\"", "tls.crt holds for 15 days more"),
            (Standing::Until(now + hours(13 * 24 + 23)), "\"warning\"", "tls.crt expires in 13 days"),
            (Standing::Expired(now - hours(25)), "\"failure\"", "tls.crt expired 1 day ago"),
            (Standing::NotBefore(now + hours(1)), "\"failure\"", "does not hold before"),
            (Standing::OfNobody, "\"failure\"", "is of no authority in ca.crt"),
        ] {
            let finding = serde_json::to_string(&judge(&files, standing, now)).unwrap();
            assert!(finding.contains(state) && finding.contains(told), "{finding}");
        }
    }
}
