//! A local certificate authority for `koi quickstart`: one CA and one certificate for the domain and
//! loopback.
//!
//! A production server gets its certificate from elsewhere; nothing here runs under `koi serve`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::folder::write_private;
use crate::problem::Problem;

const DAY: Duration = Duration::from_secs(86_400);
/// Some clients refuse certificates that live longer than this (Apple, since 2019: 825 days).
const CERTIFICATE_DAYS: u32 = 820;
const CA_DAYS: u32 = 7300;
/// Clocks of clients may be behind.
const BACKDATED_DAYS: u32 = 2;

/// Where the files are.
#[derive(Clone, Debug)]
pub struct LocalCa {
    pub ca_certificate: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl LocalCa {
    /// Files inside the data folder.
    #[must_use]
    pub fn paths(data: &Path) -> Self {
        let tls = data.join("tls");
        Self {
            ca_certificate: tls.join("ca.pem"),
            certificate: tls.join("cert.pem"),
            key: tls.join("key.pem"),
        }
    }

    /// Makes what is missing; issues the certificate again when it is old. Names: the domain, localhost,
    /// loopback.
    pub fn make(data: &Path, domain: &str) -> Result<Self, Problem> {
        let files = Self::paths(data);
        let ca_key_file = data.join("tls").join("ca-key.pem");
        crate::folder::make_private(&data.join("tls"))?;
        let whole = [&files.ca_certificate, &files.certificate, &files.key].iter().all(|f| f.exists());
        if whole && !is_old(&files.certificate) {
            return Ok(files);
        }
        let failed = |e: rcgen::Error| {
            Problem::new(format!("cannot make a certificate: {e}"), "check the domain's name")
        };
        let issuer = if files.ca_certificate.exists() && ca_key_file.exists() {
            let key_pem =
                std::fs::read_to_string(&ca_key_file).map_err(Problem::file("read", &ca_key_file))?;
            // Name and key identifier are what a signature needs of the CA, and both come out the same again.
            Issuer::new(ca_params(domain), KeyPair::from_pem(&key_pem).map_err(failed)?)
        } else {
            let key = KeyPair::generate().map_err(failed)?;
            let params = ca_params(domain);
            write_private(&ca_key_file, &key.serialize_pem())?;
            write_private(&files.ca_certificate, &params.self_signed(&key).map_err(failed)?.pem())?;
            Issuer::new(params, key)
        };
        let key = KeyPair::generate().map_err(failed)?;
        let params = server_params(domain).map_err(failed)?;
        let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
        write_private(&files.key, &key.serialize_pem())?;
        write_private(&files.certificate, &certificate.pem())?;
        Ok(files)
    }
}

fn ca_params(domain: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("Koi local CA for {domain}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, CA_DAYS);
    params
}

fn server_params(domain: &str) -> Result<CertificateParams, rcgen::Error> {
    let names = [domain, "localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, domain);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    set_validity(&mut params, CERTIFICATE_DAYS);
    Ok(params)
}

fn set_validity(params: &mut CertificateParams, days: u32) {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = rcgen::date_time_ymd(1970, 1, 1) + since_epoch;
    params.not_before = now - DAY * BACKDATED_DAYS;
    params.not_after = now + DAY * days;
}

fn is_old(file: &Path) -> bool {
    let age = std::fs::metadata(file).and_then(|m| m.modified()).ok().and_then(|t| t.elapsed().ok());
    age.is_some_and(|age| age > DAY * (CERTIFICATE_DAYS - 60))
}
