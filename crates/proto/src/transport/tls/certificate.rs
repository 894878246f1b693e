//! A certificate as others will look at it, for those who want to know beforehand.

use std::{sync::Arc, time::Duration};

use domain::Timestamp;
use rustls::{
    CertificateError, Error, RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{ParsedCertificate, WebPkiClientVerifier},
};

/// Our certificate, those between it and an authority, and the authorities that we believe.
#[derive(Debug)]
pub struct Certificate {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) authorities: Arc<RootCertStore>,
}

/// Whether a certificate will be believed by those who believe our authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It will, until then.
    Until(Timestamp),
    /// No more since then.
    Expired(Timestamp),
    /// Not before then.
    NotBefore(Timestamp),
    /// No authority that we believe has signed it.
    OfNobody,
    /// Something else is wrong with it.
    Unfit(String),
}

/// The last second that certificates can name.
const LAST: Duration = Duration::from_secs(253_402_300_799);

impl Certificate {
    /// How it stands at a moment.
    pub fn standing(&self, now: Timestamp) -> Standing {
        use CertificateError::{BadSignature, ExpiredContext, NotValidYetContext, UnknownIssuer};
        match self.verify(UnixTime::since_unix_epoch(Duration::from_millis(now.as_millis()))) {
            Ok(()) => Standing::Until(timestamp(self.end())),
            Err(Error::InvalidCertificate(ExpiredContext { not_after, .. })) => {
                Standing::Expired(timestamp(not_after))
            }
            Err(Error::InvalidCertificate(NotValidYetContext { not_before, .. })) => {
                Standing::NotBefore(timestamp(not_before))
            }
            // The signature is bad where another authority bears the same name.
            Err(Error::InvalidCertificate(UnknownIssuer | BadSignature)) => Standing::OfNobody,
            Err(error) => Standing::Unfit(error.to_string()),
        }
    }

    /// Whether it has this among its DNS names.
    pub fn is_for(&self, name: &str) -> bool {
        let name = ServerName::try_from(name);
        let certificate = self.chain.first().map(ParsedCertificate::try_from);
        matches!((certificate, name), (Some(Ok(it)), Ok(name)) if verify_server_name(&it, &name).is_ok())
    }

    /// When the first of the chain expires: at the end of time one after the other says so.
    fn end(&self) -> UnixTime {
        let mut end = UnixTime::since_unix_epoch(LAST);
        while let Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) =
            self.verify(end)
            && not_after < end
        {
            end = not_after;
        }
        end
    }

    /// As one who is called would be believed or one who calls: of some certificates only one of these is said.
    fn verify(&self, at: UnixTime) -> Result<(), Error> {
        use CertificateError::{InvalidPurpose, InvalidPurposeContext};
        let (first, between) = self.chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms.all;
        let parsed = ParsedCertificate::try_from(first)?;
        let authorities = &self.authorities;
        match verify_server_cert_signed_by_trust_anchor(&parsed, authorities, between, at, algorithms) {
            Err(Error::InvalidCertificate(InvalidPurpose | InvalidPurposeContext { .. })) => {
                let caller =
                    WebPkiClientVerifier::builder_with_provider(Arc::clone(authorities), provider).build();
                let caller = caller.map_err(|error| Error::General(error.to_string()))?;
                caller.verify_client_cert(first, between, at).map(drop)
            }
            verified => verified,
        }
    }
}

const fn timestamp(moment: UnixTime) -> Timestamp {
    Timestamp::from_millis(moment.as_secs() * 1000)
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
        date_time_ymd,
    };

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    type Issuer = CertifiedIssuer<'static, KeyPair>;

    fn authority(last_year: i32) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(last_year, 12, 31);
        params
    }

    fn key() -> KeyPair {
        KeyPair::generate().unwrap()
    }

    /// What `issuer` issues from the beginning of 2026 to the first of May 2027, for one who calls.
    fn issued(issuer: &Issuer, between: Vec<CertificateDer<'static>>, root: &Issuer) -> Certificate {
        let mut params = CertificateParams::new(vec!["gateway".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 5, 1));
        let certificate = params.signed_by(&key(), issuer).unwrap();
        let mut authorities = RootCertStore::empty();
        authorities.add(root.der().clone()).unwrap();
        let chain = std::iter::once(certificate.der().clone()).chain(between).collect();
        Certificate { chain, authorities: Arc::new(authorities) }
    }

    #[test]
    fn a_certificate_holds_until_the_first_of_its_chain_expires_and_only_for_its_names() {
        let root = Issuer::self_signed(authority(2050), key()).unwrap();
        let (may, year_2026) =
            (Timestamp::from_millis(1_809_129_600_000), Timestamp::from_millis(1_767_225_600_000));
        let certificate = issued(&root, Vec::new(), &root);
        assert_eq!(certificate.standing(year_2026 + DAY), Standing::Until(may));
        assert_eq!(certificate.standing(year_2026 - DAY), Standing::NotBefore(year_2026));
        assert_eq!(certificate.standing(may + DAY), Standing::Expired(may));
        assert!(certificate.is_for("gateway") && !certificate.is_for("quota"));

        let between = Issuer::signed_by(authority(2026), key(), &root).unwrap();
        let soon = issued(&between, vec![between.der().clone()], &root);
        let december = Timestamp::from_millis(1_798_675_200_000);
        assert_eq!(soon.standing(year_2026 + DAY), Standing::Until(december));

        let stranger = Issuer::self_signed(authority(2050), key()).unwrap();
        assert_eq!(issued(&stranger, Vec::new(), &root).standing(year_2026 + DAY), Standing::OfNobody);
    }
}
