//! What a session leaves for the process after this one (decision 5): the
//! credentials and the values that were made for its pod, never a static value.
//!
//! The classes are stored as they were asked, and parsed again under the settings
//! of whoever takes over: what those no longer allow is not taken over.

mod record;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use self::record::{
    ClassRecord, CredentialRecord, FORM, MintedRecord, PodRecord, Record, TermRecord, millis,
};
use super::Core;
use super::credential::{Held, Standing, Wait};
use super::door::Wanted;
use super::session::{Class, Kept, Key, Session, State};
use crate::backend::Backend;
use crate::error::{Error, Kind, Stage};
use crate::identity::{Digest, Pod};
use crate::lease::Reading;
use crate::time::Moment;

/// What each class of a session needs, in the class's order.
type ReadsOf<B> = Vec<Vec<<B as Backend>::Read>>;

// === impl Core ===

impl<B: Backend> Core<B> {
    /// Puts what was made for the session's pod on the shelf, before anybody gets it.
    pub(super) async fn save(&self, session: &Arc<Session<B>>) {
        // Its bond is made with a key of this process: no other could find it again.
        let Some(folder) = self.host.shelf.as_ref().filter(|_| session.key.bond.is_none()) else { return };
        let _turn = session.shelf_turn.lock().await;
        let Some(record) = self.record(session) else { return };
        session.state().shelved = true;
        if let Err(error) = folder.put(&self.name(&session.key, &session.pod), record).await {
            let (provider, pod) = (self.backend.name(), &session.pod);
            tracing::warn!(provider, %pod, %error, "cannot write the hand-off: a restart would have new credentials made");
            self.host.recorder.handoff_failed(provider, "write");
        }
    }

    /// Takes an ended session off the shelf, unless the pod has another one there by now.
    pub(super) async fn unshelve(&self, session: &Arc<Session<B>>) {
        let Some(folder) = &self.host.shelf else { return };
        let _turn = session.shelf_turn.lock().await;
        if self.sessions.get(&session.key).is_some_and(|next| next.state().shelved) {
            return;
        }
        if let Err(error) = folder.remove(&self.name(&session.key, &session.pod)).await {
            tracing::warn!(provider = self.backend.name(), %error, "cannot remove a hand-off file");
            self.host.recorder.handoff_failed(self.backend.name(), "remove");
        }
    }

    /// Takes over what another process left; how many sessions that were.
    pub(super) async fn take_over(self: &Arc<Self>) -> usize {
        let Some(folder) = self.host.shelf.as_ref().filter(|_| self.host.policy.keep) else { return 0 };
        let provider = self.backend.name();
        let found = match folder.all(&format!("{provider}-")).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(provider, %error, "cannot read the hand-off folder");
                self.host.recorder.handoff_failed(provider, "read");
                return 0;
            }
        };
        let mut taken = 0;
        for (name, content) in found {
            let is_read = content.is_ok();
            let restored = content.and_then(|content| self.restore(&name, &content));
            taken += usize::from(matches!(restored, Ok(true)));
            if let Err(error) = &restored {
                tracing::warn!(provider, file = name, %error, "a hand-off file is not taken over; its session begins anew");
                self.host.recorder.handoff_failed(provider, "read");
            }
            // Nobody will want it any more. One that could not be trusted is not touched.
            if is_read && !matches!(restored, Ok(true)) {
                let _ = folder.remove(&name).await;
            }
        }
        // Those that began before the folder was held have left nothing there yet.
        for session in self.sessions.all() {
            self.save(&session).await;
        }
        taken
    }

    /// The session's name on the shelf: tells sessions apart, says nothing.
    fn name(&self, key: &Key<B::Scope>, pod: &Pod) -> String {
        let hash = digest(&SHA256, format!("{key:?}").as_bytes());
        let short = hex::encode(hash.as_ref().get(..12).unwrap_or_default());
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        let uid: String =
            pod.uid.to_ascii_lowercase().chars().filter(|letter| plain(*letter)).take(40).collect();
        format!("{}-{uid}-{short}", self.backend.name())
    }

    /// The session as text, if it holds something that was made for its pod.
    fn record(&self, session: &Session<B>) -> Option<Zeroizing<Vec<u8>>> {
        let state = session.state();
        if state.ended || !state.is_holding() {
            return None;
        }
        let credentials = state.credentials();
        let packed: Option<Vec<_>> = credentials
            .iter()
            .map(|held| self.pack(held, state.held.as_ref().is_some_and(|now| Arc::ptr_eq(now, held))))
            .collect();
        let classes: Vec<_> = state.classes.iter().collect();
        let places = places::<B>(&classes);
        let minted = state.kept.iter().filter(|(_, kept)| kept.facts.life.is_minted());
        let minted = minted.filter_map(|(read, kept)| {
            let owner = credentials.iter().position(|held| Arc::ptr_eq(held, &kept.owner))?;
            let &(class, at) = places.get(read)?;
            MintedRecord::new(class, at, kept, owner)
        });
        let record = Record {
            form: FORM,
            pod: PodRecord::of(&session.pod),
            minted: minted.collect(),
            credentials: packed?,
            proofs: state
                .proofs
                .iter()
                .map(|(digest, at)| (digest.to_string(), millis(at.after_start())))
                .collect(),
            classes: classes.iter().map(|(name, class)| ClassRecord::of(name, class)).collect(),
            seen: state.seen,
        };
        drop(state);
        serde_json::to_vec(&record).ok().map(Zeroizing::new)
    }

    fn pack(&self, held: &Held<B::Credential>, is_held: bool) -> Option<CredentialRecord> {
        let packed = self.backend.pack(&held.credential)?;
        let standing = held.standing();
        #[expect(clippy::disallowed_methods, reason = "the hand-off file is where it goes")]
        let packed = packed.expose_secret().to_owned();
        let term = standing.term.as_ref().map(TermRecord::of);
        Some(CredentialRecord { packed, term, held: is_held, mute: standing.mute })
    }

    /// Makes a session of a file; `false` if nothing of it lives.
    fn restore(self: &Arc<Self>, name: &str, content: &[u8]) -> Result<bool, Error> {
        // The parser's error could show a part of the content.
        let record: Record =
            serde_json::from_slice(content).map_err(|_| refused("it is not of this form"))?;
        if record.form != FORM {
            return Err(refused(format!("its form is {}, this version knows {FORM}", record.form)));
        }
        let pod = record.pod.pod();
        let (scope, reads) = self.reads_of(&record)?;
        let key = Key::new(scope, &pod);
        if self.name(&key, &pod) != name {
            return Err(refused("it is under another session's name, or the settings have changed"));
        }
        let owners = self.owners_of(&record, &key.scope)?;
        let state = self.state_of(&record, &reads, &owners).ok_or_else(|| refused("it is damaged"))?;
        let lives = state.is_holding();
        if lives {
            let session = Arc::new(Session::new(self, key.clone(), pod, state));
            // A session that began meanwhile has credentials of its own: these run out.
            let _ = self.begin(key, &session);
        }
        Ok(lives)
    }

    /// The scope of the record's classes, which is one, and what each class needs. What the operator's
    /// policy would refuse by now is left to run out.
    fn reads_of(&self, record: &Record) -> Result<(B::Scope, ReadsOf<B>), Error> {
        let (mut scope, mut reads, pod) = (None, Vec::new(), record.pod.pod());
        for class in &record.classes {
            let parameters = class.parameters();
            let wanted = self.still_wanted(&pod, &class.name, &parameters);
            let Wanted { scope: own, objects, .. } =
                wanted.map_err(|errors| refused(format!("its class is no longer good: {errors}")))?;
            if scope.get_or_insert_with(|| own.clone()) != &own {
                return Err(refused("its classes are of different scopes"));
            }
            reads.push(self.backend.reads(&objects).into_iter().map(|need| need.read).collect());
        }
        Ok((scope.ok_or_else(|| refused("it names no class"))?, reads))
    }

    fn owners_of(&self, record: &Record, scope: &B::Scope) -> Result<Vec<Arc<Held<B::Credential>>>, Error> {
        let owners = record.credentials.iter().map(|stored| {
            let packed = SecretString::from(stored.packed.clone());
            let credential = self.backend.unpack(scope, &packed)?;
            let term = stored.term.map(TermRecord::term);
            let standing = Standing { term, mute: stored.mute, ..Standing::default() };
            Some(Arc::new(Held::standing_so(credential, standing)))
        });
        owners.collect::<Option<_>>().ok_or_else(|| refused("its credential cannot be read"))
    }

    /// What the record holds that still lives; `None` if it is damaged.
    fn state_of(
        &self,
        record: &Record,
        reads: &[Vec<B::Read>],
        owners: &[Arc<Held<B::Credential>>],
    ) -> Option<State<B>> {
        let now = self.host.clock.moment();
        let held = record.credentials.iter().position(|stored| stored.held);
        let held = held.and_then(|at| owners.get(at)).cloned();
        let mut state = State::new(held.clone().or_else(|| owners.first().cloned())?, now);
        state.held = held;
        for minted in &record.minted {
            let read = reads.get(minted.class)?.get(minted.read)?.clone();
            let (owner, facts) = (owners.get(minted.owner)?.clone(), minted.facts());
            let ends = facts.ends(owner.standing().term.as_ref());
            if ends.is_some_and(|ends| ends <= now) {
                continue;
            }
            let mut reading = Reading::new(minted.body()?, facts.life.clone());
            reading.weigh(&self.host.budget, &record.pod.namespace);
            state.kept.insert(read, Kept { reading: Arc::new(reading), facts, owner, wait: Wait::default() });
        }
        for (digest, at) in &record.proofs {
            state.proofs.add(Digest::parse(digest)?, Moment::at(Duration::from_millis(*at)));
        }
        for (class, reads) in record.classes.iter().zip(reads) {
            let (parameters, reads) = (class.parameters(), reads.clone());
            let class_of_pod = Class { parameters, reads, answered: class.answered, last: now };
            state.classes.insert(class.name.clone(), class_of_pod);
        }
        // It may have been delivered: only what certainly was not is given back.
        state.delivered = state.kept.values().map(|kept| kept.facts.read_at).max().or(Some(now));
        (state.seen, state.shelved) = (record.seen, true);
        Some(state)
    }
}

/// Where each request is among what the classes need.
fn places<'a, B: Backend>(classes: &[(&String, &'a Class<B::Read>)]) -> HashMap<&'a B::Read, (usize, usize)> {
    let each = classes
        .iter()
        .enumerate()
        .flat_map(|(class, (_, of))| of.reads.iter().enumerate().map(move |(at, read)| (read, (class, at))));
    each.collect()
}

fn refused(fault: impl Into<String>) -> Error {
    Error::new(Kind::Precondition, Stage::Start, fault.into())
}
