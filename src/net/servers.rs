//! A list of servers that are one to whoever asks: one is used until it cannot be
//! reached or says that it cannot serve, then the next.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::failure::{Cause, Failure};
use super::{Address, Pool, Redirect, Reply, Request, Target};
use crate::time::Deadline;

/// The most lists whose choice is remembered.
const MAX: usize = 64;
/// What sealed and stopping servers say, and proxies without a server behind them: nothing was done.
const UNAVAILABLE: u16 = 503;
/// How long one of several may owe an answer, where another may be asked for it.
const SILENCE: Duration = Duration::from_secs(10);

/// The server of each list that last served, by its place in the list; the last used last.
#[derive(Default)]
pub(super) struct Choices(Mutex<Vec<(Target, usize)>>);

// === impl Choices ===

impl Choices {
    fn of(&self, target: &Target) -> usize {
        let choices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        choices.iter().find(|(known, _)| known == target).map_or(0, |(_, at)| *at)
    }

    fn choose(&self, target: &Target, at: usize) {
        let mut choices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        choices.retain(|(known, _)| known != target);
        if choices.len() >= MAX {
            choices.remove(0);
        }
        choices.push((target.clone(), at));
    }
}

// === impl Target ===

impl Target {
    /// One server.
    pub const fn one(address: Address, trust: super::Trust) -> Self {
        Self { address, others: Vec::new(), trust }
    }

    /// Every server, in order.
    pub fn servers(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.address).chain(&self.others)
    }

    /// Every server, as a text.
    pub fn place(&self) -> String {
        self.servers().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

// === impl Pool ===

impl Pool {
    /// Sends to the server that served last, or to the next that can be reached, or to the
    /// one that is named by one that is not the active one.
    pub(super) async fn send_to_any(
        &self,
        target: &Target,
        request: Request,
        by: Deadline,
    ) -> Result<Reply, Failure> {
        let mut route = Route::new(target, self.choices.of(target));
        let (is_list, chosen, mut faults, mut last) =
            (route.ahead.len() > 1, route.first(), Vec::new(), None);
        while let Some(hop) = route.ahead.pop_front() {
            let has_next = !route.ahead.is_empty();
            let result = self.send_to_one(&hop.target, request.shortly(has_next), by).await;
            let address = &hop.target.address;
            match result {
                Ok(mut reply) => {
                    reply.server = (is_list || hop.place.is_none()).then(|| address.clone());
                    let redirect = reply.redirect.take();
                    let redirect = redirect.map(|redirect| route.follow(redirect, &request));
                    let is_redirect = redirect.is_some();
                    reply.redirect = redirect;
                    if !is_redirect && !is_untouched(&reply, &request) {
                        self.serves(target, hop.place.filter(|at| Some(*at) != chosen), address);
                        return Ok(reply);
                    }
                    last = Some(Ok(reply));
                }
                Err(failure) => {
                    let may_repeat = has_next && !request.once && !by.left().is_zero();
                    self.leave_silent(target, hop.place, &failure);
                    faults.push(format!("{address}: {failure}"));
                    let goes_on = goes_on(&failure, may_repeat);
                    let is_one = !is_list && faults.len() == 1;
                    let failure = if is_one { failure } else { failure.naming(faults.join("; ")) };
                    if !goes_on {
                        return Err(failure);
                    }
                    // That one of them says that it cannot serve is more than that another is not there.
                    last = last.filter(Result::is_ok).or(Some(Err(failure)));
                }
            }
        }
        last.unwrap_or_else(|| Err(Failure::new(Cause::Setup, "there is no server")))
    }

    /// The next request need not wait for the same silence.
    fn leave_silent(&self, target: &Target, place: Option<usize>, failure: &Failure) {
        let is_list = !target.others.is_empty();
        if let Some(at) = place.filter(|_| is_list && failure.cause() == Cause::Silent) {
            self.choices.choose(target, (at + 1) % target.servers().count());
        }
    }

    fn serves(&self, target: &Target, new: Option<usize>, address: &Address) {
        if let Some(at) = new {
            tracing::debug!(server = %address, servers = target.place(), "another server of the list serves from now on");
            self.choices.choose(target, at);
        }
    }
}

/// Whether another server may be asked. A silent one may still act: only what may be done twice is sent on.
const fn goes_on(failure: &Failure, may_repeat: bool) -> bool {
    match failure.cause() {
        Cause::Connect | Cause::Timeout => true,
        Cause::Silent => may_repeat,
        _ => false,
    }
}

/// Whether the reply says that nothing was done, so that another server may be asked.
fn is_untouched(reply: &Reply, request: &Request) -> bool {
    // A proxy's page may come after the server has got the request.
    let unavailable = reply.status == UNAVAILABLE && (!request.once || reply.is_object());
    unavailable || (request.elsewhere)(reply)
}

/// The servers that are still to be asked, and those that were.
struct Route<'a> {
    target: &'a Target,
    ahead: VecDeque<Hop>,
    /// A server beside the list was asked.
    has_left: bool,
}

/// One of them; its place, if it is of the list.
struct Hop {
    place: Option<usize>,
    target: Target,
}

// === impl Route ===

impl<'a> Route<'a> {
    /// All of the list, from the chosen one on.
    fn new(target: &'a Target, chosen: usize) -> Self {
        let hop = |(at, address): (usize, &Address)| Hop {
            place: Some(at),
            target: Target::one(address.clone(), target.trust.clone()),
        };
        let mut ahead: VecDeque<_> = target.servers().enumerate().map(hop).collect();
        ahead.rotate_left(chosen.min(ahead.len()));
        Self { target, ahead, has_left: false }
    }

    fn first(&self) -> Option<usize> {
        self.ahead.front().and_then(|hop| hop.place)
    }

    /// Has the server asked next to which a redirect points, if it is configured and was not asked yet.
    /// One of the list is asked in any case; another one at most, so that no two send us to and fro.
    fn follow(&mut self, redirect: Redirect, request: &Request) -> Redirect {
        let is_meant = |address: &Address| redirect.is_to(address, &request.path);
        if let Some(at) = self.ahead.iter().position(|hop| is_meant(&hop.target.address)) {
            self.ahead.swap(0, at);
            return redirect.known();
        }
        if self.target.servers().any(is_meant) {
            return redirect.known();
        }
        match request.follow.iter().find(|address| is_meant(address)) {
            Some(address) => {
                if !std::mem::replace(&mut self.has_left, true) {
                    let target = Target::one(address.clone(), self.target.trust.lent());
                    self.ahead.push_front(Hop { place: None, target });
                }
                redirect.known()
            }
            None => redirect,
        }
    }
}

// === impl Request ===

impl Request {
    /// The same; where another server may be asked, this one's silence is borne for less.
    fn shortly(&self, has_next: bool) -> Self {
        let patience = match has_next && !self.once {
            true => Some(self.patience.map_or(SILENCE, |patience| patience.min(SILENCE))),
            false => self.patience,
        };
        Self { patience, ..self.clone() }
    }
}
