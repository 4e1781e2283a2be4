//! A change: decided, carried out and put on record in one transaction.

use std::ops::Deref;
use std::sync::Arc;

use strongroom_base::ids::UserId;
use strongroom_custody::audit::{Actor, ActorKind};
use strongroom_db::answers::{self, Answer};
use strongroom_db::{Writing, audit};
use strongroom_domain::access::Permit;

use super::access::{Asked, Request, authorize};
use super::audit::Event;
use super::{Access, App, Credential, Fault};

/// Which version of a thing the caller has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// The caller does not say.
    Missing,
    /// Whatever is there.
    Any,
    /// This one.
    Version(i64),
}

/// What a request asks for besides the change itself.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// Which version the caller has seen.
    pub if_match: IfMatch,
    /// Whether the caller must say.
    pub needs_version: bool,
    /// The caller's name for the request, and the hash of what was sent.
    pub idempotency: Option<(String, [u8; 32])>,
    /// Whether everything is undone at the end.
    pub dry_run: bool,
}

/// A change that is under way. Dropped, it never happened.
pub struct Deed {
    access: Access,
    pub(crate) writing: Writing,
    pub(crate) app: Arc<App>,
    conditions: Conditions,
    n_recorded: u32,
}

/// What the same request was answered before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Deref for Deed {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

impl Deed {
    /// Begins a change: waits for the lock, and decides anew whether the caller may. Returns what the same request was
    /// answered before, if it was.
    pub async fn begin(
        app: &Arc<App>,
        request: &Request,
        conditions: Conditions,
    ) -> Result<Result<Self, Replay>, Fault> {
        let writing = app.database.write().await?;
        let access = authorize(app, &writing, request, Asked::Again).await?;
        if let Some((key, hash)) = &conditions.idempotency
            && let Some(before) = answers::find(&writing, access.caller.user, key).await?
        {
            if before.request_hash != *hash {
                return Err(Fault::KeyOfAnother);
            }
            return Ok(Err(Replay {
                status: before.status,
                body: before.body,
            }));
        }
        if let Some(version) = access.thing.version() {
            match conditions.if_match {
                IfMatch::Version(seen) if seen != version => {
                    return Err(Fault::ChangedSince(version));
                }
                IfMatch::Missing if conditions.needs_version => return Err(Fault::VersionMissing),
                IfMatch::Missing | IfMatch::Any | IfMatch::Version(_) => {}
            }
        }
        Ok(Ok(Self {
            access,
            writing,
            app: Arc::clone(app),
            conditions,
            n_recorded: 0,
        }))
    }

    /// Returns the proof that the caller may.
    pub(crate) fn permit(&self) -> Result<&Permit, Fault> {
        let permit = self.access.permit.as_ref();
        permit.ok_or(Fault::Program("a list changes nothing"))
    }

    /// Writes what was done into the audit log.
    pub(crate) async fn record(&mut self, event: Event) -> Result<(), Fault> {
        let caller = &self.access.caller;
        let actor = Actor {
            kind: match caller.credential {
                Credential::Session(_) => ActorKind::User,
                Credential::Token(_) => ActorKind::Token,
                Credential::Computer(_) => ActorKind::Computer,
            },
            id: caller.user.to_string(),
            name: caller.name.as_str().to_owned(),
        };
        let user = event.user;
        let event = event.by(actor, caller.address.to_string());
        audit::append(&self.writing, &event, user, self.access.now).await?;
        self.n_recorded += 1;
        Ok(())
    }

    /// Makes the change permanent, with the answer to it; fails where the audit log has no entry.
    pub async fn finish(self, status: u16, body: &str) -> Result<(), Fault> {
        if self.n_recorded == 0 {
            return Err(Fault::Program("a change was not recorded"));
        }
        if self.conditions.dry_run {
            self.writing.undo().await?;
            return Ok(());
        }
        if let Some((key, request_hash)) = self.conditions.idempotency {
            let answer = Answer {
                request_hash,
                status,
                body: body.to_owned(),
                made: self.access.now,
            };
            let user: UserId = self.access.caller.user;
            answers::add(&self.writing, user, &key, &answer).await?;
        }
        self.writing.commit().await?;
        Ok(())
    }
}
