//! The table of modes: what each lets into an account, and how it is changed (docs/DMAP.md, "modes").

use koi_dime::chunk::Actor;
use koi_dime::key::Holder;
use koi_dime::message::plain;
use koi_dime::{ChunkType, Magic, Message};
use koi_mailbox::dmap::{ModeChange, NewKey, PrivatePart};
use koi_mailbox::{
    Delivery, DmapOptions, FlagOp, INBOX, Options, PasswordRecord, SentShares, Submission, Whole,
};
use koi_types::{Address, Cause, ErrorKind, KeyId, Mode, ReversePath, Role, Uid};

use super::rig::{
    DOMAIN, address_of, append, authored, cause, dmap_options, dmap_rig, encrypted, keywords, plainly,
    private, request, shown, signet, stacie, trustful, user,
};
use crate::rig::{Rig, change, flags, incoming, message, new_message};

const SECRET: &str = "The plain text of this message is never written";

fn secret_mail() -> String {
    format!("From: carol@elsewhere.example\nSubject: hush {SECRET}\nMessage-ID: <7@x>\n\n{SECRET}\n")
}

fn delivery(rig: &Rig, to: &koi_mailbox::Account) -> Delivery {
    Delivery {
        sender: ReversePath::Address(Address::parse("carol@elsewhere.example").unwrap()),
        recipients: vec![to.id()],
        message: incoming(&secret_mail()),
        received_at: rig.service_now(),
    }
}

#[test]
fn mail_that_comes_in_clear_is_encrypted_before_it_is_kept() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let delivered = rig.service.deliver(delivery(&rig, &alice.account)).wait().unwrap();
    let uid = delivered[0].as_ref().unwrap().uid;
    assert!(!plainly(&alice.account, INBOX, uid).contains(SECRET));
    let octets = shown(&alice.account, INBOX, uid);
    let parsed = Message::parse(&octets).unwrap();
    assert_eq!(parsed.outline().magic(), Magic::NakedMessage);
    let organisation = rig.service.organisation(DOMAIN).unwrap();
    let reader = parsed.reader(Actor::Recipient, &alice.keys.decryption);
    let mail = plain(&reader, organisation.signet().primary()).unwrap();
    assert_eq!(mail.as_slice(), secret_mail().replace('\n', "\r\n").as_bytes());
    let snapshot = alice.account.snapshot().unwrap();
    let email = snapshot.message(INBOX, uid, |row| row.email).unwrap().unwrap();
    let facts = snapshot.dmap_facts(email).unwrap().unwrap();
    assert_eq!((facts.key_id, facts.peer.as_deref()), (Some(alice.key_id), Some("elsewhere.example")));
    assert!(facts.kinds.contains(&ChunkType::BODY));
}

/// Every row and every body of the engine.
fn all_octets(rig: &Rig) -> Vec<u8> {
    let view = rig.kv.view().unwrap();
    let mut all = Vec::new();
    for account in 0..64u32 {
        let range = koi_store::key::below(&account.to_be_bytes());
        view.scan(&range.from, &range.end, &mut |key, row| {
            all.extend_from_slice(key);
            all.extend_from_slice(row);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    }
    for local in ["alice", "bob"] {
        let Some(id) = rig.service.directory().by_address(&address_of(local)).unwrap() else { continue };
        let account = rig.service.account(id).unwrap();
        for row in account.snapshot().unwrap().mailboxes().unwrap() {
            for uid in (1..=row.messages).filter_map(Uid::new) {
                all.extend(plainly(&account, row.id, uid).into_bytes());
                all.extend(shown(&account, row.id, uid));
            }
        }
    }
    all
}

#[test]
fn no_row_has_anything_of_a_message_in_clear() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let bob = user(&rig, "bob", Mode::Cautious, 20);
    rig.service.deliver(delivery(&rig, &alice.account)).wait().unwrap();
    // By submission, with an app password: the copy in Sent, and the one to another.
    alice.account.set_files_sent(true).wait().unwrap();
    let message = incoming(&secret_mail());
    let submission = Submission {
        sender: alice.account.id(),
        reverse_path: ReversePath::Address(address_of("alice")),
        recipients: vec![bob.account.id()],
        own_form: Some(incoming(&format!("Bcc: x@y\n{}", secret_mail()))),
        message,
        client: 1,
        counts: SentShares::default(),
        received_at: rig.service_now(),
    };
    assert!(matches!(rig.service.submit(submission).wait().unwrap(), Whole::Delivered(_)));
    rig.housekeep();
    let sent = alice.account.snapshot().unwrap().with_role(Role::Sent).unwrap();
    assert_eq!(alice.account.snapshot().unwrap().mailbox(sent).unwrap().unwrap().messages, 1);
    let all = all_octets(&rig);
    assert!(all.len() > 4000);
    for hidden in [SECRET, "hush", "<7@x>", "carol@elsewhere"] {
        assert!(!all.windows(hidden.len()).any(|at| at == hidden.as_bytes()), "{hidden} was written");
    }
}

#[test]
fn nothing_in_clear_comes_in_by_any_way() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let account = &alice.account;
    let error = account.append(INBOX, vec![new_message(&secret_mail(), &[])]).wait().unwrap_err();
    assert_eq!((error.kind, cause(&error)), (ErrorKind::NoPermission, Some(Cause::BadMessage)));
    for mut stage in [account.stage(), account.stage_upload()] {
        let error = stage.write(b"x").unwrap_err();
        assert_eq!(cause(&error), Some(Cause::BadMessage));
    }
    let large = format!("{}{}", secret_mail(), "x".repeat(400_000)).replace('\n', "\r\n");
    let mut stage = rig.service.stage_for(&[account.id()]);
    stage.write(large.as_bytes()).unwrap();
    let message = std::sync::Arc::new(stage.finish().unwrap());
    let large = Delivery { message, ..delivery(&rig, account) };
    let delivered = rig.service.deliver(large).wait().unwrap();
    let uid = delivered[0].as_ref().unwrap().uid;
    assert!(shown(account, INBOX, uid).len() > 400_000);
}

#[test]
fn a_confidential_message_goes_in_clear_to_those_who_keep_it_so() {
    let rig = dmap_rig();
    let (alice, bob) = (user(&rig, "alice", Mode::Cautious, 10), trustful(&rig, "bob"));
    for filling in [10, 400_000] {
        let text = format!("{}{}\n", secret_mail(), "x".repeat(filling)).replace('\n', "\r\n");
        let recipients = vec![alice.account.id(), bob.id()];
        let mut stage = rig.service.stage_for(&recipients);
        stage.write(text.as_bytes()).unwrap();
        let message = std::sync::Arc::new(stage.finish().unwrap());
        let both = Delivery { message, recipients, ..delivery(&rig, &bob) };
        let delivered = rig.service.deliver(both).wait().unwrap();
        let uid = |n: usize| delivered[n].as_ref().unwrap().uid;
        assert_eq!(plainly(&bob, INBOX, uid(1)), text);
        assert!(!plainly(&alice.account, INBOX, uid(0)).contains(SECRET));
    }
}

#[test]
fn a_paranoid_account_takes_ordinary_mail_only_if_it_is_to() {
    let wrapping = DmapOptions { paranoid_wraps: true, ..dmap_options() };
    for (options, takes) in [(dmap_options(), false), (wrapping, true)] {
        let rig = Rig::with(Options { dmap: Some(options), ..Options::default() });
        let alice = user(&rig, "alice", Mode::Paranoid, 10);
        let delivered = rig.service.deliver(delivery(&rig, &alice.account)).wait().unwrap().remove(0);
        assert_eq!(delivered.is_ok(), takes);
        if let Err(error) = delivered {
            assert_eq!((error.kind, cause(&error)), (ErrorKind::NoPermission, Some(Cause::PolicyDenied)));
        }
    }
}

#[test]
fn without_a_key_ordinary_mail_waits_outside() {
    let rig = dmap_rig();
    let account = trustful(&rig, "alice");
    account.set_mode(&ModeChange::to(Mode::Cautious)).wait().unwrap();
    let error = rig.service.deliver(delivery(&rig, &account)).wait().unwrap().remove(0).unwrap_err();
    assert_eq!((error.kind, cause(&error)), (ErrorKind::Unavailable, Some(Cause::NoSignet)));
    let whole = rig.service.deliver_whole(delivery(&rig, &account)).wait().unwrap();
    assert!(matches!(whole, Whole::Refused { .. }));
}

// spec: DMAP-00 §3.3.2
#[test]
fn a_paranoid_account_keeps_four_flags() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Paranoid, 10);
    let all = ["\\Seen", "\\Flagged", "\\Draft", "$SubmitPending", "$Work"];
    let uid = append(&alice.account, INBOX, &authored(&rig, &alice, &alice.account, 1), &all);
    assert_eq!(keywords(&alice.account, INBOX, uid), flags(&["\\Draft", "$SubmitPending"]));
    let set = |op, names: &[&str]| {
        let uids = [uid].into_iter().collect();
        alice.account.set_flags(INBOX, &uids, change(op, names), None).wait().unwrap()
    };
    set(FlagOp::Add, &["\\Seen", "\\Deleted", "$Forwarded"]);
    let kept = ["\\Draft", "\\Deleted", "$SubmitPending"];
    assert_eq!(keywords(&alice.account, INBOX, uid), flags(&kept));
    set(FlagOp::Replace, &["\\Answered"]);
    assert_eq!(keywords(&alice.account, INBOX, uid), flags(&[]));
}

#[test]
fn what_is_stored_of_a_password_goes_with_the_mode() {
    let rig = dmap_rig();
    let account = rig.account("alice");
    let to = |mode| account.set_mode(&ModeChange::to(mode)).wait();
    let error = to(Mode::Cautious).unwrap_err();
    assert_eq!((error.kind, cause(&error)), (ErrorKind::NoPermission, Some(Cause::KeyPolicy)), "no STACIE");
    let stored = || rig.service.directory().verifier(&address_of("alice")).unwrap().unwrap().password;
    assert_eq!(&*stored().verifier, "verifier", "a change that is refused leaves no trace");
    let scram = koi_mailbox::ScramRecord {
        salt: [0; 16],
        iterations: 4096,
        stored_key: [1; 32],
        server_key: [2; 32],
    };
    let password = PasswordRecord { verifier: "v".into(), scram: Some(scram), stacie: Some(stacie()) };
    rig.service.directory().set_password(account.id(), &password).unwrap();
    to(Mode::Cautious).unwrap();
    assert_eq!(stored(), PasswordRecord { stacie: Some(stacie()), ..PasswordRecord::default() });
    assert_eq!(account.snapshot().unwrap().mode(), Mode::Cautious);
    let error = rig.service.directory().set_password(account.id(), &password).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoPermission, "an Argon2id verifier does not come back");
    to(Mode::Trustful).unwrap();
    assert_eq!(account.snapshot().unwrap().mode(), Mode::Trustful);
    rig.service.directory().set_password(account.id(), &password).unwrap();
}

// spec: DMAP-00 §7.4.2
#[test]
fn which_private_keys_may_lie_where() {
    for mode in Mode::ALL {
        let rig = dmap_rig();
        let account = trustful(&rig, "alice");
        account.set_mode(&ModeChange::to(mode)).wait().unwrap();
        let keys = private(Holder::User, 5);
        let request = request(&keys, None);
        let id = KeyId(request.key_id().0);
        let add = |half: Option<Vec<u8>>| {
            let new = NewKey { id, request: request.object(), private: half, expires_at: None };
            account.add_key(&new).and_then(|pending| pending.wait())
        };
        let in_clear = keys.object().to_vec();
        let shown_half = || account.snapshot().unwrap().key(&id).unwrap().unwrap().private;
        match mode {
            Mode::Trustful => {
                add(Some(in_clear.clone())).unwrap();
                assert_eq!(shown_half(), Some(in_clear), "as it was uploaded");
            }
            Mode::Cautious => {
                assert_eq!(cause(&add(Some(in_clear)).unwrap_err()), Some(Cause::KeyPolicy));
                add(Some(encrypted(&keys))).unwrap();
                assert_eq!(shown_half(), Some(encrypted(&keys)));
            }
            Mode::Paranoid => {
                assert_eq!(cause(&add(Some(in_clear)).unwrap_err()), Some(Cause::KeyPolicy));
                assert_eq!(cause(&add(Some(encrypted(&keys))).unwrap_err()), Some(Cause::KeyPolicy));
                add(None).unwrap();
                assert_eq!(shown_half(), None);
            }
        }
    }
}

#[test]
fn keys_that_a_mode_forbids_are_in_its_way() {
    let rig = dmap_rig();
    let account = trustful(&rig, "alice");
    account.prepare_dmap().unwrap().unwrap().wait().unwrap();
    let before = signet(&account);
    let refused = |change: &ModeChange| cause(&account.set_mode(change).wait().unwrap_err());
    for mode in [Mode::Cautious, Mode::Paranoid] {
        assert_eq!(refused(&ModeChange::to(mode)), Some(Cause::KeyPolicy), "the server can open it");
    }
    let dropping = ModeChange { drops_private_keys: true, ..ModeChange::to(Mode::Paranoid) };
    account.set_mode(&dropping).wait().unwrap();
    assert_eq!(signet(&account), before, "the signet stays");
    let id = account.snapshot().unwrap().current_key().unwrap().unwrap().id;
    assert_eq!(account.snapshot().unwrap().key(&id).unwrap().unwrap().private, None);
    assert_eq!(refused(&ModeChange::to(Mode::Cautious)), Some(Cause::KeyPolicy), "its key is not here");
    let keys = private(Holder::User, 5);
    let part = |octets| vec![PrivatePart { id, octets }];
    let in_clear =
        ModeChange { private_keys: part(keys.object().to_vec()), ..ModeChange::to(Mode::Cautious) };
    assert_eq!(refused(&in_clear), Some(Cause::KeyMismatch), "another key");
    let handing_over = ModeChange { private_keys: part(encrypted(&keys)), ..ModeChange::to(Mode::Cautious) };
    account.set_mode(&handing_over).wait().unwrap();
    account.set_mode(&ModeChange::to(Mode::Trustful)).wait().unwrap();
    account.set_mode(&ModeChange::to(Mode::Cautious)).wait().unwrap();
}

#[test]
fn without_the_keys_of_an_organisation_accounts_stay_as_they_are() {
    let rig = Rig::new();
    let account = trustful(&rig, "alice");
    let error = account.set_mode(&ModeChange::to(Mode::Cautious)).wait().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    account.set_mode(&ModeChange::to(Mode::Trustful)).wait().unwrap();
    rig.deliver(&[&account], &message(1));
    assert!(account.prepare_dmap().is_err());
}
