//! What is known of the surroundings.

use serde::{Deserialize, Serialize};

/// What is known of the surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether somebody works at the computer.
    pub presence: Presence,
    /// Where its power comes from.
    pub power: Power,
    /// What its network is like.
    pub network: Network,
    /// What cannot be found out, and why: a sentence for each.
    pub unknown: Vec<String>,
}

/// Whether somebody works at the computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Somebody does, or that is not known.
    #[default]
    Present,
    /// All sessions are idle, locked or closed.
    Away,
}

/// Where the power comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Power {
    /// From the mains, or that is not known.
    #[default]
    Mains,
    /// From a battery that has so many percent left.
    Battery(u8),
}

/// What the network is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// It costs nothing, or that is not known.
    #[default]
    Free,
    /// It costs money by the byte.
    Metered,
    /// There is none.
    Disconnected,
}

/// What a budget is chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Situation {
    /// Somebody works at the computer.
    #[default]
    Present,
    /// Nobody does.
    Away,
    /// The battery is in use.
    Battery,
}

impl Situation {
    /// Returns the words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Present => "somebody present",
            Self::Away => "nobody present",
            Self::Battery => "on battery",
        }
    }
}

impl Surroundings {
    /// Returns what the budget is chosen by. The battery comes first.
    pub fn situation(&self) -> Situation {
        match (self.power, self.presence) {
            (Power::Battery(_), _) => Situation::Battery,
            (Power::Mains, Presence::Present) => Situation::Present,
            (Power::Mains, Presence::Away) => Situation::Away,
        }
    }
}
