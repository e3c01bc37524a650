//! Whose server, and as which user (RFC 5092 §3 and §4).

use super::{BadUrl, percent_decoded};

/// ```abnf
/// iserver   = [iuserinfo "@"] host [ ":" port ]                              ; RFC 5092 §11
/// iuserinfo = enc-user [iauth] / [enc-user] iauth
/// iauth     = ";AUTH=" ( "*" / enc-auth-type )
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authority {
    /// Decoded; the mechanism of AUTH is of no use here and is left out.
    pub user: Option<Box<str>>,
    /// As written, with the port if there was one.
    pub host: Box<str>,
}

impl Authority {
    pub(super) fn parse(text: &str) -> Result<Self, BadUrl> {
        let (userinfo, host) = match text.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, text),
        };
        if host.is_empty() || host.contains([';', '%', '?']) {
            return Err(BadUrl("URL names no server"));
        }
        let user = match userinfo {
            Some(userinfo) => user(userinfo)?,
            None => None,
        };
        Ok(Self { user, host: host.into() })
    }
}

fn user(userinfo: &str) -> Result<Option<Box<str>>, BadUrl> {
    let (user, auth) = match userinfo.split_once(';') {
        Some((user, auth)) => (user, Some(auth)),
        None => (userinfo, None),
    };
    let is_auth = |auth: &str| auth.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("AUTH="));
    if auth.is_some_and(|auth| !is_auth(auth) || auth.len() == 5) || user.is_empty() && auth.is_none() {
        return Err(BadUrl("URL has a bad user"));
    }
    let user = String::from_utf8(percent_decoded(user)?).map_err(|_| BadUrl("user is not UTF-8"))?;
    Ok((!user.is_empty()).then(|| user.into()))
}
