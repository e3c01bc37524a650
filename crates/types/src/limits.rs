//! Every limit of Koi with its name, unit and reason. Limits an administrator may change are defaults of the
//! configuration; the others are part of a format.

/// A keyword on the wire and in the store (RFC 8621 §4.1.1 names the number).
pub const KEYWORD_OCTETS_MAX: usize = 255;
/// Different keywords in one account; each message stores them as numbers.
pub const KEYWORDS_PER_ACCOUNT_MAX: usize = 4096;
/// Keywords on one message.
pub const KEYWORDS_PER_MESSAGE_MAX: usize = 128;
/// A mailbox name in UTF-8; it is part of a key, and keys end at 511 octets.
pub const MAILBOX_NAME_OCTETS_MAX: usize = 400;
/// Levels of a mailbox name.
pub const MAILBOX_DEPTH_MAX: usize = 32;
/// Mailboxes of one account.
pub const MAILBOXES_PER_ACCOUNT_MAX: usize = 100_000;
/// One message, default; larger ones are refused with SIZE (RFC 1870) and TOOBIG.
pub const MESSAGE_OCTETS_MAX: u64 = 50 * 1024 * 1024;
/// Lines that a server adds to a message on its way in (Return-Path, Received, Date, Message-ID): what was
/// taken in may be larger than what may be sent, and comes back, copied or imported, with so much room.
pub const ADDED_OCTETS_MAX: u64 = 2048;
/// One IMAP command line without its literals.
pub const IMAP_LINE_OCTETS_MAX: usize = 64 * 1024;
/// All literals of one IMAP command that is not APPEND.
pub const IMAP_COMMAND_LITERALS_OCTETS_MAX: usize = 256 * 1024;
/// Before login nobody may make us hold more (RFC 7888 §5 names the number).
pub const IMAP_LITERAL_BEFORE_LOGIN_OCTETS_MAX: usize = 4096;
/// Octets a driver hands to a session at a time.
pub const INPUT_OCTETS_MAX: usize = 64 * 1024;
/// Output waiting for the peer; a session makes no more until it is read.
pub const OUTPUT_OCTETS_HIGH: usize = 256 * 1024;
/// One SMTP command line with its CRLF (RFC 5321 §4.5.3.1.4 asks for 512 and extensions add; room for
/// SMTPUTF8).
pub const SMTP_LINE_OCTETS_MAX: usize = 4096;
/// Recipients of one SMTP transaction (RFC 5321 §4.5.3.1.8 asks for 100 at least).
pub const SMTP_RECIPIENTS_MAX: usize = 1000;
/// Bodies above this are streamed by their own session into a body segment.
pub const BODY_INLINE_OCTETS_MAX: usize = 256 * 1024;
/// Keys of the store (the index library's own bound).
pub const KEY_OCTETS_MAX: usize = 511;
/// One line of a SASL exchange in base64.
pub const SASL_LINE_OCTETS_MAX: usize = 16 * 1024;
/// App passwords of one account; each is compared at every login of the account.
pub const APP_PASSWORDS_MAX: usize = 64;
/// The name an app password is known by.
pub const APP_PASSWORD_NAME_OCTETS_MAX: usize = 100;
/// The nonce of one side of SCRAM, and of both together; both are sent back and forth.
pub const SCRAM_NONCE_OCTETS_MAX: usize = 512;
/// A mail address: 64 octets, `@`, and 255 octets (RFC 5321 §4.5.3.1).
pub const ADDRESS_OCTETS_MAX: usize = 320;
/// The tag of an IMAP command, which we send back.
pub const IMAP_TAG_OCTETS_MAX: usize = 128;
/// What an IMAP connection may hold in memory, default: enough for threads of some 700,000 messages.
pub const IMAP_CONNECTION_MEMORY_OCTETS_MAX: usize = 128 * 1024 * 1024;
/// Of that, what is kept free for one command with its literals, what was read behind it, and output.
pub const IMAP_CONNECTION_BUFFERS_OCTETS: usize =
    IMAP_LINE_OCTETS_MAX + IMAP_COMMAND_LITERALS_OCTETS_MAX + 2 * INPUT_OCTETS_MAX + OUTPUT_OCTETS_HIGH;
/// What both directions of a compressed connection hold at most: the inflater 112 KiB, the deflater 190 KiB,
/// and what it has made.
pub const COMPRESSION_OCTETS_MAX: usize = 384 * 1024;
/// Messages of one APPEND (RFC 3502): they are one transaction.
pub const IMAP_APPEND_MESSAGES_MAX: usize = 1000;
/// What the messages of one APPEND may hold in memory; the bodies of further ones are streamed into body
/// segments, however small they are.
pub const IMAP_APPEND_HELD_OCTETS_MAX: usize = 8 * 1024 * 1024;
/// One DMAP command line without its literals.
pub const DMAP_LINE_OCTETS_MAX: usize = 64 * 1024;
/// A literal that a DMAP client sends without being asked to (RFC 7888 §5), and any before login.
pub const DMAP_UNASKED_OCTETS_MAX: usize = 4096;
/// All literals of one DMAP command, without the message of APPEND: a signet and a META block, and room.
pub const DMAP_COMMAND_LITERALS_OCTETS_MAX: usize = 384 * 1024;
/// How many there may be; a command is read again for each of them.
pub const DMAP_COMMAND_LITERALS_MAX: usize = 32;
/// The META block of a message, a mailbox or a signet.
pub const DMAP_META_OCTETS_MAX: usize = 64 * 1024;
/// A signet or a signing request; it may hold an image.
pub const DMAP_SIGNET_OCTETS_MAX: usize = 256 * 1024;
/// The private part of a key; the usual ones have 73 or 118 octets.
pub const DMAP_PRIVATE_KEY_OCTETS_MAX: usize = 4096;
/// The label of a realm.
pub const DMAP_LABEL_OCTETS_MAX: usize = 32;
/// Realms of one account.
pub const DMAP_REALMS_MAX: usize = 64;
/// Keys of one account, with those that it had.
pub const DMAP_KEYS_MAX: usize = 64;
/// Keys that were deleted and whose signets stay in the history, the newest of them.
pub const DMAP_DELETED_KEYS_MAX: usize = 64;
/// Signets of others that one account keeps.
pub const DMAP_SIGNETS_MAX: usize = 4096;
/// All of them together.
pub const DMAP_SIGNETS_OCTETS_MAX: usize = 16 * 1024 * 1024;
/// Messages of one account that are being submitted, or wait for their time.
pub const DMAP_OUTBOX_MAX: usize = 256;
/// Other organisations that are remembered.
pub const ORGANISATIONS_MAX: usize = 20_000;
/// Octets of the signet of one.
pub const ORGANISATION_SIGNET_OCTETS_MAX: usize = 16 * 1024;
/// Messages of one account that are on their way to other organisations.
pub const DMTP_QUEUE_MAX: usize = 1024;
/// Octets of them together; one may always be, however large. The quota does not count them.
pub const DMTP_QUEUE_OCTETS_MAX: u64 = 512 * 1024 * 1024;
/// Messages that other organisations have brought to one account, and that are known when they come again.
pub const DMTP_TAKEN_MAX: usize = 512;
/// For so long, as long as anybody's server tries again.
pub const DMTP_TAKEN_SECS: u32 = 30 * 24 * 3600;
/// Mail that is encrypted before any of it is written is held in memory until then: all of it together.
pub const CONFIDENTIAL_OCTETS_MAX: usize = 256 * 1024 * 1024;
/// Nested lists, NOT and OR in one SEARCH of DMAP.
pub const DMAP_SEARCH_DEPTH_MAX: usize = 32;
/// Different items in one FETCH of DMAP.
pub const DMAP_FETCH_ITEMS_MAX: usize = 256;
/// What a DMAP client holds of one response, its literals with it, default.
pub const DMAP_RESPONSE_OCTETS_MAX: usize = 64 * 1024 * 1024;
/// Resources of one SETQUOTA; there are four.
pub const IMAP_QUOTA_RESOURCES_MAX: usize = 16;
/// URLs of one GENURLAUTH or URLFETCH.
pub const IMAP_URLS_MAX: usize = 100;
/// URLs in one line of CATENATE, from the octets of one message to those of the next: a line is read again
/// for every URL in it that is a literal.
pub const IMAP_CATENATE_URLS_MAX: usize = 1000;
/// Nested lists, NOT and OR in one SEARCH.
pub const IMAP_SEARCH_DEPTH_MAX: usize = 32;
/// Searches of one session whose changes are told (RFC 5267 §4.3.1).
pub const IMAP_UPDATES_MAX: usize = 16;
/// Messages in all results of one session that are sorted and whose changes are told; four octets each.
pub const IMAP_UPDATES_SORTED_MAX: usize = 500_000;
/// Stored filters within stored filters (RFC 5466 §3.1 asks for 3 at least).
pub const IMAP_FILTER_DEPTH_MAX: usize = 8;
/// Stored filters that one search is replaced by.
pub const IMAP_FILTERS_MAX: usize = 64;
/// Part numbers in one section of FETCH.
pub const IMAP_SECTION_DEPTH_MAX: usize = 64;
/// Fields of ID (RFC 2971 §3.3 names the number).
pub const IMAP_ID_FIELDS_MAX: usize = 30;
/// Different items in one FETCH.
pub const IMAP_FETCH_ITEMS_MAX: usize = 256;
/// Messages an account remembers to have submitted, so that a copy the client appends is recognised.
pub const SUBMITTED_REMEMBERED_MAX: usize = 32;
/// Clients of one account that are known to append what they send.
pub const APPENDING_CLIENTS_MAX: usize = 16;
/// Submitted chat messages an account remembers to have filed, so that its own are not filed again when they
/// are delivered to it.
pub const CHATS_REMEMBERED_MAX: usize = 32;
/// The header of a message that comes in by SMTP; it is held until it is complete.
pub const SMTP_HEADER_OCTETS_MAX: usize = 256 * 1024;
/// Received lines above which a message from another server is in a loop (RFC 5321 §6.3 names the number).
pub const RECEIVED_LINES_MAX: usize = 100;
/// The same for a message from a user's own client, where it should be at its first hop.
pub const SUBMITTED_RECEIVED_LINES_MAX: usize = 50;
/// Addresses whose rate of connections, messages, recipients and errors is remembered.
pub const RATED_ADDRESSES_MAX: usize = 100_000;
/// Addresses of one contact (COI-From-Hash fields of one message); each is a row of the index.
pub const CONTACT_HASHES_MAX: usize = 32;
/// Addresses of From that are looked up among the blocked ones; further ones are not looked at.
pub const SENDERS_LOOKED_UP_MAX: usize = 32;
/// A push subscription as its client writes it, with an endpoint of full length and the members we drop.
pub const PUSH_SUBSCRIPTION_OCTETS_MAX: usize = 16 * 1024;
/// `client` and `device` of a push subscription (COI-webpush names the number).
pub const PUSH_NAME_OCTETS_MAX: usize = 128;
/// `endpoint` of a push subscription. COI-webpush says 512, but push services of today make longer ones.
pub const PUSH_ENDPOINT_OCTETS_MAX: usize = 2048;
/// `p256dh` of a push subscription as text (COI-webpush names the number).
pub const PUSH_P256DH_OCTETS_MAX: usize = 256;
/// Addresses a push subscription may exclude, in each of the two lists.
pub const PUSH_EXCLUDED_MAX: usize = 100;
/// One of them: local part, `@` and domain at their longest (RFC 5321 §4.5.3.1).
pub const PUSH_EXCLUDED_OCTETS_MAX: usize = 320;
/// `group-id` of a push message (COI-webpush names the number).
pub const PUSH_GROUP_ID_OCTETS_MAX: usize = 128;
/// The text a validation message carries and a client sends back (COI-webpush names the number).
pub const PUSH_VALIDATION_OCTETS_MAX: usize = 1024;
/// How long a push service may silence us with Retry-After, in seconds.
pub const PUSH_RETRY_AFTER_S_MAX: u64 = 24 * 3600;
/// How long we wait after 429 without Retry-After, in seconds.
pub const PUSH_RETRY_AFTER_S_DEFAULT: u64 = 60;
/// `deviceClientId` of a push subscription of JMAP.
pub const PUSH_DEVICE_OCTETS_MAX: usize = 255;
/// Names of types in one.
pub const PUSH_TYPES_MAX: usize = 64;
/// One of them.
pub const PUSH_TYPE_OCTETS_MAX: usize = 64;
/// How long one lives unless its client prolongs it, in seconds (RFC 8620 §7.2: at least two days, better
/// seven).
pub const PUSH_EXPIRES_S_MAX: u32 = 7 * 24 * 3600;
/// The id of a push subscription (COI-webpush §subscribe names both numbers).
pub const PUSH_ID_OCTETS_MIN: usize = 10;
/// The same: the longest.
pub const PUSH_ID_OCTETS_MAX: usize = 36;
/// The name of an annotation; it is part of a key.
pub const ANNOTATION_NAME_OCTETS_MAX: usize = 255;
/// The value of an annotation (RFC 5464 §4.1 asks for 1,024 at least).
pub const ANNOTATION_VALUE_OCTETS_MAX: usize = 64 * 1024;
/// Annotations of one mailbox, or of the server in one account (RFC 5464 §4.1 asks for 10 at least).
pub const ANNOTATIONS_PER_TARGET_MAX: u32 = 1000;
/// Entries of one GETMETADATA or SETMETADATA: no more than a mailbox can have.
pub const IMAP_METADATA_ENTRIES_MAX: usize = 1000;
/// Annotations of one account.
pub const ANNOTATIONS_PER_ACCOUNT_MAX: u32 = 100_000;
/// Names and values of all annotations of one account.
pub const ANNOTATIONS_OCTETS_MAX: u64 = 16 * 1024 * 1024;
/// Entries of the access control list of one mailbox; all are read when it is shown, and copied to what is
/// made below it.
pub const ACL_ENTRIES_MAX: usize = 256;
/// Users that have flags of their own in one mailbox; each is looked at when messages leave it.
pub const USERS_PER_MAILBOX_MAX: usize = 1000;
/// Mailboxes of others that one user is shown.
pub const SHARED_WITH_USER_MAX: usize = 10_000;
/// Accounts whose rate of submission is remembered.
pub const RATED_ACCOUNTS_MAX: usize = 100_000;
/// Recipients of port 25 that are remembered to be too full for a sender's message.
pub const FULL_RECIPIENTS_MAX: usize = 10_000;
/// Names of mailboxes in one NOTIFY; each is compared with every mailbox to which something happens.
pub const IMAP_NOTIFY_NAMES_MAX: usize = 1000;
/// Accounts of other users that one session hears of by NOTIFY.
pub const IMAP_NOTIFY_ACCOUNTS_MAX: usize = 100;
/// Names, mailboxes and annotations of which NOTIFY tells at a time (RFC 5465 §5.8).
pub const IMAP_NOTIFICATIONS_MAX: usize = 10_000;
/// Uploads of one account that nothing refers to yet; past it the oldest go.
pub const UPLOADS_MAX: usize = 1000;
/// Octets of all of them together; past it the oldest go.
pub const UPLOADS_OCTETS_MAX: u64 = 1024 * 1024 * 1024;
/// How long an upload stays (RFC 8620 §6.1 asks for an hour at least).
pub const UPLOAD_SECS: u32 = 24 * 3600;
/// The media type of an upload.
pub const MEDIA_TYPE_OCTETS_MAX: usize = 255;
/// Identities of one account.
pub const IDENTITIES_MAX: usize = 100;
/// Submissions of one account that are remembered, and that wait; past it the oldest that are over go.
pub const SUBMISSIONS_MAX: usize = 1000;
/// Disposition notifications that are remembered of one submission.
pub const SUBMISSION_NOTICES_MAX: usize = 100;
/// A signature, a name or the text of an answer.
pub const SETTING_TEXT_OCTETS_MAX: usize = 64 * 1024;
/// Senders of whom an account remembers that they were answered in absence; RFC 5230 §4.2 asks for 1000.
pub const ANSWERED_MAX: usize = 2000;
/// How long the same sender is not answered again, in seconds (RFC 3834 §2, RFC 5230 §4.1).
pub const ANSWER_INTERVAL_SECS: u32 = 7 * 86_400;
/// Recipients of one submission.
pub const SUBMISSION_RECIPIENTS_MAX: usize = 1000;
/// Octets of the parameters of one submission's addresses that are remembered.
pub const SUBMISSION_PARAMETERS_OCTETS_MAX: usize = 16 * 1024;
/// Octets of all messages of one account whose submissions wait for their time.
pub const SUBMISSIONS_WAITING_OCTETS_MAX: u64 = 1024 * 1024 * 1024;
/// How long a submission may be put off, in seconds.
pub const SUBMISSION_DELAY_SECS_MAX: u32 = 365 * 86_400;
/// One request to the API of JMAP, default (RFC 8620 §2 suggests this at least).
pub const JMAP_REQUEST_OCTETS_MAX: u64 = 10_000_000;
/// Method calls of one request, default (RFC 8620 §2 suggests 16 at least).
pub const JMAP_CALLS_MAX: u64 = 64;
/// Requests of one user at a time, default (RFC 8620 §2 suggests 4 at least).
pub const JMAP_CONCURRENT_REQUESTS_MAX: u64 = 8;
/// Uploads of one user at a time, default (RFC 8620 §2 suggests 4 at least).
pub const JMAP_CONCURRENT_UPLOADS_MAX: u64 = 4;
/// Objects of one /get, default (RFC 8620 §2 suggests 500 at least).
pub const JMAP_GET_OBJECTS_MAX: u64 = 500;
/// Octets that the objects of one /get may come to, unless it is one object alone.
pub const JMAP_LIST_OCTETS_MAX: usize = 32 << 20;
/// Ids that one /query answers with; the client is told, and asks for more by position.
pub const JMAP_QUERY_IDS_MAX: usize = 100_000;
/// Objects of one /set, default (RFC 8620 §2 suggests 500 at least).
pub const JMAP_SET_OBJECTS_MAX: u64 = 500;
/// Objects and arrays within each other in a request; the JSON library ends at 128.
pub const JMAP_DEPTH_MAX: usize = 100;
/// Values in one request, each of which takes some forty octets of memory however short it is.
pub const JMAP_VALUES_MAX: usize = 250_000;
/// Tokens of a JSON pointer.
pub const JMAP_POINTER_TOKENS_MAX: usize = 32;
/// What the result references of one request may be replaced by: as much as could have been sent.
pub const JMAP_REFERENCED_OCTETS_MAX: usize = 10_000_000;
/// Operators within each other in a filter.
pub const JMAP_FILTER_DEPTH_MAX: usize = 16;
/// Conditions and operators of one filter.
pub const JMAP_FILTER_TERMS_MAX: usize = 1000;
/// Comparators of one sort.
pub const JMAP_COMPARATORS_MAX: usize = 16;
/// Properties that one call may ask for; each header field is one.
pub const JMAP_PROPERTIES_MAX: usize = 1000;
/// Result references of one call.
pub const JMAP_REFERENCES_MAX: usize = 100;
/// Octets of responses that all references of one request are looked for in.
pub const JMAP_REFERENCE_SEARCHED_OCTETS_MAX: usize = 200_000_000;
/// Wrong properties of one object that are told.
pub const JMAP_WRONG_PROPERTIES_MAX: usize = 200;
/// Sources of one blob that is put together (RFC 9404 §3.1 asks for 64 at least).
pub const JMAP_DATA_SOURCES_MAX: usize = 100;
/// Octets of blobs that one Blob/get shows (RFC 9404 §4.2); larger ones are downloaded.
pub const JMAP_BLOB_GET_OCTETS_MAX: usize = 10_000_000;
