//! Response codes (DMAP-00 §8.1, RFC 4315 §3, RFC 5530 §3, RFC 7162 §3.1.2).

use koi_types::{Flags, ModSeq, NumSet, Uid, UidSet, UidValidity};

use crate::dmap::capability::{Capability, capabilities, push_capabilities};
use crate::dmap::command::mod_seq;
use crate::dmap::flag::{self, Unknown};
use crate::dmap::id::{base64url, base64url_encode};
use crate::dmap::text::push_list;
use crate::line::date::{DateTime, date_time, push_date_time};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::set::known_set;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a program may read in a status response: `[CODE arguments]`.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Code {
            /// RFC 4315 §3; not empty.
            AppendUid { uid_validity: UidValidity, uids: UidSet },
            Capability(Vec<Capability>),
            /// RFC 4315 §3; both sets ascend and pair up in that order, and are not empty.
            CopyUid { uid_validity: UidValidity, from: UidSet, to: UidSet },
            /// When a submission that is held will be sent.
            Held(DateTime),
            /// RFC 7162 §3.1.2.1
            HighestModSeq(ModSeq),
            /// RFC 7162 §3.1.3; UIDs in the UID form, else message sequence numbers; not empty.
            Modified(NumSet),
            /// `new_keywords` adds `\*`.
            PermanentFlags { flags: Flags, new_keywords: bool },
            /// The transaction by which the outgoing queue knows a submission.
            Submitted(Vec<u8>),
            UidNext(Uid),
            UidValidity(UidValidity),
            $($(#[$doc])* $variant,)*
            /// One that is not known here: its name in upper case, and what follows the space behind it.
            Other { name: Box<str>, arguments: Option<Box<str>> },
        }

        /// Those that are only a name.
        const NAMED: &[(&str, Code)] = &[$(($name, Code::$variant),)*];
    };
}
codes! {
    Alert = "ALERT",
    AlreadyExists = "ALREADYEXISTS",
    AuthenticationFailed = "AUTHENTICATIONFAILED",
    AuthorizationFailed = "AUTHORIZATIONFAILED",
    /// APPEND of what is no message.
    BadMessage = "BADMESSAGE",
    /// SUBMIT: a signature does not verify.
    BadSignature = "BADSIGNATURE",
    /// ADDKEY: a signing request is not signed as it must be.
    BadSsr = "BADSSR",
    Cannot = "CANNOT",
    ClientBug = "CLIENTBUG",
    /// RFC 7162 §3.2.11
    Closed = "CLOSED",
    ContactAdmin = "CONTACTADMIN",
    /// With BYE: the password was changed elsewhere.
    CredentialsChanged = "CREDENTIALSCHANGED",
    Expired = "EXPIRED",
    ExpungeIssued = "EXPUNGEISSUED",
    InProgress = "INPROGRESS",
    InUse = "INUSE",
    /// ADDKEY: the id is not that of the request.
    KeyMismatch = "KEYMISMATCH",
    /// ADDKEY: the mode of the account forbids such a private part.
    KeyPolicy = "KEYPOLICY",
    Limit = "LIMIT",
    NoModSeq = "NOMODSEQ",
    NonExistent = "NONEXISTENT",
    NoPerm = "NOPERM",
    NoSignet = "NOSIGNET",
    /// SUBMIT: signed with a key that is not the current one.
    NotCurrent = "NOTCURRENT",
    /// RFC 5182 §2.1
    NotSaved = "NOTSAVED",
    OverQuota = "OVERQUOTA",
    PolicyDenied = "POLICYDENIED",
    ReadOnly = "READ-ONLY",
    ReadWrite = "READ-WRITE",
    ServerBug = "SERVERBUG",
    SignetInvalid = "SIGNETINVALID",
    SubmissionRace = "SUBMISSIONRACE",
    /// RFC 4469 §4.2
    TooBig = "TOOBIG",
    TryCreate = "TRYCREATE",
    UidNotSticky = "UIDNOTSTICKY",
    /// RFC 9586 §3
    UidRequired = "UIDREQUIRED",
    Unavailable = "UNAVAILABLE",
    /// RFC 6154 §3
    UseAttr = "USEATTR",
}

impl Code {
    /// What stands between the brackets; one whose arguments are not as expected is `Other`.
    ///
    /// ```abnf
    /// resp-code =/ atom [SP 1*(%x01-09 / %x0B-0C / %x0E-5C / %x5E-FF)]
    /// ```
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, SyntaxError> {
        let name = cursor.atom("expected a response code")?.to_ascii_uppercase();
        let mut ahead = cursor.clone();
        let known = known(&mut ahead, &name).filter(|_| ahead.peek() == Some(b']'));
        if let Some(known) = known {
            *cursor = ahead;
            return Ok(known);
        }
        let arguments = cursor.take(b' ').then(|| {
            let arguments = cursor.run(|b| !matches!(b, b']' | b'\r' | b'\n'));
            String::from_utf8_lossy(arguments).into()
        });
        Ok(Self::Other { name: name.into(), arguments })
    }
    /// Appends what stands between the brackets.
    pub fn push(&self, out: &mut Vec<u8>) {
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| code == self) {
            return out.extend_from_slice(name.as_bytes());
        }
        match self {
            Self::AppendUid { uid_validity, uids } => word(&format!("APPENDUID {uid_validity} {uids}"), out),
            Self::Capability(capabilities) => {
                word("CAPABILITY", out);
                push_capabilities(capabilities, out);
            }
            Self::CopyUid { uid_validity, from, to } => {
                word(&format!("COPYUID {uid_validity} {from} {to}"), out);
            }
            Self::Held(until) => {
                word("HELD ", out);
                push_date_time(*until, out);
            }
            Self::HighestModSeq(mod_seq) => word(&format!("HIGHESTMODSEQ {mod_seq}"), out),
            Self::Modified(numbers) => word(&format!("MODIFIED {numbers}"), out),
            Self::PermanentFlags { flags, new_keywords } => {
                word("PERMANENTFLAGS ", out);
                let new = new_keywords.then_some("\\*");
                push_list(flag::names(flags).chain(new), word, out);
            }
            Self::Submitted(transaction) => {
                word(&format!("SUBMITTED {}", base64url_encode(transaction)), out);
            }
            Self::UidNext(uid) => word(&format!("UIDNEXT {uid}"), out),
            Self::UidValidity(number) => word(&format!("UIDVALIDITY {number}"), out),
            Self::Other { name, arguments } => {
                word(name, out);
                arguments.iter().for_each(|arguments| word(&format!(" {arguments}"), out));
            }
            _ => {}
        }
    }
}

fn word(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

fn known(cursor: &mut Cursor<'_>, name: &str) -> Option<Code> {
    if let Some((_, code)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(code.clone());
    }
    with_arguments(cursor, name).ok().flatten()
}

/// ```abnf
/// resp-code = "CAPABILITY" 1*(SP atom) / "PERMANENTFLAGS" SP "(" [flag-perm *(SP flag-perm)] ")" /
///             "UIDNEXT" SP nz-number / "UIDVALIDITY" SP nz-number / "HIGHESTMODSEQ" SP modseq /
///             "MODIFIED" SP sequence-set / "APPENDUID" SP nz-number SP uid-set /
///             "COPYUID" SP nz-number SP uid-set SP uid-set / "SUBMITTED" SP b64u / "HELD" SP date-time / …
/// flag-perm = flag / "\*"
/// ```
fn with_arguments(cursor: &mut Cursor<'_>, name: &str) -> Result<Option<Code>, SyntaxError> {
    if name == "CAPABILITY" {
        return capabilities(cursor).map(Code::Capability).map(Some);
    }
    cursor.space()?;
    Ok(match name {
        "APPENDUID" => {
            let uid_validity = UidValidity::new(cursor.number()?);
            let uids = uid_set(cursor)?;
            uid_validity.map(|uid_validity| Code::AppendUid { uid_validity, uids })
        }
        "COPYUID" => {
            let uid_validity = UidValidity::new(cursor.number()?);
            let (from, to) = (uid_set(cursor)?, uid_set(cursor)?);
            uid_validity.map(|uid_validity| Code::CopyUid { uid_validity, from, to })
        }
        "HELD" => Some(Code::Held(date_time(cursor)?)),
        "HIGHESTMODSEQ" => Some(Code::HighestModSeq(mod_seq(cursor)?)),
        "MODIFIED" => Some(Code::Modified(known_set(cursor)?)),
        "PERMANENTFLAGS" => Some(permanent_flags(cursor)?),
        "SUBMITTED" => Some(Code::Submitted(base64url(cursor, "expected base64url")?)),
        "UIDNEXT" => Uid::new(cursor.number()?).map(Code::UidNext),
        "UIDVALIDITY" => UidValidity::new(cursor.number()?).map(Code::UidValidity),
        _ => None,
    })
}

fn uid_set(cursor: &mut Cursor<'_>) -> Result<UidSet, SyntaxError> {
    cursor.space()?;
    known_set(cursor).map(UidSet)
}

fn permanent_flags(cursor: &mut Cursor<'_>) -> Result<Code, SyntaxError> {
    let (mut flags, mut new_keywords) = (Flags::default(), false);
    cursor.list_or_empty(|cursor| match cursor.take_word("\\*") {
        true => {
            new_keywords = true;
            Ok(())
        }
        false => flag::flag(cursor, Unknown::Ignored, &mut flags),
    })?;
    Ok(Code::PermanentFlags { flags, new_keywords })
}
