//! What every command works with.

use std::sync::Arc;

use strongroom_agent::profile::{Profile, refuse_foreign_place};
use strongroom_agent::server::ServerMemory;
use strongroom_agent::{Stop, SystemRandom, storage_key};
use strongroom_base::clock::SystemClock;

use crate::arguments::Global;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::interrupt;
use crate::output::Output;

/// What every command works with.
pub(crate) struct Context<'a> {
    pub(crate) output: &'a Output,
    pub(crate) environment: Environment,
    pub(crate) stop: Arc<Stop>,
    pub(crate) clock: SystemClock,
    pub(crate) random: SystemRandom,
}

impl<'a> Context<'a> {
    pub(crate) fn new(global: &Global, output: &'a Output) -> Result<Self, Failure> {
        let stop = Arc::new(Stop::default());
        interrupt::listen(&stop)?;
        output.tell_of_waiting();
        let mut environment = Environment::read(global.profile.as_deref())?;
        if let Some(key) = environment.take_storage_key() {
            storage_key::offer(key);
        }
        Ok(Self {
            output,
            environment,
            stop,
            clock: SystemClock,
            random: SystemRandom,
        })
    }

    /// Opens the profile, which must be there.
    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        Ok(Profile::require(self.environment.profile()?)?)
    }

    /// Returns the place where the profile remembers its server; neither need be there. From here on the first signal
    /// ends the process: it may have to wait for the server.
    pub(crate) fn server_memory(&self) -> Result<ServerMemory, Failure> {
        interrupt::end_at_once();
        let dir = self.environment.profile()?;
        refuse_foreign_place(dir)?;
        Ok(ServerMemory::at(dir))
    }

    /// Opens the profile; `None` where there is none.
    pub(crate) fn profile_if_any(&self) -> Result<Option<Profile>, Failure> {
        match self.environment.profile() {
            Ok(dir) => Ok(Profile::open(dir)?),
            Err(_) => Ok(None),
        }
    }
}
