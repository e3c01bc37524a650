//! Every key of `koi.toml`, once: name, type, default, unit, what it means, an example, and whether SIGHUP
//! changes it.
//!
//! `docs/CONFIG.md`, `koi config show --defaults` and the checks of `raw` come from this table.

/// One key. Its name is `section.key`.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub default: Fallback,
    /// Empty for what has no unit.
    pub unit: &'static str,
    pub doc: &'static str,
    /// As TOML.
    pub example: &'static str,
    pub reload: Reload,
}

/// What may be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    TextList,
    /// Relative to the folder of the configuration file.
    Path,
    /// `address:port` each.
    Addresses,
    Switch,
    /// A whole number within these bounds.
    Number {
        min: u64,
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// What holds when the key is not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fallback {
    /// A wrong guess would be worse than none.
    Required,
    /// Not set.
    Nothing,
    /// As TOML.
    Value(&'static str),
}

/// Whether SIGHUP takes over a new value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reload {
    /// For connections that begin afterwards, or at once.
    Live,
    /// After a restart; SIGHUP says so in the log.
    Restart,
}

/// Sections with what they are about, in the order they are shown.
pub const SECTIONS: &[(&str, &str)] = &[
    ("server", "Who this server is and where its data lies."),
    ("listen", "Addresses to listen on. What is not set is not opened."),
    ("tls", "Certificate and key. Read again at SIGHUP; open sessions keep theirs."),
    ("auth", "Passwords: hashing, the cache of proofs, the throttle on failures."),
    ("limits", "Bounds on what peers may take."),
    ("imap", "What mail clients are offered, and what one command may cost."),
    ("dmap", "The access protocol for end-to-end encrypted mail: docs/DMAP.md."),
    ("dmtp", "Encrypted mail between this server and those of other organisations: docs/DMAP.md."),
    ("dns", "Who is asked for names, and for the records of other organisations."),
    ("http", "What is served by HTTPS: docs/HTTP.md."),
    ("jmap", "What one call of JMAP may cost."),
    ("smtp", "Mail that comes in by LMTP, SMTP and submission."),
    ("mailbox", "What accounts may hold."),
    ("search", "The index that makes SEARCH of text quick in large accounts: docs/SEARCH.md."),
    ("coi", "Chat by IMAP (COI), for accounts whose clients enable it: docs/COI.md."),
    (
        "webpush",
        "Push to clients that are not connected: what leaves this server by HTTPS (docs/WEBPUSH.md).",
    ),
    ("log", "The log on standard error. It never holds subjects, bodies or passwords."),
];

const fn number(min: u64, max: u64) -> Kind {
    Kind::Number { min, max }
}

use Fallback::{Nothing, Required, Value};
use Reload::{Live, Restart};

macro_rules! keys {
    ($($name:literal $kind:expr, $default:expr, $unit:literal, $reload:expr,
       $example:literal, $doc:literal;)*) => {
        pub const KEYS: &[Key] = &[$(Key {
            name: $name,
            kind: $kind,
            default: $default,
            unit: $unit,
            reload: $reload,
            example: $example,
            doc: $doc,
        }),*];
    };
}

keys! {
    "server.hostname" Kind::Text, Required, "", Restart, "\"mail.example.org\"",
        "The name this server gives itself in greetings and Received fields.";
    "server.domains" Kind::TextList, Required, "", Restart, "[\"example.org\"]",
        "Mail domains whose accounts live here. Deduplication of bodies never crosses a domain.";
    "server.comment" Kind::Text, Nothing, "", Restart, "\"Mail of the example company\"",
        "A note all users may read: the annotation /shared/comment of the server (RFC 5464 §6.2.1).";
    "server.admin" Kind::Text, Nothing, "", Restart, "\"mailto:admin@example.org\"",
        "A URI to reach the administrator: the annotation /shared/admin of the server (RFC 5464 §6.2.2).";
    "server.data" Kind::Path, Value("\".\""), "", Restart, "\"/var/lib/koi\"",
        "The data folder (mode 0700): mail, accounts, the admin socket. Locked by the process that has it.";
    "server.segment_octets" number(1 << 20, 128 << 20), Value("134217728"), "octets", Restart, "16777216",
        "A file of the store's journal that has become so long is sealed and another one begun \
         (docs/STORE.md); on a disk of less than 8 GiB it is at most a 64th of the disk. What was sealed \
         before stays as it is. Shorter ones suit backups that copy whole files.";
    "listen.imap" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:10143\", \"[::1]:10143\"]",
        "IMAP in clear text with STARTTLS (RFC 9051 §6.2.1).";
    "listen.imaps" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:10993\", \"[::1]:10993\"]",
        "IMAP over TLS from the first octet (RFC 8314 §3.2).";
    "listen.lmtp" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:10024\", \"[::1]:10024\"]",
        "LMTP (RFC 2033), for the mail transfer agent in front. Trusts whoever connects: use loopback.";
    "listen.smtp" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:10025\", \"[::1]:10025\"]",
        "Mail from other servers (RFC 5321), for server.domains only, with STARTTLS; no login.";
    "listen.submission" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:10587\", \"[::1]:10587\"]",
        "Mail from users' clients (RFC 6409), who log in after STARTTLS.";
    "listen.submissions" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:10465\", \"[::1]:10465\"]",
        "The same over TLS from the first octet (RFC 8314 §3.3).";
    "listen.https" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:10443\", \"[::1]:10443\"]",
        "HTTP/1.1 and HTTP/2 over TLS.";
    "listen.dmap" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:19933\", \"[::1]:19933\"]",
        "DMAP (docs/DMAP.md) over TLS 1.3 from the first octet.";
    "listen.dmtp" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:10026\", \"[::1]:10026\"]",
        "Encrypted mail from other organisations' servers, and lookups of signets (DMTP, docs/DMAP.md), over \
         TLS from the first octet. Others use port 26.";
    "tls.certificate" Kind::Path, Nothing, "", Live, "\"tls/cert.pem\"",
        "Certificate chain, PEM, the server's own first. Needed for imaps, submissions, https, dmap, \
         dmtp and STARTTLS.";
    "tls.key" Kind::Path, Nothing, "", Live, "\"tls/key.pem\"",
        "Private key of the certificate, PEM; readable by nobody else.";
    "auth.cleartext_login" Kind::Switch, Value("false"), "", Live, "false",
        "Accept passwords without TLS. Off: such a login gets `NO [PRIVACYREQUIRED]` (RFC 5530 §3) or 538.";
    "auth.scram" Kind::Switch, Value("false"), "", Restart, "true",
        "Offer SCRAM-SHA-256, and SCRAM-SHA-256-PLUS on TLS 1.3 (RFC 7677), and keep SCRAM keys for accounts \
         made from now on; `koi account scram` changes an account. docs/LOGIN.md says what stolen keys cost, \
         and which clients do not get along with it.";
    "auth.scram_iterations" number(100_000, 10_000_000), Value("100000"), "iterations", Restart, "100000",
        "PBKDF2 rounds of SCRAM keys made from now on. Clients of Cyrus SASL refuse more than 65,536 \
         whatever is set here: for them leave auth.scram off. Accounts keep theirs until their password is \
         set again, and show by it that they exist: set it before there are accounts (docs/LOGIN.md).";
    "auth.argon2_memory_kib" number(8 * 1024, 1024 * 1024), Value("19456"), "KiB", Live, "19456",
        "Memory of one Argon2id hash, for passwords set from now on.";
    "auth.argon2_passes" number(1, 32), Value("2"), "passes", Live, "2",
        "Passes of one Argon2id hash, for passwords set from now on.";
    "auth.hashing_threads_max" number(1, 64), Value("2"), "threads", Restart, "2",
        "Password checks at the same time; each takes argon2_memory_kib. Threads end when idle.";
    "auth.hashing_queue_max" number(1, 100_000), Value("256"), "logins", Restart, "256",
        "Logins waiting for a hashing thread; more are told to try again.";
    "auth.proof_cache_entries_max" number(0, 10_000_000), Value("10000"), "proofs", Restart, "10000",
        "Logins remembered as right, as keyed hashes: a reconnecting client costs no Argon2. 0: none.";
    "auth.proof_cache_secs" number(1, 86_400), Value("3600"), "seconds", Live, "3600",
        "How long such a login is remembered.";
    "auth.failures_free" number(1, 1000), Value("5"), "failures", Live, "5",
        "Failed logins per address and per account before the next ones are made to wait.";
    "auth.failures_shared_networks" Kind::TextList, Value("[\"127.0.0.0/8\", \"::1\"]"), "", Live,
        "[\"127.0.0.0/8\", \"::1\", \"192.0.2.7\"]",
        "Addresses that many people log in from, such as that of a webmail server: failures there count for \
         the account, not for the address. List no network that strangers can come from directly.";
    "auth.failures_forget_secs" number(1, 86_400), Value("600"), "seconds", Live, "600",
        "After so long without a failure an address or account is not slowed any more.";
    "auth.failure_wait_secs_max" number(0, 300), Value("15"), "seconds", Live, "15",
        "The longest a login is made to wait; what would wait longer is refused at once.";
    "limits.connections_max" number(1, 1_000_000), Value("10000"), "connections", Live, "10000",
        "Connections of all listeners together.";
    "limits.connections_per_address_max" number(1, 1_000_000), Value("2000"), "connections", Live, "100",
        "Connections from one address (IPv6: one /64). Loopback counts too.";
    "limits.connections_before_login_max" number(1, 1_000_000), Value("1000"), "connections", Live, "1000",
        "Connections that have not logged in yet (IMAP, submission).";
    "limits.connections_per_account_max" number(1, 1_000_000), Value("1000"), "connections", Live, "50",
        "Connections logged in to one account.";
    "limits.handshake_secs" number(1, 600), Value("30"), "seconds", Live, "30",
        "Time for a TLS handshake.";
    "limits.write_secs" number(1, 3600), Value("60"), "seconds", Live, "60",
        "A peer that does not read for so long while output waits is dropped.";
    "limits.shutdown_secs" number(1, 600), Value("10"), "seconds", Live, "10",
        "Time sessions have at shutdown to finish what they are at.";
    "limits.message_octets_max" number(1024, 1 << 30), Value("52428800"), "octets", Restart, "52428800",
        "The largest message that may be sent or appended (SIZE, APPENDLIMIT). Lines that the server adds to \
         it do not count.";
    "imap.compress" Kind::Switch, Value("true"), "", Restart, "false",
        "Offer COMPRESS=DEFLATE (RFC 4978).";
    "imap.unauthenticate" Kind::Switch, Value("true"), "", Restart, "false",
        "Offer UNAUTHENTICATE, by which a connection goes on to another login (RFC 8437). Turn it off behind \
         a proxy that looks only at the first login.";
    "imap.administrators" Kind::TextList, Nothing, "", Restart, "[\"root@example.org\"]",
        "Who may set the limits of all accounts by SETQUOTA (RFC 9208 §4.1.3). Not set: nobody.";
    "imap.submitters" Kind::TextList, Nothing, "", Restart, "[\"submit@example.org\"]",
        "Accounts of submission servers: they may follow URLs for `submit+` (RFC 4467 §3). Not set: none.";
    "imap.commands_per_second_max" number(0, 1_000_000), Value("5000"), "per second", Restart, "100",
        "Commands one connection may send, and ten seconds' worth of them at once. Past it nothing is read \
         for a moment: the client is slowed, not refused. 0: no bound.";
    "imap.progress_secs" number(0, 3600), Value("10"), "seconds", Restart, "15",
        "A client whose command takes long is told so often that it goes on (RFC 9585). 0: never.";
    "imap.search_secs_max" number(0, 86_400), Value("300"), "seconds", Restart, "60",
        "How long one SEARCH, SORT or THREAD may take; then it ends with `NO [LIMIT]` (RFC 9051 §7.1). \
         0: no bound.";
    "imap.search_octets_max" number(0, 1 << 50), Value("0"), "octets", Restart, "10737418240",
        "Octets of messages one SEARCH, SORT or THREAD may read; then the same. 0: no bound.";
    "imap.notifications_max" number(1, 1_000_000), Value("10000"), "lines", Restart, "1000",
        "Mailboxes, names and annotations a client is told of at a time after NOTIFY; past it, it is told so \
         and of nothing any more (RFC 5465 §5.8).";
    "imap.connection_memory_max" number(2 << 20, 1 << 40), Value("134217728"), "octets", Restart, "67108864",
        "What one connection may hold in memory: buffers, compression, the numbers of its mailbox, saved and \
         followed searches, what NOTIFY has to tell, a SORT or THREAD at work (about 128 octets for each \
         message of a THREAD). A command that would take more ends with `NO [LIMIT]`.";
    "imap.notify_accounts_max" number(0, 10_000), Value("100"), "accounts", Restart, "20",
        "Accounts of other users whose shared mailboxes one connection may watch by NOTIFY; beyond it the \
         same.";
    "dmap.mode" Kind::Choice(&["trustful", "cautious", "paranoid"]), Value("\"trustful\""), "", Restart,
        "\"cautious\"",
        "What is said of accounts before login, when nobody knows whose it will be. Unless it is `trustful`, \
         PLAIN and SCRAM-SHA-256 are not offered to anybody.";
    "dmap.commands_per_second_max" number(0, 1_000_000), Value("5000"), "per second", Restart, "100",
        "As imap.commands_per_second_max.";
    "dmap.search_secs_max" number(0, 86_400), Value("300"), "seconds", Restart, "60",
        "How long one SEARCH may take; then it ends with `NO [LIMIT]`. 0: no bound.";
    "dmap.connection_memory_max" number(2 << 20, 1 << 40), Value("134217728"), "octets", Restart, "67108864",
        "What one connection may hold in memory. A command that would take more ends with `NO [LIMIT]`.";
    "dmap.secret_file" Kind::Path, Nothing, "", Restart, "\"/etc/koi/dmap.secret\"",
        "What the organisations' private keys in the data folder are encrypted with. Not set: dmap/secret in \
         the data folder, where whoever takes the folder has both. Put it elsewhere, keep a copy, and keep \
         it out of the backups of the data folder.";
    "dmtp.idle_secs" number(10, 3600), Value("300"), "seconds", Restart, "120",
        "On listen.dmtp: a connection that is silent for so long is closed.";
    "dmtp.connections_per_minute_max" number(0, 1_000_000), Value("120"), "per minute", Restart, "60",
        "On listen.dmtp, from one address (IPv6: one /64): connections. 0: no bound.";
    "dmtp.messages_per_minute_max" number(0, 1_000_000), Value("600"), "per minute", Restart, "100",
        "The same: messages begun, each of which may ask others who its origin is; more get 451.";
    "dmtp.lookups_per_minute_max" number(0, 1_000_000), Value("120"), "per minute", Restart, "30",
        "The same: signets asked for (SGNT, VRFY, HIST), whether or not there is such a user; more get 451. \
         What it takes to find out who has an account here.";
    "dmtp.errors_per_minute_max" number(0, 1_000_000), Value("120"), "per minute", Restart, "30",
        "The same: commands and messages answered with 5yz; at more the connection is closed with 421.";
    "dmtp.send" Kind::Switch, Value("true"), "", Restart, "false",
        "Carry encrypted messages to other organisations and look up who they are. Off: such messages \
         are refused when they are submitted, and nothing is taken from others (451), because nobody can be \
         asked who they are.";
    "dmtp.port" number(1, 65_535), Value("26"), "", Restart, "26",
        "Where servers of other organisations listen.";
    "dmtp.private" Kind::Switch, Value("false"), "", Restart, "true",
        "Connect also to addresses that are not on the public internet. Whoever has a domain names them: \
         leave it off unless the servers you write to are inside.";
    "dmtp.ca_file" Kind::Path, Nothing, "", Restart, "\"partners-ca.pem\"",
        "Certificates (PEM) to trust for servers of other organisations, instead of those the system trusts.";
    "dmtp.connect_secs" number(1, 300), Value("30"), "seconds", Restart, "30",
        "Time to reach a server: connection and TLS together.";
    "dmtp.reply_secs" number(1, 3600), Value("120"), "seconds", Restart, "120",
        "Time for each reply, and for each piece of a message.";
    "dmtp.connections_max" number(1, 1000), Value("16"), "connections", Restart, "16",
        "Connections that carry messages at one time, each with its message in memory.";
    "dmtp.connections_per_domain_max" number(1, 1000), Value("4"), "connections", Restart, "2",
        "The same to one domain.";
    "dmtp.retry_secs" number(1, 86_400), Value("60"), "seconds", Restart, "300",
        "Before a message that could not be delivered is tried again; doubled each time, at most 2 hours.";
    "dmtp.give_up_hours" number(1, 720), Value("120"), "hours", Restart, "48",
        "When a message is not tried any more, and its author is told.";
    "dns.servers" Kind::Addresses, Value("[]"), "", Restart, "[\"127.0.0.1:53\"]",
        "Whom to ask. Not set: those of the system (/etc/resolv.conf).";
    "dns.dnssec" Kind::Switch, Value("true"), "", Restart, "false",
        "Verify the signatures of the DNS here, from the root on. The servers asked must hand them on: where \
         they do not, other organisations cannot be looked up, and the log and `koi status` say so. Off: no \
         record counts as signed.";
    "dns.trust_anchor_file" Kind::Path, Nothing, "", Restart, "\"anchors.zone\"",
        "DNSKEY records, as in a zone file, to verify from: the root's, and those of zones of one's own. Not \
         set: the root's keys of 2018 and 2024, which are built in.";
    "http.url" Kind::Text, Nothing, "", Restart, "\"https://mail.example.org\"",
        "What the URLs told to clients begin with, for a server behind a proxy. Not set: as the client has \
         asked (Host).";
    "http.origins" Kind::TextList, Value("[\"*\"]"), "", Live, "[\"https://webmail.example.org\"]",
        "Origins of web pages that may ask (CORS). `*`: all; a page needs the user's password or token \
         in any case.";
    "http.idle_secs" number(1, 86_400), Value("120"), "seconds", Live, "60",
        "A connection without a request is closed after so long, and one whose request does not come.";
    "http.pause_secs" number(1, 3600), Value("30"), "seconds", Live, "10",
        "The longest pause of a client that sends a body; on average it sends 1,024 octets a second.";
    "http.header_octets_max" number(8192, 1 << 20), Value("65536"), "octets", Live, "32768",
        "Header fields of one request. A change is for new connections.";
    "http.request_octets_max" number(65_536, 1 << 30), Value("10000000"), "octets", Live, "10000000",
        "One request to the API (RFC 8620 §2, maxSizeRequest); it is held in memory.";
    "http.requests_per_connection_max" number(1, 10_000), Value("32"), "requests", Live, "100",
        "Requests that are worked on at a time over one connection. A change is for new ones.";
    "http.requests_per_account_max" number(1, 10_000), Value("8"), "requests", Live, "4",
        "Requests to the API that are worked on at a time for one account (maxConcurrentRequests); of \
         uploads and downloads as many.";
    "http.streams_per_account_max" number(1, 10_000), Value("32"), "streams", Live, "8",
        "Event sources and WebSockets of one account that are open at a time; they count with \
         limits.connections_per_account_max too.";
    "http.login_idle_secs" number(60, 31_536_000), Value("1209600"), "seconds", Live, "86400",
        "How long a login of a page of this server (its cookie) is good without being used.";
    "jmap.search_secs_max" number(0, 86_400), Value("300"), "seconds", Restart, "60",
        "How long one Email/query or Email/queryChanges may take; then it fails with `serverFail` \
         (RFC 8620 §3.6.2). 0: no bound.";
    "jmap.search_octets_max" number(0, 1 << 50), Value("0"), "octets", Restart, "10737418240",
        "Octets of messages one of them may read; then the same. 0: no bound.";
    "smtp.recipients_max" number(100, 100_000), Value("1000"), "recipients", Restart, "1000",
        "Recipients of one message; more get 452 (RFC 5321 §4.5.3.1.8).";
    "smtp.postmaster" Kind::Text, Nothing, "", Restart, "\"alice@example.org\"",
        "Who gets mail for postmaster@ of a domain without such an account. Not set: the first account made.";
    "smtp.greeting_delay_ms" number(0, 60_000), Value("300"), "ms", Restart, "1000",
        "On listen.smtp: who sends anything before the greeting, which comes so late, is not let in.";
    "smtp.connections_per_minute_max" number(0, 1_000_000), Value("120"), "per minute", Restart, "60",
        "On listen.smtp, from one address (IPv6: one /64): connections. 0: no bound.";
    "smtp.messages_per_minute_max" number(0, 1_000_000), Value("600"), "per minute", Restart, "100",
        "The same: messages begun; more get 450. Raise it for a relay that brings all your mail.";
    "smtp.recipients_per_minute_max" number(0, 1_000_000), Value("3000"), "per minute", Restart, "500",
        "The same: recipients named, whether or not they exist; more get 450.";
    "smtp.errors_per_minute_max" number(0, 1_000_000), Value("120"), "per minute", Restart, "30",
        "The same: commands answered with 5yz; at more the connection is closed with 421.";
    "smtp.account_messages_per_hour_max" number(0, 1_000_000), Value("1000"), "per hour", Restart, "100",
        "Of one account, by submission, JMAP and DMAP: messages begun, but for those that are refused in the \
         end; more get 450 4.7.1, `rateLimit` or `LIMIT`, for later. What a stolen password can send. What \
         was sent is remembered over a restart. 0: no bound.";
    "smtp.account_messages_per_day_max" number(0, 10_000_000), Value("5000"), "per day", Restart, "500",
        "The same in 24 hours.";
    "smtp.account_recipients_per_hour_max" number(0, 1_000_000), Value("5000"), "per hour", Restart, "500",
        "The same: recipients taken, of all messages together.";
    "smtp.account_recipients_per_day_max" number(0, 10_000_000), Value("20000"), "per day", Restart, "2000",
        "The same in 24 hours.";
    "mailbox.quota_octets_max" number(0, 1 << 50), Value("0"), "octets", Restart, "10737418240",
        "Octets of mail one account may hold, unless `koi account quota` says otherwise. 0: no bound.";
    "mailbox.quota_messages_max" number(0, 1 << 32), Value("0"), "messages", Restart, "1000000",
        "Messages one account may hold, unless `koi account quota` says otherwise. 0: no bound.";
    "mailbox.quota_mailboxes_max" number(0, 1 << 20), Value("0"), "mailboxes", Restart, "1000",
        "Mailboxes one account may have, unless `koi account quota` says otherwise. 0: no bound.";
    "search.index" Kind::Switch, Value("true"), "", Restart, "true",
        "Keep an index of the words of each large account's mail. Off: none is used or written; what is \
         there stays until `koi index drop`. Searches find the same either way.";
    "search.index_messages_min" number(0, 1 << 32), Value("1000"), "messages", Restart, "10000",
        "Messages from which on an account gets an index by itself; smaller ones are searched quickly \
         anyway.";
    "search.index_share_max" number(0, 1000), Value("50"), "percent", Restart, "25",
        "Octets an account's index may have, in hundredths of its mail (and 1 MiB in any case). Emails that \
         come when it is full are read by every search.";
    "coi.enabled" Kind::Switch, Value("true"), "", Restart, "true",
        "Offer COI. Off: no account has it, whatever its clients enabled; nothing is forgotten.";
    "coi.mailbox_root" Kind::Text, Value("\"COI\""), "", Restart, "\"INBOX/COI\"",
        "The mailbox above Chats and Contacts, in every account. After a change chats go to the new place; \
         what is in the old one stays there.";
    "webpush.enabled" Kind::Switch, Value("true"), "", Restart, "true",
        "Offer WEBPUSH. Off: nothing is sent; subscriptions are kept.";
    "webpush.contact" Kind::Text, Nothing, "", Live, "\"mailto:admin@example.org\"",
        "How push services reach you (RFC 8292 §2.1): a mailto: or https: URI. Not set: the postmaster of \
         the first domain.";
    "webpush.private" Kind::Switch, Value("false"), "", Live, "true",
        "Push also to addresses that are not on the public internet. Any user names them: leave it off \
         unless your push service is inside.";
    "webpush.any_port" Kind::Switch, Value("false"), "", Live, "true",
        "Push also to other ports than 443.";
    "webpush.ca_file" Kind::Path, Nothing, "", Live, "\"push-ca.pem\"",
        "Certificates (PEM) to trust for push services, instead of those the system trusts. Read again when \
         something of this section changes.";
    "webpush.proxy" Kind::Text, Nothing, "", Live, "\"proxy.example.org:3128\"",
        "An HTTP proxy that takes CONNECT; which addresses names have is then for the proxy to see to.";
    "webpush.connect_secs" number(1, 120), Value("10"), "seconds", Live, "10",
        "Time to reach a push service: name, connection and TLS together.";
    "webpush.answer_secs" number(1, 300), Value("20"), "seconds", Live, "20",
        "Time for a whole request. A push service that often needs more is left alone for a while.";
    "webpush.requests_max" number(1, 10_000), Value("256"), "requests", Live, "256",
        "Requests under way, to all push services together.";
    "webpush.requests_per_origin_max" number(1, 1000), Value("64"), "requests", Live, "64",
        "The same to one push service.";
    "webpush.requests_per_account_max" number(1, 1000), Value("8"), "requests", Live, "8",
        "The same for the subscriptions of one account. One subscription has one request at a time.";
    "webpush.pushes_per_minute_max" number(1, 6000), Value("60"), "per minute", Live, "60",
        "To one subscription, after a burst of 30.";
    "webpush.waiting_max" number(1, 1000), Value("32"), "messages", Restart, "32",
        "Messages that wait for one subscription; for each further one the oldest is not pushed.";
    "webpush.ttl_secs" number(60, 28 * 86_400), Value("86400"), "seconds", Live, "86400",
        "How long a push is worth sending, and worth keeping for a device that is away.";
    "webpush.subscriptions_max" number(1, 1000), Value("32"), "subscriptions", Restart, "32",
        "Of one account.";
    "log.level" Kind::Choice(&["error", "warn", "info", "debug", "trace"]), Value("\"info\""), "", Live,
        "\"info\"",
        "How much is logged; `info` has a line per session end and per delivery.";
    "log.format" Kind::Choice(&["text", "json"]), Value("\"text\""), "", Restart, "\"json\"",
        "Lines for people, or one JSON object a line.";
}

/// The entry of a key.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.name == name)
}

impl Key {
    /// The part before the dot.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }
    /// The part after the dot.
    #[must_use]
    pub fn short(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, short)| short)
    }
}

impl Kind {
    /// In words, for documents and errors.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::TextList => "list of texts".into(),
            Self::Path => "path".into(),
            Self::Addresses => "list of \"address:port\"".into(),
            Self::Switch => "true or false".into(),
            Self::Number { min, max } => format!("number from {min} to {max}"),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }
}
