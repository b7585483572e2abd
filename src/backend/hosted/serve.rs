//! One Mount, with a session: proof, what is due, what was asked for.

use std::sync::Arc;

use super::Core;
use super::door::Wanted;
use super::session::Session;
use crate::backend::{Ask, Backend, Receipt};
use crate::error::Errors;
use crate::secret::Secret;
use crate::time::Priority;

// === impl Core ===

impl<B: Backend> Core<B> {
    pub(super) async fn serve(self: &Arc<Self>, ask: Ask<'_>) -> Result<(Vec<Secret>, Receipt), Errors> {
        let (Wanted { scope, objects, .. }, claimed) = self.admit_ask(&ask)?;
        let (session, proof) = self.session(&ask, &claimed, scope).await?;
        let first = !session.has_answered(ask.class);
        let by = ask.by.of(if first { Priority::First } else { Priority::Refresh });
        let needs = self.backend.reads(&objects);
        session.asked(&ask, &needs, self.host.clock.moment());
        let readings = self.readings(&session, &needs, &proof, by).await;
        let picked = readings.and_then(|readings| self.backend.pick(&objects, &readings));
        self.warn_outlived(&session);
        if let Err(errors) = &picked {
            session.state().last_error = Some(errors.to_string());
        }
        Ok((picked?, self.delivery(&session, ask.class)))
    }

    /// Decision 4: a term that is shorter than the time between Mounts leaves the pod without it for a while.
    fn warn_outlived(&self, session: &Session<B>) {
        let is_news = {
            let mut state = session.state();
            let is_outlived = state.is_outlived();
            is_outlived && !std::mem::replace(&mut state.said_short, true)
        };
        if is_news {
            let (provider, pod) = (self.backend.name(), &session.pod);
            tracing::warn!(provider, %pod, "what was made for this pod lives shorter than its mounts are apart: \
                give the backend's role a longer TTL, or have the driver refresh more often");
            self.host.recorder.outlived(provider);
        }
    }

    /// Hears when the answer has reached the driver.
    fn delivery(&self, session: &Arc<Session<B>>, class: Option<&str>) -> Receipt {
        let (session, clock) = (Arc::downgrade(session), self.host.clock.clone());
        let class = class.unwrap_or_default().to_owned();
        Receipt::hearing(move || {
            if let Some(session) = session.upgrade() {
                session.delivered(&class, clock.moment());
            }
        })
    }
}
