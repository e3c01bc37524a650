//! HTTPS of the real server, asked by curl; the records of `koi dns`.

use std::process::Command;

use crate::rig::{Server, complained, koi, new_folder, said};

/// What curl gets, with the status as its last line.
fn curl(server: &Server, arguments: &[&str], path: &str) -> String {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "30", "--cacert"]).arg(server.folder.join("tls/ca.pem"));
    command.args(["-w", "\n%{http_version} %{http_code}"]).args(arguments);
    command.arg(format!("https://localhost:{}{path}", server.base + 443));
    said(&command.output().unwrap())
}

#[test]
fn curl_finds_settings_by_both_versions() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    for (arguments, end) in [(["--http1.1"], "\n1.1 200"), (["--http2"], "\n2 200")] {
        let path = "/mail/config-v1.1.xml?emailaddress=alice@example.org";
        let settings = curl(&server, &arguments, path);
        let port = format!("<port>{}</port>", server.imaps_port());
        assert!(settings.contains(&port) && settings.ends_with(end), "{settings}");
    }
    let nothing = curl(&server, &["--compressed"], "/.well-known/jmap");
    assert!(nothing.contains("\"title\":\"Not Found\"") && nothing.ends_with("2 404"), "{nothing}");
    assert!(server.log().contains("path=/mail/config-v1.1.xml"), "{}", server.log());
    assert!(!server.log().contains("emailaddress"), "no query in the log");
    let status = said(&server.koi(&["status"]));
    assert!(status.contains("HTTP requests"), "{status}");
    server.stop();
}

#[test]
fn dns_records_are_printed_for_each_domain() {
    let (_outer, folder) = new_folder();
    Server::start(&folder).stop();
    let printed = said(&koi(&folder, &["dns"], ""));
    assert!(printed.starts_with("; every listener is on loopback"), "{printed}");
    assert!(printed.contains("_imaps._tcp.example.org."), "{printed}");
    assert_eq!(said(&koi(&folder, &["dns", "Example.ORG"], "")), printed);
    let text = complained(&koi(&folder, &["dns", "example.net"], ""), 2);
    assert!(text.contains("not one of this server's domains"), "{text}");
}
