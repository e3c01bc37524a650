//! Settings that mail clients find by themselves: Thunderbird's autoconfig (config-v1.1.xml, which others
//! read too) and Outlook's Autodiscover (POX). The same for every address of a domain, whether there is such
//! an account or not.

use hyper::StatusCode;
use koi_types::Address;

use super::answer::Answer;
use super::problem::Refused;

/// What mail clients are told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailServices {
    /// The name of the server.
    pub hostname: Box<str>,
    pub domains: Vec<String>,
    /// Ports, where there is such a listener.
    pub imaps: Option<u16>,
    /// With STARTTLS.
    pub imap: Option<u16>,
    pub submissions: Option<u16>,
    /// With STARTTLS.
    pub submission: Option<u16>,
}

/// One server of a client's settings.
struct Service {
    port: u16,
    /// From the first octet; else by STARTTLS.
    tls: bool,
}

impl MailServices {
    fn incoming(&self) -> Vec<Service> {
        services(self.imaps, self.imap)
    }
    fn outgoing(&self) -> Vec<Service> {
        services(self.submissions, self.submission)
    }
    fn has(&self, domain: &str) -> bool {
        self.domains.iter().any(|one| one.eq_ignore_ascii_case(domain))
    }
}

/// TLS from the first octet is the better one (RFC 8314 §3).
fn services(tls: Option<u16>, starttls: Option<u16>) -> Vec<Service> {
    let tls = tls.map(|port| Service { port, tls: true });
    let starttls = starttls.map(|port| Service { port, tls: false });
    tls.into_iter().chain(starttls).collect()
}

/// What Outlook's settings are written in.
const OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// For the domain of `emailaddress=` in the query, else for the first.
pub(super) fn thunderbird(mail: &MailServices, query: Option<&str>) -> Result<Answer, Refused> {
    let asked = query.and_then(|query| query.split('&').find_map(|item| item.strip_prefix("emailaddress=")));
    let domain = match asked.map(|text| text.replace("%40", "@")) {
        Some(text) => {
            let domain = text.rsplit('@').next().unwrap_or_default().to_lowercase();
            mail.domains.iter().find(|one| **one == domain).ok_or(Refused::NotFound)?
        }
        None => mail.domains.first().ok_or(Refused::NotFound)?,
    };
    let server = |element: &str, kind: &str, service: &Service| {
        let socket = if service.tls { "SSL" } else { "STARTTLS" };
        format!(
            "    <{element} type=\"{kind}\">\n      <hostname>{}</hostname>\n      <port>{}</port>\n      \
             <socketType>{socket}</socketType>\n      \
             <authentication>password-cleartext</authentication>\n      \
             <username>%EMAILADDRESS%</username>\n    </{element}>\n",
            escaped(&mail.hostname),
            service.port
        )
    };
    let incoming: String = mail.incoming().iter().map(|s| server("incomingServer", "imap", s)).collect();
    let outgoing: String = mail.outgoing().iter().map(|s| server("outgoingServer", "smtp", s)).collect();
    let domain = escaped(domain);
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n  \
         <emailProvider id=\"{domain}\">\n    <domain>{domain}</domain>\n    \
         <displayName>{domain}</displayName>\n    <displayShortName>{domain}</displayShortName>\n\
         {incoming}{outgoing}  </emailProvider>\n</clientConfig>\n"
    );
    Ok(Answer::of(StatusCode::OK, "text/xml; charset=utf-8", text.into_bytes()))
}

/// For the address in the request.
pub(super) fn outlook(mail: &MailServices, request: &[u8]) -> Result<Answer, Refused> {
    let text = std::str::from_utf8(request).map_err(|_| no_address())?;
    let address = element(text, "EMailAddress").and_then(|text| Address::parse(text.trim()));
    let address = address.ok_or_else(no_address)?;
    if !mail.has(address.domain()) {
        return Err(Refused::NotFound);
    }
    let login = escaped(&address.account_key().to_string());
    let protocol = |kind: &str, service: &Service| {
        let (ssl, encryption) = if service.tls { ("on", "SSL") } else { ("off", "TLS") };
        format!(
            "      <Protocol>\n        <Type>{kind}</Type>\n        <Server>{}</Server>\n        \
             <Port>{}</Port>\n        <DomainRequired>off</DomainRequired>\n        \
             <LoginName>{login}</LoginName>\n        <SPA>off</SPA>\n        <SSL>{ssl}</SSL>\n        \
             <Encryption>{encryption}</Encryption>\n        <AuthRequired>on</AuthRequired>\n      \
             </Protocol>\n",
            escaped(&mail.hostname),
            service.port
        )
    };
    // Outlook takes the first of a kind.
    let incoming: String = mail.incoming().first().map(|s| protocol("IMAP", s)).unwrap_or_default();
    let outgoing: String = mail.outgoing().first().map(|s| protocol("SMTP", s)).unwrap_or_default();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n  \
         <Response xmlns=\"{OUTLOOK}\">\n    <Account>\n      <AccountType>email</AccountType>\n      \
         <Action>settings</Action>\n\
         {incoming}{outgoing}    </Account>\n  </Response>\n</Autodiscover>\n"
    );
    Ok(Answer::of(StatusCode::OK, "text/xml; charset=utf-8", text.into_bytes()))
}

fn no_address() -> Refused {
    Refused::BadRequest("There is no EMailAddress in the request.".into())
}

/// The text of the first element of a name, in whatever namespace.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split('<').find_map(|piece| {
        let (tag, content) = piece.split_once('>')?;
        let tag = tag.split([' ', '\r', '\n', '\t']).next()?;
        let local = tag.rsplit(':').next()?;
        (!tag.starts_with('/') && local == name).then_some(content)
    })
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> MailServices {
        MailServices {
            hostname: "mail.example.org".into(),
            domains: vec!["example.org".into(), "example.com".into()],
            imaps: Some(993),
            imap: Some(143),
            submissions: Some(465),
            submission: None,
        }
    }

    fn text(answer: Result<Answer, Refused>) -> String {
        String::from_utf8(answer.unwrap().body.to_vec()).unwrap()
    }

    #[test]
    fn thunderbird_gets_the_settings_of_its_domain() {
        let first = text(thunderbird(&mail(), None));
        assert!(first.contains("<emailProvider id=\"example.org\">"), "{first}");
        let asked = text(thunderbird(&mail(), Some("x=y&emailaddress=alice%40example.com")));
        assert!(asked.contains("<domain>example.com</domain>"), "{asked}");
        assert_eq!(asked.matches("<incomingServer type=\"imap\">").count(), 2);
        assert!(asked.contains("<port>465</port>\n      <socketType>SSL</socketType>"), "{asked}");
        let other = thunderbird(&mail(), Some("emailaddress=a@example.net"));
        assert_eq!(other.unwrap_err(), Refused::NotFound);
    }

    #[test]
    fn outlook_gets_the_settings_of_its_address() {
        let request = |address: &str| {
            format!(
                "<?xml version=\"1.0\"?><Autodiscover xmlns=\"x\"><Request><a:EMailAddress x='y'>{address}\
                 </a:EMailAddress><AcceptableResponseSchema>y</AcceptableResponseSchema></Request>"
            )
        };
        let got = text(outlook(&mail(), request("Alice+x@example.org").as_bytes()));
        assert!(got.contains("<LoginName>alice@example.org</LoginName>"), "{got}");
        assert!(got.contains("<Type>SMTP</Type>\n        <Server>mail.example.org</Server>"), "{got}");
        assert_eq!(outlook(&mail(), request("a@example.net").as_bytes()).unwrap_err(), Refused::NotFound);
        for bad in ["", "<EMailAddress>", "</EMailAddress>a@example.org", "\u{fffd}<EMailAddress>x</"] {
            assert!(matches!(outlook(&mail(), bad.as_bytes()), Err(Refused::BadRequest(_))), "{bad}");
        }
        assert!(matches!(outlook(&mail(), b"\xff"), Err(Refused::BadRequest(_))));
    }
}
