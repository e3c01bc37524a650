//! What a server does with its domain's keys: signets for users, signatures on what they submit, and how the
//! keys are kept.

use koi_dime::chunk::{Actor, ChunkType};
use koi_dime::key::{Holder, PrivateKeys};
use koi_dime::message::{Bounces, HandoverError, Message, plain};
use koi_dime::signet::{Detail, Form, Signed, SignetError, SigningRequest};
use koi_dime::stacie::RealmKey;
use koi_dime::{Magic, Organisation, OrganisationError, Secret};
use koi_types::Address;

use crate::material::{ORG_ENC, ORG_SIGN, USER_ENC, USER_SIGN, decryption, signing, to_hex};
use crate::messages::{Counted, MAIL, RECIPIENT_ENC, authored};
use crate::signets::{org_signet, request, user_signet};

fn keys(holder: Holder) -> PrivateKeys {
    PrivateKeys { holder, signing: signing(ORG_SIGN), decryption: decryption(ORG_ENC) }
}

fn organisation() -> Organisation {
    let details = [Detail::text(206, "mail.example.tld")];
    Organisation::new("Example.TLD", keys(Holder::Organisation), &details).unwrap()
}

fn address() -> Address {
    Address::parse("User+list@example.tld").unwrap()
}

#[test]
fn its_signet_follows_from_its_keys() {
    let organisation = organisation();
    let signet = organisation.signet();
    assert_eq!((signet.form(), signet.identifier()), (Form::Identifiable, Some("example.tld")));
    assert_eq!(signet.mail_access_host(), Some("mail.example.tld"));
    assert_eq!(signet.cut(Form::Core).unwrap(), org_signet());
    assert_eq!(organisation.record().primary, [*signet.primary()]);
    let users = Organisation::new("example.tld", keys(Holder::User), &[]);
    assert_eq!(users.unwrap_err(), OrganisationError::Holder);
}

#[test]
fn requests_become_signets() {
    let organisation = organisation();
    let signet = organisation.issue(&request(), &address(), None).unwrap();
    assert_eq!(signet.verify(organisation.signet()), Ok(Form::Identifiable));
    assert_eq!(signet.identifier(), Some("user@example.tld"), "the account, without detail");
    assert_eq!(signet.cut(Form::Core).unwrap(), user_signet());
    assert_eq!((signet.key_id(), signet.request()), (request().key_id(), Ok(request())));
    let elsewhere = Address::parse("user@example.net").unwrap();
    assert_eq!(organisation.issue(&request(), &elsewhere, None), Err(OrganisationError::Domain));
    // What follows a signet is signed by its key.
    let former = *signet.signing();
    let next = |by: Option<&koi_dime::SigningKey>| {
        let (signing, encryption) = (signing(ORG_ENC), decryption(USER_SIGN).public());
        SigningRequest::create(&signing, &encryption, &[], by).unwrap()
    };
    let issue = |request: &SigningRequest| organisation.issue(request, &address(), Some(&former));
    assert_eq!(issue(&next(None)), Err(SignetError::NoCustody.into()));
    assert_eq!(issue(&next(Some(&signing(USER_ENC)))), Err(SignetError::Signature(Signed::Custody).into()));
    let rotated = issue(&next(Some(&signing(USER_SIGN)))).unwrap();
    assert_eq!(rotated.follows(signet.signing()), Ok(()));
}

#[test]
fn what_it_signs_is_verified() {
    let organisation = organisation();
    let authored = authored();
    let message = Message::parse(&authored).unwrap();
    let envelope = organisation.submission(&message).unwrap().verify(&user_signet()).unwrap();
    assert_eq!(envelope.author.to_string(), "user@example.tld");
    let signed = organisation.sign_submitted(&authored, Bounces::default()).unwrap();
    let message = Message::parse(&signed).unwrap();
    let recipient = message.reader(Actor::Recipient, &decryption(RECIPIENT_ENC));
    assert_eq!(recipient.verify(ChunkType::ORIGIN_SIGNATURE, organisation.signet().primary()), Ok(()));
    // It is not the destination of this one.
    assert!(matches!(organisation.delivery(&message), Err(HandoverError::Open(_))));
    let recipient = decryption(USER_ENC);
    let wrapped = organisation.wrap(MAIL, recipient.public(), Magic::NakedMessage, &mut Counted(7)).unwrap();
    let message = Message::parse(&wrapped).unwrap();
    let reader = message.reader(Actor::Recipient, &recipient);
    assert_eq!(plain(&reader, organisation.signet().primary()).unwrap().as_slice(), MAIL);
}

/// The key computed with Python's `hmac` after RFC 5869.
#[test]
fn its_keys_are_kept_under_a_secret_of_the_site() {
    let secret = Secret::new(&[7; 64]);
    let key = RealmKey::of_site(&secret, "organisation example.tld");
    assert_eq!(
        to_hex(key.0.expose()),
        "09228e63c2c76e32387707e1018e0c501d4ef5982ebecb0daaef3aee857774cd\
         80a2986b19fd46304e58ee6bc8799c670e0a6cca7afb37b706deab96eb51c708"
    );
    let made = PrivateKeys::generate(Holder::Organisation, &mut Counted(8)).unwrap();
    let object = made.encrypt(&key, &[1; 16]).unwrap();
    let read = PrivateKeys::decrypt(Holder::Organisation, &object, &key).unwrap();
    assert_eq!(read.object(), made.object());
    let other = RealmKey::of_site(&secret, "organisation example.net");
    assert!(PrivateKeys::decrypt(Holder::Organisation, &object, &other).is_err());
    assert_ne!(made.signing.seed().expose(), made.decryption.scalar().expose());
}
