//! The mailbox service: the one API that all protocols call.
//!
//! [`MailboxService`] has the directory (who has an account), takes mail in ([`Stage`],
//! [`MailboxService::deliver`]) and hands out [`Account`]s. An account is read through a [`Snapshot`], which
//! lives for one step of a session, and changed by transactions, each returning a [`Pending`] whose ticket
//! resolves when the change is durable. Synchronous; time and random octets come from an [`Env`]. Must not:
//! know any protocol's words, syntax or state.

mod access;
mod account;
mod acl;
pub mod annotation;
mod answer;
mod append;
mod backlog;
mod blob;
mod bodies;
mod carry;
mod changes;
mod coi;
mod contact;
mod damaged;
mod deliver;
mod directory;
pub mod dmap;
pub mod emails;
pub mod filter;
mod hierarchy;
mod housekeep;
mod incoming;
pub mod index;
mod mailboxes;
mod message_id;
mod names;
mod news;
mod outcome;
mod own_flags;
mod pieces;
mod placement;
pub mod push;
mod quota_state;
mod recent;
mod row;
mod search;
mod service;
mod shared;
mod snapshot;
mod sort;
mod sorted;
mod submit;
mod subscription;
mod thread;
mod threads;
mod trace;
mod transfer;
mod uids;
mod url_key;
mod watch;

pub use koi_store::body::BodyRef;
pub use koi_store::kv::Ticket;
pub use koi_store::mail::app_password::{AppPassword, NewAppPassword};
pub use koi_store::mail::check::Finding;
pub use koi_store::mail::rights::SharingStamp;
pub use koi_store::mail::sent_counts::SentShares;
pub use koi_store::mail::{Appended, Copied, Created, Expunged, FlagChange, FlagOp, FlagsSet, INBOX, Quota};
pub use koi_store::record::account::OwnQuota;
pub use koi_store::record::app_password::AppPasswordRecord;
pub use koi_store::record::coi::{CoiSettings, MessageFilter};
pub use koi_store::record::directory::{PasswordRecord, ScramRecord, StacieRecord};
pub use koi_store::record::email::SentAt;
pub use koi_store::record::membership::{KeywordNumbers, Membership};
pub use koi_store::record::sent::SentCountsRecord;
pub use koi_store::record::url_key::UrlKeyRecord;

pub use access::OTHER_USERS;
pub use account::Account;
pub use acl::{AclChange, AclRow};
pub use annotation::{Annotation, AnnotationChange, AnnotationNews, AnnotationRow, ChangedAnnotation};
pub use append::Replaced;
pub use blob::{Blob, BlobRun, Sought, Uploaded};
pub use changes::ExpungedMessage;
pub use coi::CoiNames;
pub use damaged::Holder;
pub use directory::{AccountRow, AppPasswordUse, Directory, Verifier};
pub use dmap::{DmapOptions, Organisation};
pub use emails::Emails;
pub use filter::{DayRange, FILTER_DEPTH_MAX, Filter, TimeRange};
pub use hierarchy::{Hierarchy, NameNode, NamedMailbox};
pub use housekeep::Housekept;
pub use incoming::{Incoming, Stage};
pub use news::{AccountChange, LogRead, WhatChanged};
pub use outcome::{ChangedMessages, Changes, Delivered, Delivery, NewMessage, Pending, Submission, Whole};
pub use pieces::Pieces;
pub use quota_state::{QuotaResource, QuotaState, QuotaUse};
pub use row::{EmailRow, KeywordTable, MailboxRow, MessageRow};
pub use search::{Examined, RELEVANCY_MAX, Ranked, Relevancy, SearchBounds, SearchRun};
pub use service::{Env, MailboxService, Options};
pub use shared::SharedName;
pub use snapshot::{Scanned, Snapshot};
pub use sort::{SortCriterion, SortKey, SortOrder, SortRun};
pub use submit::{ClientName, client_number};
pub use thread::{ThreadAlgorithm, ThreadRun, Threads};
pub use transfer::TransferRun;
pub use url_key::MailboxOf;
pub use watch::Watching;
