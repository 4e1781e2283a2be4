//! How fast the engine works for the service: as its budget allows, and not at all during a pause.

use std::sync::Arc;

use strongroom_engine::{Pace, Turn};

use super::control::Shared;
use crate::guest::{Guest, Rarity};

/// Tells the engine what it may do.
#[derive(Debug)]
pub(super) struct ServicePace {
    pub(super) guest: Arc<Guest>,
    pub(super) shared: Arc<Shared>,
}

impl Pace for ServicePace {
    fn turn(&self) -> Turn {
        self.shared.beat();
        let is_held = || self.guest.rarity() == Rarity::None && !self.shared.is_insisted();
        if self.shared.is_paused() || is_held() {
            return Turn::End;
        }
        self.guest.turn()
    }

    fn stop_is_requested(&self) {
        self.shared.wake();
    }
}
