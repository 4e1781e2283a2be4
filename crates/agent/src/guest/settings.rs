//! The settings of a good guest: the table `guest` of `config.toml`.

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::surroundings::Situation;

/// What is allowed in which situation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuestSettings {
    /// What far destinations do on a network that costs money.
    pub metered: Metered,
    /// Below this percentage of the battery snapshots are rarer.
    pub sparing: u8,
    /// So many seconds lie between two of them then.
    pub sparing_seconds: u64,
    /// Below this percentage there are none.
    pub critical: u8,
    /// The budget while somebody works at the computer.
    pub present: Budget,
    /// The budget while nobody does.
    pub away: Budget,
    /// The budget while the battery is in use.
    pub battery: Budget,
}

/// What far destinations do on a network that costs money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metered {
    /// They wait for another one.
    #[default]
    Wait,
    /// They are used as ever.
    Go,
}

impl Default for GuestSettings {
    fn default() -> Self {
        Self {
            metered: Metered::Wait,
            sparing: 50,
            sparing_seconds: 15 * 60,
            critical: 10,
            present: Budget::of_cpu(20),
            away: Budget::of_cpu(80),
            battery: Budget::of_cpu(10),
        }
    }
}

impl GuestSettings {
    /// Returns the budget of a situation.
    pub fn budget(&self, situation: Situation) -> Budget {
        match situation {
            Situation::Present => self.present,
            Situation::Away => self.away,
            Situation::Battery => self.battery,
        }
    }

    /// Returns the budget of a situation, to change it.
    pub fn budget_mut(&mut self, situation: Situation) -> &mut Budget {
        match situation {
            Situation::Present => &mut self.present,
            Situation::Away => &mut self.away,
            Situation::Battery => &mut self.battery,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn limits_io(&self) -> bool {
        let budgets = [self.present, self.away, self.battery];
        budgets.iter().any(|budget| budget.io.is_some())
    }
}
