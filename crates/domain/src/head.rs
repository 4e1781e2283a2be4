//! Heads of archives, as computers present them and a server remembers them. `spec/check-in-v1.md`, section 3.

use strongroom_base::clock::Timestamp;
use strongroom_base::object::RecordId;

use crate::session::ServerEpoch;

/// The newest record of an archive that a destination acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which.
    pub id: RecordId,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What a server remembers of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The newest that was presented.
    pub newest: Head,
    /// The epoch of the server in which that was.
    pub epoch: ServerEpoch,
    /// When that was, for the first time.
    pub since: Timestamp,
    /// What is presented now, where that is behind.
    pub behind: Option<Behind>,
}

/// A head that is older than the newest, or another one of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The one that is presented.
    pub presented: Head,
    /// Since when one is that is behind.
    pub since: Timestamp,
}

/// What is to be on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// The head went back, or has another history.
    WentBack,
    /// It is where it was, or further.
    CameBack,
    /// It was taken, though it is older or another one, because the server was restored since.
    TakenAfresh,
}

impl Remembered {
    /// Remembers a head that is presented for the first time.
    pub fn first(presented: Head, epoch: ServerEpoch, now: Timestamp) -> Self {
        Self {
            newest: presented,
            epoch,
            since: now,
            behind: None,
        }
    }

    /// Takes in a head that is presented in an epoch of the server; says what is to be remembered, and what is to be on
    /// record.
    pub fn take(
        &self,
        presented: Head,
        epoch: ServerEpoch,
        now: Timestamp,
    ) -> (Self, Option<Turn>) {
        if self.epoch != epoch {
            let is_older = presented != self.newest && presented.id <= self.newest.id;
            let turn = is_older.then_some(Turn::TakenAfresh);
            return (Self::first(presented, epoch, now), turn);
        }
        let came_back = self.behind.map(|_behind| Turn::CameBack);
        if presented == self.newest {
            let same = Self {
                behind: None,
                ..*self
            };
            return (same, came_back);
        }
        if presented.id > self.newest.id && self.may_be_followed_by(presented) {
            return (Self::first(presented, epoch, now), came_back);
        }
        let since = self.behind.map_or(now, |behind| behind.since);
        // What it was flagged for stays: another history does not become a shorter one.
        let presented = match self.behind {
            Some(behind) if behind.presented.id == self.newest.id => behind.presented,
            _ => presented,
        };
        let behind = Some(Behind { presented, since });
        let turn = self.behind.is_none().then_some(Turn::WentBack);
        (Self { behind, ..*self }, turn)
    }

    /// Says whether a head that is higher may follow: after another history only where a later generation begins.
    fn may_be_followed_by(&self, presented: Head) -> bool {
        let is_forked = self
            .behind
            .is_some_and(|behind| behind.presented.id == self.newest.id);
        !is_forked || presented.id.generation > self.newest.id.generation
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strongroom_base::ids::{Generation, Seq};

    use super::*;

    const EPOCH: ServerEpoch = ServerEpoch(1);

    fn head(generation: u32, seq: u64, byte: u8) -> Head {
        Head {
            id: RecordId {
                generation: Generation(generation),
                seq: Seq(seq),
            },
            hash: [byte; 32],
        }
    }

    /// Presents one after the other, each a second later; returns what is remembered at the end, and what is on record.
    fn presented(heads: &[(Head, u32)]) -> (Remembered, Vec<Turn>) {
        let ((first, epoch), rest) = heads.split_first().unwrap();
        let mut kept = Remembered::first(*first, ServerEpoch(*epoch), Timestamp(0));
        let mut turns = Vec::new();
        for (now, (head, epoch)) in (1..).zip(rest) {
            let (next, turn) = kept.take(*head, ServerEpoch(*epoch), Timestamp(now));
            kept = next;
            turns.extend(turn);
        }
        (kept, turns)
    }

    #[test]
    fn what_goes_on_is_taken() {
        let (kept, turns) = presented(&[
            (head(1, 1, 1), 1),
            (head(1, 1, 1), 1),
            (head(1, 7, 7), 1),
            (head(2, 5, 5), 1),
        ]);
        assert_eq!(kept, Remembered::first(head(2, 5, 5), EPOCH, Timestamp(3)));
        assert_eq!(turns, []);
    }

    #[test]
    fn what_goes_back_is_flagged_once_and_never_taken() {
        let went = [(head(1, 9, 9), 1), (head(1, 8, 8), 1), (head(1, 7, 7), 1)];
        let (kept, turns) = presented(&went);
        assert_eq!(kept.newest, head(1, 9, 9));
        let behind = kept.behind.unwrap();
        assert_eq!(behind.presented, head(1, 7, 7));
        assert_eq!(behind.since, Timestamp(1));
        assert_eq!(turns, [Turn::WentBack]);
        for back in [head(1, 9, 9), head(1, 10, 10), head(2, 8, 8)] {
            let (kept, turns) = presented(&[&went[..], &[(back, 1)]].concat());
            assert_eq!((kept.newest, kept.behind), (back, None));
            assert_eq!(turns, [Turn::WentBack, Turn::CameBack]);
        }
    }

    #[test]
    fn another_history_is_not_made_good_by_going_on() {
        let forked = [(head(1, 9, 9), 1), (head(1, 9, 8), 1), (head(1, 10, 8), 1)];
        let (kept, turns) = presented(&forked);
        assert_eq!(kept.newest, head(1, 9, 9));
        assert_eq!(turns, [Turn::WentBack]);
        let lower = [&forked[..], &[(head(1, 2, 2), 1), (head(1, 11, 8), 1)]].concat();
        let (kept, turns) = presented(&lower);
        assert_eq!(kept.newest, head(1, 9, 9));
        assert_eq!(turns, [Turn::WentBack]);
        for back in [head(1, 9, 9), head(2, 3, 3)] {
            let (kept, turns) = presented(&[&lower[..], &[(back, 1)]].concat());
            assert_eq!((kept.newest, kept.behind), (back, None));
            assert_eq!(turns, [Turn::WentBack, Turn::CameBack]);
        }
    }

    #[test]
    fn a_restored_server_takes_heads_afresh() {
        for (older, turns) in [
            (head(1, 8, 8), vec![Turn::TakenAfresh]),
            (head(1, 9, 8), vec![Turn::TakenAfresh]),
            (head(1, 9, 9), vec![]),
            (head(1, 10, 10), vec![]),
        ] {
            let (kept, told) = presented(&[(head(1, 9, 9), 1), (older, 2)]);
            assert_eq!(kept, Remembered::first(older, ServerEpoch(2), Timestamp(1)));
            assert_eq!(told, turns);
        }
        // What was flagged before the restore is not any more.
        let (kept, told) = presented(&[(head(1, 9, 9), 1), (head(1, 8, 8), 1), (head(1, 8, 8), 2)]);
        assert_eq!((kept.newest, kept.behind), (head(1, 8, 8), None));
        assert_eq!(told, [Turn::WentBack, Turn::TakenAfresh]);
        // And from there on it does not go back.
        let (kept, _) = presented(&[(head(1, 9, 9), 1), (head(1, 8, 8), 2), (head(1, 7, 7), 2)]);
        assert_eq!(kept.newest, head(1, 8, 8));
        assert!(kept.behind.is_some());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_lower_within_an_epoch(
            heads in proptest::collection::vec((1_u32..4, 1_u64..6, 0_u8..3), 1..30)
        ) {
            let heads: Vec<_> = heads.into_iter().map(|(g, s, b)| (head(g, s, b), 1)).collect();
            let mut highest = heads[0].0.id;
            for n in 1..=heads.len() {
                let (kept, turns) = presented(&heads[..n]);
                prop_assert!(kept.newest.id >= highest);
                highest = kept.newest.id;
                // Flags come and go in turn, and the last one says whether there is one.
                let is_in_turn = turns.windows(2).all(|two| two[0] != two[1]);
                prop_assert!(is_in_turn);
                prop_assert_eq!(turns.last() == Some(&Turn::WentBack), kept.behind.is_some());
            }
        }
    }
}
