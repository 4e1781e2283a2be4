//! What became of serving a destination: what is said of it, who serves it next, and when.

use std::path::Path;
use std::time::{Duration, Instant};

use strongroom_base::with_causes;
use strongroom_engine::EngineError;
use strongroom_engine::queue::Served;

use super::entry::{Fenced, Lane};
use super::permit::Why;
use super::place::is_near;
use super::work::{LOOK_EVERY, Next, State, TICK, Work};
use crate::AgentError;

/// How long a destination that failed waits, in seconds; the last one counts for all later ones.
const RETRIES: [u64; 5] = [5, 15, 30, 60, 300];
impl Work {
    /// Notes what became of serving, and returns what to wait for.
    pub(super) fn judge(
        &self,
        served: Result<Result<Served, Why>, AgentError>,
        state: &mut State,
    ) -> Option<Next> {
        let is_near = matches!(served, Ok(Ok(Served::UpToDate(_)))) && self.may_come_forward();
        let outcome = match served {
            Ok(Err(why)) => return self.pause(why),
            Ok(Ok(served)) => Ok(served),
            Err(AgentError::Engine(EngineError::Fenced {
                destination,
                found,
                known,
            })) => {
                let fenced = Fenced {
                    destination,
                    found,
                    known,
                };
                self.tell(|entry, _| entry.fenced = Some(fenced));
                let why = "it is ahead of this profile: somebody else has written there";
                Err(("ahead", why.to_owned()))
            }
            Err(error) => Err(("unreachable", with_causes(&error))),
        };
        state.looked = Some(Instant::now());
        state.is_well = matches!(outcome, Ok(Served::UpToDate(_)));
        let (status, reason) = match outcome {
            Ok(Served::UpToDate(head)) => {
                (state.failures, state.asks_far, state.filled) = (0, false, None);
                let mut was_foreground = false;
                let told = self.tell(|entry, now| {
                    entry.was_looked_at = true;
                    was_foreground = entry.lane == Lane::Foreground && entry.has_newest;
                    (entry.fenced, entry.is_aside, entry.has_newest) = (None, false, true);
                    entry.acknowledged = Some(head);
                    entry.acknowledged_at = entry.acknowledged_at.or(Some(now));
                    if is_near {
                        entry.lane = Lane::Foreground;
                    }
                    entry.set("up-to-date", None, now);
                });
                if !was_foreground {
                    self.office.lock().has_ended = true;
                }
                return told.then(|| Next::At(Instant::now() + LOOK_EVERY));
            }
            Ok(Served::CaughtUp(_)) => {
                // It is looked at once more: somebody may have begun a generation there meanwhile.
                (state.failures, state.asks_far, state.looked) = (0, false, None);
                return Some(Next::Now);
            }
            Ok(Served::Stopped) => return Some(Next::Now),
            Ok(Served::Waiting(why)) => {
                state.asks_far = !state.asks_far;
                if state.asks_far {
                    return Some(Next::Now);
                }
                ("waiting", why)
            }
            Ok(Served::Unreachable(why)) => ("unreachable", why),
            Ok(Served::Incomplete(why)) => {
                if state.filled.is_some_and(|(_, asked_far)| !asked_far) {
                    // One that is far away may have it.
                    (state.asks_far, state.filled) = (true, None);
                    return Some(Next::Now);
                }
                let told = self.rest("not-complete", why, LOOK_EVERY.as_secs());
                // What is new comes there as to the others.
                state.failures = 0;
                return told.map(|_| Next::At(Instant::now() + LOOK_EVERY));
            }
            Ok(Served::SetAside(why)) => ("set-aside", why),
            Err(failed) => failed,
        };
        self.fail(status, reason, state)
    }

    /// Says whether rounds may serve it: it is near, and has no limit and no hours.
    fn may_come_forward(&self) -> bool {
        let (url, not_before) = {
            let mut table = self.office.lock();
            let Some(entry) = self.entry(&mut table) else {
                return false;
            };
            (entry.url.clone(), entry.not_foreground_before)
        };
        let Ok(location) = crate::Location::parse(&url, Path::new("/")) else {
            return false;
        };
        let options = location.options();
        let is_free = options.limit_upload.is_none()
            && options.limit_download.is_none()
            && options.schedule.is_none();
        let is_over = not_before.is_none_or(|not_before| not_before <= Instant::now());
        is_free && is_over && location.folder().is_some_and(is_near)
    }

    fn pause(&self, why: Why) -> Option<Next> {
        let soon = Instant::now() + TICK;
        match why {
            Why::Over => return None,
            Why::Hours | Why::Held => return Some(Next::Now),
            Why::Turn => self.tell(|entry, now| {
                entry.was_looked_at = true;
                entry.look_now = false;
                entry.set("under-maintenance", None, now);
            }),
            Why::Priority => {
                let reason = self.better().map(|name| format!("{name} goes first"));
                self.tell(|entry, now| {
                    entry.was_looked_at = true;
                    entry.set("waiting", reason, now);
                })
            }
        };
        Some(Next::At(soon))
    }

    fn fail(&self, status: &'static str, reason: String, state: &mut State) -> Option<Next> {
        let seconds = RETRIES[state.failures.min(RETRIES.len() - 1)];
        state.failures += 1;
        let is_gone = self.rest(status, reason, seconds)?;
        let next = Instant::now() + Duration::from_secs(seconds);
        Some(if is_gone {
            Next::Folder(next)
        } else {
            Next::At(next)
        })
    }

    /// Notes that it lacks something, and when it is tried again. Says whether its folder is gone; `None` where it is not this
    /// thread's any more.
    fn rest(&self, status: &'static str, reason: String, seconds: u64) -> Option<bool> {
        let folder = {
            let mut table = self.office.lock();
            self.entry(&mut table)
                .and_then(|entry| entry.folder.clone())
        };
        // While nobody else waits: it may hang.
        let is_gone = folder.is_some_and(|folder| folder.symlink_metadata().is_err());
        let told = self.tell(|entry, now| {
            entry.was_looked_at = true;
            entry.is_aside = status == "set-aside";
            if status != "ahead" {
                // Whoever was ahead is away now, or went back: it keeps nobody from writing elsewhere.
                entry.fenced = None;
            }
            entry.has_newest = false;
            entry.lane = Lane::Background;
            entry.set(status, Some(reason), now);
            entry.next_try = now.checked_add_unsigned(seconds);
        });
        told.then_some(is_gone)
    }
}
