//! STACIE as the peer answers it: login, realms, a new password.

use std::rc::Rc;

use koi_dime::Secret;
use koi_dime::stacie::exchange::{Challenge, ClientFirst, ServerProof, parse_proof, proof_message};
use koi_dime::stacie::{Salt, VerificationToken};
use koi_proto::dmap::command::StaciePasswd;
use koi_proto::dmap::decode::Phase;
use koi_proto::dmap::id::Label;
use koi_proto::dmap::response::{Condition, Realm, ShardForm, challenge};
use koi_proto::dmap::{Code, Response, Tag};

use super::{Done, Login, Peer, no, ok};

impl Peer {
    pub(super) fn authenticate(&mut self, tag: &Tag, first: &[u8]) {
        let user = ClientFirst::parse(first).unwrap().authcid.to_lowercase();
        let nonce = self.world.borrow_mut().nonce();
        let world = Rc::clone(&self.world);
        let world = world.borrow();
        let challenge_of = world.holdings.get(&user).map(|holding| Challenge {
            bonus: holding.bonus,
            salt: holding.salt,
            nonce,
            username: Some(user.clone()),
        });
        let asked = challenge_of.unwrap_or(Challenge {
            bonus: 0,
            salt: Salt::of_nobody(&Secret::new(&[1; 64]), &user),
            nonce,
            username: Some(user.clone()),
        });
        let mut out = Vec::new();
        challenge(asked.message().as_bytes(), &mut out);
        self.out.extend(out);
        self.login = Some(Login { tag: tag.clone(), first: first.to_vec(), challenge: asked, proved: false });
        self.user = user;
        self.phase = Phase::Sasl;
    }

    pub(super) fn sasl(&mut self, response: &[u8]) {
        let login = self.login.take().unwrap();
        if login.proved {
            assert!(response.is_empty());
            self.phase = Phase::Authenticated;
            let code = Code::Capability(self.capabilities(self.holding(|holding| holding.mode)));
            return self.done(&login.tag, (Condition::Ok, Some(code), "Logged in".into()));
        }
        let shown = parse_proof(response).unwrap();
        let known = self.world.borrow().holdings.get(&self.user).map(|holding| holding.token.clone());
        let Challenge { salt, nonce, .. } = &login.challenge;
        let token = known.filter(|token| token.login_token(&self.user, salt, nonce) == shown);
        let Some(token) = token else {
            self.phase = Phase::NotAuthenticated;
            return self.done(&login.tag, no("AUTHENTICATIONFAILED"));
        };
        assert_eq!(proof_message(&shown).as_bytes(), response);
        let proof =
            ServerProof::new(&token, &login.first, login.challenge.message().as_bytes(), response).message();
        let mut out = Vec::new();
        challenge(proof.as_bytes(), &mut out);
        self.out.extend(out);
        self.login = Some(Login { proved: true, ..login });
    }

    pub(super) fn realm(&mut self, label: Label) -> Done {
        let mut found = self.holding(|holding| holding.realms.clone());
        found.retain(|(of, _), _| of == label.as_str());
        if found.is_empty() {
            return no("NONEXISTENT");
        }
        for ((_, serial), shard) in found {
            self.say(Response::Realm(Realm { label: label.clone(), serial, form: ShardForm::Salt, shard }));
        }
        ok("")
    }

    pub(super) fn passwd(&mut self, change: StaciePasswd) -> Done {
        let user = self.user.clone();
        let token = VerificationToken(Secret::from_slice(&change.verification_token.0).unwrap());
        let next = (Salt(*change.salt), change.bonus, token);
        match self.world.borrow_mut().passwd(&user, &change.password_key.0, next, &change.shards) {
            true => ok(""),
            false => no("AUTHENTICATIONFAILED"),
        }
    }
}
