//! `koi queue`: what waits is shown, tried now, and ended, beside the running server and on the files.

use super::sending::Alone;
use super::*;

impl Alone {
    /// Nothing is tried again by itself while the test runs.
    fn patient() -> Self {
        let mut alone = Self::asking(Dns::start(), TWO);
        alone.one.kill();
        let file = alone.one.folder.join("koi.toml");
        let text = std::fs::read_to_string(&file).unwrap().replace("retry_secs = 1\n", "retry_secs = 7200\n");
        std::fs::write(&file, text).unwrap();
        alone.one.start();
        alone
    }
    fn queue(&self, arguments: &[&str]) -> String {
        said(&koi(&self.one.folder, &[&["queue"], arguments].concat(), ""))
    }
    /// Until the server has written down that its `count` messages were tried.
    fn waiting(&self, count: usize) -> String {
        let began = Instant::now();
        loop {
            let listed = self.queue(&[]);
            if listed.matches(" 1 attempts").count() == count {
                return listed;
            }
            assert!(began.elapsed() < PATIENCE, "{listed}");
        }
    }
}

fn ids(listed: &str) -> Vec<&str> {
    let heads = listed.lines().filter(|line| !line.starts_with(' '));
    heads.map(|line| line.split_whitespace().next().unwrap()).collect()
}

#[test]
fn what_waits_is_shown_tried_and_ended() {
    let mut alone = Alone::patient();
    assert_eq!(alone.queue(&[]), "nothing waits\n");
    for _ in 0..4 {
        alone.peer.will_answer(451, "come again");
    }
    alone.sends("the first");
    drop(alone.peer.waits_for(1));
    let listed = alone.waiting(1);
    assert!(listed.contains("  alice@one.test to two.test by DMTP, "), "{listed}");
    assert!(listed.contains("451 come again") && !listed.contains("the first"), "{listed}");
    let status = said(&koi(&alone.one.folder, &["status"], ""));
    assert!(status.contains("queued    1 messages"), "{status}");
    for subject in ["the second", "the third", "the fourth"] {
        alone.sends(subject);
    }
    drop(alone.peer.waits_for(4));
    let listed = alone.waiting(4);
    let all = ids(&listed);
    // Tried now: this one is taken.
    assert!(alone.queue(&["retry", all[0]]).ends_with("alice@one.test to two.test: tried now\n"));
    drop(alone.peer.waits_for(5));
    let listed = alone.waiting(3);
    assert_eq!(ids(&listed), all[1..]);
    assert_eq!(alone.peer.state().messages.len(), 1);
    // Ended, and she is told.
    assert!(alone.queue(&["bounce", all[1]]).contains("ended, and alice@one.test is told"));
    let number = arrives(&alone.alice, "Not delivered");
    let read = alone.alice.says(&["read", &number]);
    assert!(read.contains("an administrator of this server has ended it"), "{read}");
    // Ended, and she is not; by the files, where no server runs.
    alone.one.kill();
    assert!(alone.queue(&["drop", all[2]]).ends_with("to two.test: ended\n"));
    assert_eq!(ids(&alone.queue(&["list", "--to", "two.test"])), all[3..]);
    assert_eq!(alone.queue(&["list", "--to", "three.test"]), "nothing waits\n");
    let json: serde_json::Value = serde_json::from_str(&alone.queue(&["list", "--json"])).unwrap();
    assert_eq!((&json["lines"][0]["to"], &json["left"]), (&TWO.into(), &0.into()));
    alone.queue(&["retry", "--all"]);
    alone.one.start();
    drop(alone.peer.waits_for(6));
    assert_eq!(alone.alice.says(&["list"]).matches("Not delivered").count(), 1);
    // More than one request holds: they are looked at before anything is done.
    let many: Vec<String> = (0..4000).map(|n| format!("{n:032x}")).collect();
    let many: Vec<&str> = ["queue", "drop"].into_iter().chain(many.iter().map(String::as_str)).collect();
    let text = complained(&koi(&alone.one.folder, &many, ""), 2);
    // The first of each request.
    for at in [2, 1002, 2002, 3002] {
        assert!(text.contains(&format!("nothing with the id {} waits", many[at])), "{text}");
    }
    let text = complained(&koi(&alone.one.folder, &["queue", "drop", &"a".repeat(100_000)], ""), 2);
    assert!(text.contains("a request of more than 65536 octets is not taken"), "{text}");
    // What is not said, or not there.
    let text = complained(&koi(&alone.one.folder, &["queue", "drop"], ""), 2);
    assert!(text.contains("it is not said which messages"), "{text}");
    let text = complained(&koi(&alone.one.folder, &["queue", "retry", all[2]], ""), 2);
    assert!(text.contains(&format!("nothing with the id {} waits", all[2])), "{text}");
}
