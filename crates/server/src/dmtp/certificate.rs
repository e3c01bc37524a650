//! Whether a server of another organisation is who its management record says (docs/DMAP.md, other
//! organisations).
//!
//! Where the record names certificates (`tls`), one of them it must be; if the DNS has signed the record,
//! that is enough. In every other case the certificate must be good for the host's name by an authority that
//! is trusted here.

use std::sync::Arc;

use koi_dime::ManagementRecord;
use koi_dime::record::Vouched;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// What handshakes with other organisations are made with.
pub(crate) struct Certificates {
    provider: Arc<CryptoProvider>,
    /// Nothing where no authority is trusted.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl Certificates {
    pub(crate) fn new(roots: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        Self { provider, authorities: builder.build().ok() }
    }
    /// For the servers of one organisation.
    pub(crate) fn config(
        &self,
        record: &ManagementRecord,
        is_validated: bool,
    ) -> Result<ClientConfig, Error> {
        let verifier = Verifier {
            record: record.clone(),
            is_validated,
            authorities: self.authorities.clone(),
            provider: Arc::clone(&self.provider),
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(config)
    }
}

#[derive(Debug)]
struct Verifier {
    record: ManagementRecord,
    is_validated: bool,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.record.vouches_for(end_entity) {
            Vouched::Signed if self.is_validated => return Ok(ServerCertVerified::assertion()),
            Vouched::Signed | Vouched::Unnamed => {}
            // The record names other certificates.
            Vouched::Other => {
                return Err(CertificateError::ApplicationVerificationFailure.into());
            }
        }
        let authorities = self.authorities.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use koi_dime::key::Holder;
    use koi_dime::record::sign_certificate;
    use koi_dime::{Organisation, PrivateKeys};
    use rustls::pki_types::pem::PemObject as _;

    use super::*;
    use crate::ca::LocalCa;
    use crate::organisation::SystemRandom;

    fn organisation() -> Organisation {
        let keys = PrivateKeys::generate(Holder::Organisation, &mut SystemRandom).unwrap();
        Organisation::new("example.org", keys, &[]).unwrap()
    }

    #[test]
    fn who_is_let_in() {
        let folder = tempfile::tempdir().unwrap();
        let files = LocalCa::make(folder.path(), "example.org").unwrap();
        let certificate = CertificateDer::from_pem_file(&files.certificate).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&files.ca_certificate).unwrap()).unwrap();
        let (own, other) = (organisation(), organisation());
        let named = |by: &Organisation| {
            let mut record = own.record();
            record.tls.push(sign_certificate(by.signing(), &certificate));
            record
        };
        let nothing = own.record();
        // The record, whether the DNS has signed it, whether the authority is trusted, the host, and what
        // comes of it.
        let cases = [
            (&nothing, false, true, "example.org", true),
            (&nothing, true, true, "example.org", true),
            (&nothing, true, false, "example.org", false),
            (&nothing, false, true, "example.net", false),
            (&named(&own), true, false, "example.org", true),
            (&named(&own), true, false, "example.net", true),
            (&named(&own), false, true, "example.org", true),
            (&named(&own), false, true, "example.net", false),
            (&named(&own), false, false, "example.org", false),
            (&named(&other), true, true, "example.org", false),
            (&named(&other), false, true, "example.org", false),
        ];
        for (record, is_validated, is_trusted, host, wanted) in cases {
            let roots = if is_trusted { roots.clone() } else { RootCertStore::empty() };
            let Certificates { provider, authorities } = Certificates::new(roots);
            let verifier = Verifier { record: record.clone(), is_validated, authorities, provider };
            let name = ServerName::try_from(host).unwrap();
            let let_in = verifier.verify_server_cert(&certificate, &[], &name, &[], UnixTime::now());
            assert_eq!(let_in.is_ok(), wanted, "{record:?} {is_validated} {is_trusted} {host}: {let_in:?}");
        }
    }
}
