//! The Session object (RFC 8620 §2) with what each capability says of itself.

use super::capability::{Capabilities, Capability};
use super::id::Id;
use super::json::{ObjectWriter, Raw, Slot, ToJson};
use super::legacy;
use super::limits::CoreLimits;
use super::object::blob::{DigestAlgorithm, LookupType};
use super::object::email::query::EmailSortKey;
use super::standard::Table;

/// What is told to a user who has authenticated. Its state is of all else in it, so it is made last:
/// [`Session::with_state`].
#[derive(Clone, PartialEq, Debug)]
pub struct Session {
    /// Those that are offered; the core always is.
    pub capabilities: Capabilities,
    pub limits: CoreLimits,
    /// Identifiers of the collation registry (RFC 4790).
    pub collation_algorithms: Vec<&'static str>,
    /// Where RFC 8887 is offered.
    pub websocket: Option<WebSocketCapability>,
    /// RFC 9749 §3: where it is offered.
    pub application_server_key: Option<Box<str>>,
    /// The user's own first.
    pub accounts: Vec<SessionAccount>,
    pub username: Box<str>,
    pub urls: SessionUrls,
}

/// RFC 8887 §3.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebSocketCapability {
    pub url: Box<str>,
    pub supports_push: bool,
}

/// Where things are. Those with variables are URI Templates of level 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionUrls {
    pub api: Box<str>,
    /// With `{accountId}`, `{blobId}`, `{type}` and `{name}`.
    pub download: Box<str>,
    /// With `{accountId}`.
    pub upload: Box<str>,
    /// With `{types}`, `{closeafter}` and `{ping}`.
    pub event_source: Box<str>,
}

impl SessionUrls {
    /// The paths below which the server listens.
    #[must_use]
    pub fn below(base: &str) -> Self {
        Self {
            api: format!("{base}/jmap/api/").into(),
            download: format!("{base}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?accept={{type}}")
                .into(),
            upload: format!("{base}/jmap/upload/{{accountId}}/").into(),
            event_source: format!(
                "{base}/jmap/eventsource/?types={{types}}&closeafter={{closeafter}}&ping={{ping}}"
            )
            .into(),
        }
    }
}

/// An account the user may use.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionAccount {
    pub id: Id,
    pub name: Box<str>,
    pub is_personal: bool,
    pub is_read_only: bool,
    /// RFC 8621 §1.3.1; `None` where there is no mail for the user.
    pub mail: Option<MailCapability>,
    /// RFC 8621 §1.3.2.
    pub submission: Option<SubmissionCapability>,
    /// RFC 8621 §1.3.3.
    pub has_vacation_response: bool,
    /// RFC 9404 §3.1.
    pub blob: Option<BlobCapability>,
    /// RFC 9425 §2.1.
    pub has_quota: bool,
    /// RFC 9007 §1.3.
    pub has_mdn: bool,
}

/// RFC 8621 §1.3.1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailCapability {
    pub max_mailboxes_per_email: Option<u64>,
    pub max_mailbox_depth: Option<u64>,
    /// Octets, 100 at least.
    pub max_size_mailbox_name: u64,
    /// Octets before encoding.
    pub max_size_attachments_per_email: u64,
    pub may_create_top_level_mailbox: bool,
}

/// RFC 8621 §1.3.2.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubmissionCapability {
    /// Seconds; 0: no delayed sending.
    pub max_delayed_send: u64,
    /// EHLO keywords with their arguments.
    pub submission_extensions: Table<Vec<Box<str>>>,
}

/// RFC 9404 §3.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlobCapability {
    /// Octets.
    pub max_size_blob_set: Option<u64>,
    pub max_data_sources: u64,
}

impl Session {
    /// The object, with the state that `digest` makes of all the rest: whatever else changes, so does this.
    #[must_use]
    pub fn with_state(&self, digest: impl FnOnce(&[u8]) -> String) -> SessionObject {
        let state = self.state(digest);
        let json = Raw::build(|slot| {
            slot.members(|object| {
                self.members(object);
                object.put("state", &state);
            });
        });
        SessionObject { json, state: state.into() }
    }

    /// That state alone.
    #[must_use]
    pub fn state(&self, digest: impl FnOnce(&[u8]) -> String) -> String {
        let rest = Raw::build(|slot| slot.members(|object| self.members(object)));
        digest(rest.as_str().as_bytes())
    }

    fn members(&self, object: &mut ObjectWriter<'_>) {
        object.member("capabilities").members(|all| {
            for capability in self.capabilities.with(Capability::Core).iter() {
                self.capability(capability, all.member(capability.uri()));
            }
            self.draft(all);
        });
        object.member("accounts").members(|accounts| {
            self.accounts
                .iter()
                .for_each(|account| self.account(account, accounts.member(account.id.as_str())));
        });
        object.member("primaryAccounts").members(|primary| self.primary_accounts(primary));
        object.put("username", &self.username);
        object.put("apiUrl", &self.urls.api);
        object.put("downloadUrl", &self.urls.download);
        object.put("uploadUrl", &self.urls.upload);
        object.put("eventSourceUrl", &self.urls.event_source);
    }

    fn capability(&self, capability: Capability, slot: Slot<'_>) {
        slot.members(|object| match capability {
            Capability::Core => {
                object.put("maxSizeUpload", &self.limits.upload_octets_max);
                object.put("maxConcurrentUpload", &self.limits.concurrent_uploads_max);
                object.put("maxSizeRequest", &self.limits.request_octets_max);
                object.put("maxConcurrentRequests", &self.limits.concurrent_requests_max);
                object.put("maxCallsInRequest", &self.limits.calls_max);
                object.put("maxObjectsInGet", &self.limits.get_objects_max);
                object.put("maxObjectsInSet", &self.limits.set_objects_max);
                object.put("collationAlgorithms", &self.collation_algorithms);
            }
            Capability::WebSocket => {
                if let Some(websocket) = &self.websocket {
                    object.put("url", &websocket.url);
                    object.put("supportsPush", &websocket.supports_push);
                }
            }
            Capability::WebPushVapid => {
                object.put_some("applicationServerKey", self.application_server_key.as_ref());
            }
            _ => {}
        });
    }

    /// What the draft of 2018 calls the core and mail, where mail is offered.
    fn draft(&self, all: &mut ObjectWriter<'_>) {
        let primary = self.accounts.iter().find(|account| account.is_personal && account.mail.is_some());
        let Some((primary, mail)) = primary.and_then(|one| one.mail.as_ref().map(|mail| (one, mail))) else {
            return;
        };
        if !self.capabilities.contains(Capability::Mail) {
            return;
        }
        self.capability(Capability::Core, all.member(legacy::CORE));
        all.member(legacy::MAIL).members(|object| {
            let submission = primary.submission.clone().unwrap_or_default();
            object.put("maxMailboxesPerEmail", &mail.max_mailboxes_per_email);
            object.put("maxSizeAttachmentsPerEmail", &mail.max_size_attachments_per_email);
            object.put("maxDelayedSend", &submission.max_delayed_send);
            object.put("emailsListSortOptions", &EmailSortKey::NAMES[..]);
            submission.extensions(object);
        });
    }

    fn account(&self, account: &SessionAccount, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("name", &account.name);
            object.put("isPersonal", &account.is_personal);
            object.put("isReadOnly", &account.is_read_only);
            if account.mail.is_some() && self.capabilities.contains(Capability::Mail) {
                let mut own = self.accounts.iter().filter(|one| one.is_personal && one.mail.is_some());
                object.put("isPrimary", &own.next().is_some_and(|first| first.id == account.id));
                object.put("hasDataFor", &legacy::DATA_PROFILES[..]);
            }
            object.member("accountCapabilities").members(|all| {
                for capability in self.capabilities.iter().filter(|one| account.has(*one)) {
                    account.capability(capability, all.member(capability.uri()));
                }
            });
        });
    }

    /// RFC 8620 §2: the first of the user's own that has the capability.
    ///
    /// DEVIATION RFC 8620 §2: the core is among them, though it should not be, because mujmap reads nothing
    /// of a session without it.
    fn primary_accounts(&self, object: &mut ObjectWriter<'_>) {
        for capability in self.capabilities.with(Capability::Core).iter() {
            let mut own = self.accounts.iter().filter(|account| account.is_personal);
            object.put_some(capability.uri(), own.find(|one| one.has(capability)).map(|one| &one.id));
        }
    }
}

/// The Session object as it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionObject {
    pub json: Raw,
    /// `state`, and `sessionState` of every response.
    pub state: Box<str>,
}

impl SessionAccount {
    /// Whether methods of a capability can be used with it.
    #[must_use]
    pub const fn has(&self, capability: Capability) -> bool {
        match capability {
            // Blob/copy works with every account.
            Capability::Core => true,
            Capability::Mail => self.mail.is_some(),
            Capability::Submission => self.submission.is_some(),
            Capability::VacationResponse => self.has_vacation_response,
            Capability::Blob => self.blob.is_some(),
            Capability::Quota => self.has_quota,
            Capability::Mdn => self.has_mdn,
            // They have no methods.
            Capability::WebSocket | Capability::WebPushVapid => false,
        }
    }

    fn capability(&self, capability: Capability, slot: Slot<'_>) {
        slot.members(|object| match capability {
            Capability::Mail => self.mail.iter().for_each(|mail| mail.members(object)),
            Capability::Submission => {
                if let Some(submission) = &self.submission {
                    object.put("maxDelayedSend", &submission.max_delayed_send);
                    submission.extensions(object);
                }
            }
            Capability::Blob => {
                if let Some(blob) = &self.blob {
                    object.put("maxSizeBlobSet", &blob.max_size_blob_set);
                    object.put("maxDataSources", &blob.max_data_sources);
                    object.put("supportedTypeNames", &LookupType::ALL.map(LookupType::name)[..]);
                    let digests = DigestAlgorithm::ALL.map(DigestAlgorithm::name);
                    object.put("supportedDigestAlgorithms", &digests[..]);
                }
            }
            _ => {}
        });
    }
}

impl SubmissionCapability {
    fn extensions(&self, object: &mut ObjectWriter<'_>) {
        let slot = object.member("submissionExtensions");
        match self.submission_extensions.is_empty() {
            true => slot.members(|_| {}),
            false => self.submission_extensions.write(slot),
        }
    }
}

impl MailCapability {
    fn members(&self, object: &mut ObjectWriter<'_>) {
        object.put("maxMailboxesPerEmail", &self.max_mailboxes_per_email);
        object.put("maxMailboxDepth", &self.max_mailbox_depth);
        object.put("maxSizeMailboxName", &self.max_size_mailbox_name);
        object.put("maxSizeAttachmentsPerEmail", &self.max_size_attachments_per_email);
        object.put("emailQuerySortOptions", &EmailSortKey::NAMES[..]);
        object.put("mayCreateTopLevelMailbox", &self.may_create_top_level_mailbox);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::json::Json;

    fn account(id: &str, is_personal: bool) -> SessionAccount {
        SessionAccount {
            id: Id::parse(id).unwrap(),
            name: format!("{id}@example.com").into(),
            is_personal,
            is_read_only: !is_personal,
            mail: Some(MailCapability {
                max_mailboxes_per_email: None,
                max_mailbox_depth: Some(10),
                max_size_mailbox_name: 400,
                max_size_attachments_per_email: 50_000_000,
                may_create_top_level_mailbox: is_personal,
            }),
            submission: is_personal.then(SubmissionCapability::default),
            has_vacation_response: is_personal,
            blob: Some(BlobCapability { max_size_blob_set: Some(50_000_000), max_data_sources: 100 }),
            has_quota: is_personal,
            has_mdn: false,
        }
    }

    fn session() -> Session {
        Session {
            capabilities: Capabilities::all(),
            limits: CoreLimits::default(),
            collation_algorithms: vec!["i;ascii-casemap", "i;unicode-casemap"],
            websocket: Some(WebSocketCapability { url: "wss://x.example/ws".into(), supports_push: true }),
            application_server_key: Some("BNH".into()),
            accounts: vec![account("A13824", true), account("A97813", false)],
            username: "john@example.com".into(),
            urls: SessionUrls::below("https://jmap.example.com"),
        }
    }

    fn at(object: &SessionObject, pointer: &str) -> Option<String> {
        let pointer = crate::jmap::pointer::Pointer::parse(pointer).unwrap();
        pointer.evaluate(&object.json.parse().unwrap()).map(|found: Json| found.to_string())
    }

    /// spec: RFC 8620 §2; RFC 8620 §2.1; RFC 8621 §1.3; RFC 8621 §1.3.1; RFC 8621 §1.3.2; RFC 8621 §1.3.3;
    /// RFC 8621 §1.4; RFC 8887 §3; RFC 9404 §3.1; RFC 9404 §3.1.1; RFC 9425 §2.1; RFC 9007 §1.3; RFC 9749 §3
    #[test]
    fn a_session() {
        let object = session().with_state(|rest| format!("{}", rest.len()));
        let expect = |pointer: &str, expected: &str| {
            assert_eq!(at(&object, pointer).as_deref(), Some(expected), "{pointer}");
        };
        let core = "/capabilities/urn:ietf:params:jmap:core";
        expect(&format!("{core}/maxSizeRequest"), "10000000");
        expect(&format!("{core}/maxConcurrentRequests"), "8");
        expect(&format!("{core}/collationAlgorithms/1"), r#""i;unicode-casemap""#);
        for empty in ["mail", "submission", "vacationresponse", "blob", "quota", "mdn"] {
            expect(&format!("/capabilities/urn:ietf:params:jmap:{empty}"), "{}");
        }
        expect(
            "/capabilities/urn:ietf:params:jmap:websocket",
            r#"{"url":"wss://x.example/ws","supportsPush":true}"#,
        );
        expect("/capabilities/urn:ietf:params:jmap:webpush-vapid", r#"{"applicationServerKey":"BNH"}"#);
        let own = "/accounts/A13824/accountCapabilities/urn:ietf:params:jmap:";
        expect(&format!("{own}mail/maxMailboxesPerEmail"), "null");
        expect(&format!("{own}mail/emailQuerySortOptions/0"), r#""receivedAt""#);
        expect(&format!("{own}submission"), r#"{"maxDelayedSend":0,"submissionExtensions":{}}"#);
        expect(&format!("{own}vacationresponse"), "{}");
        expect(&format!("{own}blob/supportedTypeNames"), r#"["Mailbox","Thread","Email"]"#);
        let shared = "/accounts/A97813/accountCapabilities/urn:ietf:params:jmap:";
        expect("/accounts/A97813/isReadOnly", "true");
        assert!(at(&object, &format!("{shared}mail")).is_some());
        for absent in ["submission", "vacationresponse", "quota", "mdn", "websocket"] {
            assert_eq!(at(&object, &format!("{shared}{absent}")), None, "{absent}");
        }
        expect("/primaryAccounts/urn:ietf:params:jmap:mail", r#""A13824""#);
        let draft = "/capabilities/ietf:jmapmail";
        expect(&format!("{draft}/maxMailboxesPerEmail"), "null");
        expect(&format!("{draft}/emailsListSortOptions/0"), r#""receivedAt""#);
        expect(&format!("{draft}/submissionExtensions"), "{}");
        expect("/capabilities/ietf:jmap/maxSizeRequest", "10000000");
        expect("/accounts/A13824/isPrimary", "true");
        expect("/accounts/A97813/isPrimary", "false");
        expect("/accounts/A97813/hasDataFor", r#"["mail"]"#);
        expect("/primaryAccounts/urn:ietf:params:jmap:core", r#""A13824""#);
        assert_eq!(at(&object, "/primaryAccounts/urn:ietf:params:jmap:mdn"), None);
        expect("/username", r#""john@example.com""#);
        for (url, variables) in [
            ("downloadUrl", &["{accountId}", "{blobId}", "{type}", "{name}"][..]),
            ("uploadUrl", &["{accountId}"]),
            ("eventSourceUrl", &["{types}", "{closeafter}", "{ping}"]),
        ] {
            let template = at(&object, &format!("/{url}")).unwrap();
            assert!(variables.iter().all(|variable| template.contains(variable)), "{template}");
        }
        expect("/state", &format!("{:?}", &*object.state));
    }

    /// spec: RFC 8620 §2; RFC 9749 §5
    #[test]
    fn the_state_is_of_everything_else() {
        let digest = |rest: &[u8]| String::from_utf8_lossy(rest).into_owned();
        let state = |session: &Session| session.with_state(digest).state;
        let first = session();
        let mut other = session();
        assert_eq!(state(&first), state(&other));
        other.application_server_key = Some("BNI".into());
        assert_ne!(state(&first), state(&other));
        let mut other = session();
        other.accounts.pop();
        assert_ne!(state(&first), state(&other));
    }

    #[test]
    fn what_is_not_offered_is_not_told() {
        let mut session = session();
        session.capabilities = Capabilities::NONE.with(Capability::Mail);
        session.accounts.iter_mut().for_each(|account| account.mail = None);
        let object = session.with_state(|_| String::new());
        assert_eq!(at(&object, "/capabilities/ietf:jmapmail"), None);
        assert!(at(&object, "/capabilities/urn:ietf:params:jmap:core").is_some());
        assert_eq!(at(&object, "/capabilities/urn:ietf:params:jmap:blob"), None);
        assert_eq!(at(&object, "/accounts/A13824/accountCapabilities/urn:ietf:params:jmap:blob"), None);
    }
}
