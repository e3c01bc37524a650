//! The methods there are, each with the capabilities a request must use to call it.

use super::capability::{Capabilities, Capability};

/// What one call of a request asks for.
macro_rules! methods {
    ($($variant:ident $name:literal $capabilities:expr;)*) => {
        /// A method of one of the specifications.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Method { $($variant,)* }

        impl Method {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it stands in a call and its response.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
            /// What `using` must contain.
            #[must_use]
            pub const fn needs(self) -> &'static [Capability] {
                match self { $(Self::$variant => $capabilities,)* }
            }
        }
    };
}

const CORE: &[Capability] = &[Capability::Core];
const MAIL: &[Capability] = &[Capability::Mail];
const SUBMISSION: &[Capability] = &[Capability::Submission];
const VACATION: &[Capability] = &[Capability::VacationResponse];
const BLOB: &[Capability] = &[Capability::Blob];
const QUOTA: &[Capability] = &[Capability::Quota];
const MDN: &[Capability] = &[Capability::Mdn];
/// RFC 9007 §2.1: it calls Email/set.
const MDN_AND_MAIL: &[Capability] = &[Capability::Mdn, Capability::Mail];

methods! {
    CoreEcho "Core/echo" CORE;
    BlobCopy "Blob/copy" CORE;
    PushSubscriptionGet "PushSubscription/get" CORE;
    PushSubscriptionSet "PushSubscription/set" CORE;
    MailboxGet "Mailbox/get" MAIL;
    MailboxChanges "Mailbox/changes" MAIL;
    MailboxQuery "Mailbox/query" MAIL;
    MailboxQueryChanges "Mailbox/queryChanges" MAIL;
    MailboxSet "Mailbox/set" MAIL;
    ThreadGet "Thread/get" MAIL;
    ThreadChanges "Thread/changes" MAIL;
    EmailGet "Email/get" MAIL;
    EmailChanges "Email/changes" MAIL;
    EmailQuery "Email/query" MAIL;
    EmailQueryChanges "Email/queryChanges" MAIL;
    EmailSet "Email/set" MAIL;
    EmailCopy "Email/copy" MAIL;
    EmailImport "Email/import" MAIL;
    EmailParse "Email/parse" MAIL;
    SearchSnippetGet "SearchSnippet/get" MAIL;
    IdentityGet "Identity/get" SUBMISSION;
    IdentityChanges "Identity/changes" SUBMISSION;
    IdentitySet "Identity/set" SUBMISSION;
    EmailSubmissionGet "EmailSubmission/get" SUBMISSION;
    EmailSubmissionChanges "EmailSubmission/changes" SUBMISSION;
    EmailSubmissionQuery "EmailSubmission/query" SUBMISSION;
    EmailSubmissionQueryChanges "EmailSubmission/queryChanges" SUBMISSION;
    EmailSubmissionSet "EmailSubmission/set" SUBMISSION;
    VacationResponseGet "VacationResponse/get" VACATION;
    VacationResponseSet "VacationResponse/set" VACATION;
    BlobUpload "Blob/upload" BLOB;
    BlobGet "Blob/get" BLOB;
    BlobLookup "Blob/lookup" BLOB;
    QuotaGet "Quota/get" QUOTA;
    QuotaChanges "Quota/changes" QUOTA;
    QuotaQuery "Quota/query" QUOTA;
    QuotaQueryChanges "Quota/queryChanges" QUOTA;
    MdnSend "MDN/send" MDN_AND_MAIL;
    MdnParse "MDN/parse" MDN;
}

impl Method {
    /// `None` for a method there is not, or not for a request that uses these: what was not opted into does
    /// not exist (RFC 8620 §1.8).
    #[must_use]
    pub fn parse(name: &str, using: Capabilities) -> Option<Self> {
        let method = Self::ALL.iter().copied().find(|method| method.name() == name)?;
        method.needs().iter().all(|needed| using.contains(*needed)).then_some(method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 8620 §1.8; RFC 8620 §3.3; RFC 9007 §2.1
    #[test]
    fn a_method_exists_for_those_who_use_its_capability() {
        let core = Capabilities::NONE.with(Capability::Core);
        assert_eq!(Method::parse("Core/echo", core), Some(Method::CoreEcho));
        assert_eq!(Method::parse("Core/echo", Capabilities::NONE), None);
        assert_eq!(Method::parse("Email/get", core), None);
        assert_eq!(Method::parse("email/get", Capabilities::all()), None, "case matters");
        let mdn = core.with(Capability::Mdn);
        assert_eq!(Method::parse("MDN/send", mdn), None);
        assert_eq!(Method::parse("MDN/send", mdn.with(Capability::Mail)), Some(Method::MdnSend));
        for method in Method::ALL {
            assert_eq!(Method::parse(method.name(), Capabilities::all()), Some(*method));
        }
    }
}
