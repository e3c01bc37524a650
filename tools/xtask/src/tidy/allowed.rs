//! The table of allowed dependencies: who may use which crate of ours, and which outside ones.
//!
//! Every line is a border that Cargo then keeps for free. Adding an entry is a design decision: say in the
//! commit why the crate needs it (docs/ARCHITECTURE.md, invariants).

/// What one package of the workspace may depend on.
pub(crate) struct Allowed {
    pub(crate) package: &'static str,
    pub(crate) workspace: &'static [&'static str],
    pub(crate) outside: &'static [&'static str],
}

/// Normal and build dependencies.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed { package: "koi-types", workspace: &[], outside: &["unicode-normalization"] },
    Allowed {
        package: "koi-message",
        workspace: &["koi-types"],
        // RFC 5051 compares texts decomposed.
        outside: &["encoding_rs", "memchr", "unicode-normalization"],
    },
    Allowed { package: "koi-chat", workspace: &["koi-types", "koi-message"], outside: &[] },
    Allowed {
        package: "koi-proto",
        workspace: &["koi-types"],
        // The arithmetic of SCRAM has no effects; server, client, tests and tools share it.
        // So has DEFLATE (docs/decisions/0005). JSON is for JMAP alone (see CONFINED).
        outside: &[
            "encoding_rs",
            "hmac",
            "memchr",
            "miniz_oxide",
            "pbkdf2",
            "serde",
            "serde_json",
            "sha2",
            "stringprep",
            "subtle",
            "zlib-rs",
        ],
    },
    Allowed {
        package: "koi-webpush",
        workspace: &["koi-types"],
        // Subscriptions are JSON that strangers write: its parser is not ours to write again.
        outside: &["base64", "serde", "serde_json"],
    },
    Allowed {
        package: "koi-dime",
        workspace: &["koi-types"],
        // Arithmetic without effects, as that of SCRAM; there is no writing it again.
        outside: &[
            "aes-gcm",
            "base64",
            "ed25519-dalek",
            "hkdf",
            "hmac",
            "k256",
            "sha2",
            "subtle",
            "unicode-normalization",
            "zeroize",
        ],
    },
    Allowed {
        package: "koi-dmap-client",
        // A person's side: it shares with the server what both read and write, nothing that a server does.
        workspace: &["koi-types", "koi-dime", "koi-proto"],
        outside: &["zeroize"],
    },
    Allowed {
        package: "koi-store",
        workspace: &["koi-types"],
        outside: &[
            "blake3",
            "crc32c",
            "getrandom",
            "heed",
            "libc",
            "lz4_flex",
            "memchr",
            "parking_lot",
            "rustix",
            "zstd",
        ],
    },
    Allowed {
        package: "koi-mailbox",
        workspace: &["koi-types", "koi-message", "koi-chat", "koi-dime", "koi-store", "koi-webpush"],
        // Contacts hold hashes of addresses; fuzzy searches compare stems of words.
        outside: &["frostem", "memchr", "parking_lot", "sha3"],
    },
    Allowed {
        package: "koi-sessions",
        workspace: &["koi-types", "koi-message", "koi-dime", "koi-proto", "koi-mailbox"],
        outside: &["memchr"],
    },
    Allowed {
        package: "koi-server",
        workspace: &[
            "koi-types",
            "koi-message",
            "koi-dime",
            "koi-proto",
            "koi-store",
            "koi-mailbox",
            "koi-sessions",
            "koi-webpush",
        ],
        outside: &[
            "argon2",
            "aws-lc-rs",
            "base64",
            "blake3",
            // Bodies of HTTP, for clients that take nothing better.
            "brotli",
            "bytes",
            // The traits of tokio-tungstenite's streams.
            "futures-util",
            "getrandom",
            // Names, and whether the DNS has signed what it says.
            "hickory-resolver",
            "http-body-util",
            "hyper",
            "hyper-util",
            "memchr",
            "parking_lot",
            "rcgen",
            "rustix",
            "rustls",
            "serde",
            "serde_json",
            "sha2",
            "subtle",
            "tokio",
            "tokio-rustls",
            // Frames of WebSockets, without its handshake.
            "tokio-tungstenite",
            "toml",
            "tower-service",
            "tracing",
            "tracing-subscriber",
            "zeroize",
        ],
    },
    Allowed {
        package: "koi",
        workspace: &[
            "koi-types",
            "koi-dime",
            "koi-dmap-client",
            "koi-message",
            "koi-proto",
            "koi-store",
            "koi-mailbox",
            "koi-server",
        ],
        // zeroizing-alloc: docs/decisions/0011.
        outside: &[
            "clap",
            "getrandom",
            "indicatif",
            "rustix",
            "serde",
            "serde_json",
            "zeroize",
            "zeroizing-alloc",
        ],
    },
    Allowed {
        package: "koi-testkit",
        workspace: &[
            "koi-types",
            "koi-dime",
            "koi-message",
            "koi-proto",
            "koi-store",
            "koi-mailbox",
            "koi-sessions",
            "koi-webpush",
        ],
        outside: &["base64", "memchr", "parking_lot", "rustix", "serde_json"],
    },
    Allowed {
        package: "koi-push-service",
        workspace: &[],
        outside: &[
            "aws-lc-rs",
            "base64",
            "http-body-util",
            "hyper",
            "hyper-util",
            "parking_lot",
            "rcgen",
            "rustls",
            "serde_json",
            "tokio",
            "tokio-rustls",
        ],
    },
    Allowed {
        package: "bench",
        workspace: &[
            "koi-types",
            "koi-message",
            "koi-proto",
            "koi-dime",
            "koi-store",
            "koi-mailbox",
            // Pushes are timed where they arrive.
            "koi-push-service",
        ],
        outside: &["base64", "memchr", "rcgen", "rustix", "rustls", "serde_json"],
    },
    Allowed { package: "xtask", workspace: &[], outside: &["serde_json"] },
];

/// What tests of any package may use besides its normal dependencies.
pub(crate) const ALLOWED_IN_TESTS: &[&str] = &[
    "aws-lc-rs",
    "base64",
    "blake3",
    "crc32c",
    "getrandom",
    "koi-message",
    "koi-push-service",
    "koi-store",
    "koi-testkit",
    "koi-types",
    "mailparse",
    "memchr",
    "parking_lot",
    "proptest",
    "rcgen",
    "rustix",
    "rustls",
    "serde_json",
    "tempfile",
];

/// Crates that must not hear of sockets, files, clocks, threads or chance: all of these are arguments there.
pub(crate) const PURE: &[&str] = &[
    "crates/types",
    "crates/message",
    "crates/chat",
    "crates/dime",
    "crates/dmap-client",
    "crates/proto",
    "crates/sessions",
    "crates/webpush",
];

/// An outside library that only some folders may name, and why.
pub(crate) struct Confined {
    pub(crate) name: &'static str,
    pub(crate) folders: &'static [&'static str],
    pub(crate) why: &'static str,
}

/// Libraries behind one adapter.
pub(crate) const CONFINED: &[Confined] = &[
    Confined {
        name: "heed",
        folders: &["crates/store/src/engine.rs", "crates/store/src/engine/"],
        why: "the key-value library is behind `store::engine`, so that it can be replaced or made to fail",
    },
    Confined {
        name: "tokio",
        folders: EDGE,
        why: "the runtime is the edge's business; all below is synchronous",
    },
    Confined { name: "serde_json", folders: JSON, why: "in proto only JMAP speaks JSON, in one place" },
    Confined { name: "serde", folders: JSON, why: "in proto only JMAP speaks JSON, in one place" },
    Confined { name: "tokio_rustls", folders: EDGE, why: "TLS is the edge's business" },
    Confined { name: "rustls", folders: EDGE, why: "TLS is the edge's business" },
];

const JSON: &[&str] = &[
    "crates/proto/src/jmap/json/",
    "crates/proto/src/jmap/reference.rs",
    "crates/webpush/",
    "crates/server/",
    "crates/koi/",
    "tools/",
];

const EDGE: &[&str] = &["crates/server/", "tools/", "crates/koi/tests/"];

/// Packages that must not be in the graph, and why.
pub(crate) const BANNED_PACKAGES: &[(&str, &str)] = &[
    ("ring", "a second TLS provider beside aws-lc-rs"),
    ("openssl-sys", "a second TLS library beside rustls"),
    ("native-tls", "a second TLS library beside rustls"),
    ("boring-sys", "a second TLS library beside rustls"),
    ("mbedtls", "a second TLS library beside rustls"),
    ("async-std", "a second runtime beside tokio"),
    ("smol", "a second runtime beside tokio"),
];

/// SPDX identifiers we ship: permissive, no copyleft.
pub(crate) const LICENCES: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "ISC",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "Zlib",
    "0BSD",
    "Unicode-3.0",
    "CC0-1.0",
    "BSL-1.0",
    "Unlicense",
    "CDLA-Permissive-2.0",
];
