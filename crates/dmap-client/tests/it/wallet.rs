//! The wallet as text.

use koi_dime::stacie::{RealmLabel, Salt, Shard};
use koi_dime::{Fingerprint, Secret, SigningKey};
use koi_dmap_client::{BadWallet, LocalKey, LocalShard, Pending, Pin, Wallet};
use proptest::prelude::*;

fn wallet(fill: u8, pending: bool) -> Wallet {
    let pin =
        |fill| Pin { username: "ü@example.org".into(), salt: Salt([fill; 128]), bonus: u32::from(fill) };
    let shard =
        |fill| LocalShard { label: RealmLabel::mail(), serial: 7, shard: Shard(Secret::new(&[fill; 64])) };
    let mut wallet = Wallet { pin: Some(pin(fill)), shards: vec![shard(fill)], ..Wallet::default() };
    wallet.pending = pending.then(|| Pending { pin: pin(9), shards: vec![shard(8), shard(7)] });
    wallet.keys.push(LocalKey { id: Fingerprint([fill; 64]), object: vec![fill; 118] });
    wallet.pin_organisation("Example.org", &SigningKey::new(&Secret::new(&[fill; 32])).public());
    wallet
}

#[test]
fn one_organisation_has_one_key() {
    let mut wallet = wallet(1, false);
    let other = SigningKey::new(&Secret::new(&[2; 32])).public();
    wallet.pin_organisation("example.ORG", &other);
    assert_eq!((wallet.organisations.len(), wallet.organisation("EXAMPLE.org")), (1, Some(&other)));
}

#[test]
fn damage_is_told_with_its_line() {
    assert_eq!(Wallet::parse(""), Err(BadWallet { line: 1 }));
    assert_eq!(Wallet::parse("koi-dmap-wallet 2\n"), Err(BadWallet { line: 1 }));
    for line in ["pin a 1 AA", "shard mail 0 AA", "key AA AA", "x a b c", "organisation a AA", "pin", ""] {
        let text = format!("koi-dmap-wallet 1\n{line}\n");
        assert_eq!(Wallet::parse(&text), Err(BadWallet { line: 2 }), "{line}");
    }
    let twice = wallet(1, true).text();
    let again = twice.lines().nth(1).unwrap().to_owned();
    assert!(Wallet::parse(&format!("{twice}{again}\n")).is_err());
}

proptest! {
    #[test]
    fn read_back(fill in 1u8.., pending: bool) {
        let wallet = wallet(fill, pending);
        prop_assert_eq!(Wallet::parse(&wallet.text()), Ok(wallet));
    }

    #[test]
    fn any_text(text in "(koi-dmap-wallet 1\n)?([a-z]{0,12} [ -~]{0,40}\n){0,4}") {
        if let Ok(wallet) = Wallet::parse(&text) {
            prop_assert_eq!(Wallet::parse(&wallet.text()), Ok(wallet));
        }
    }
}
