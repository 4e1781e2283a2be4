//! Groups: named sets of users, for policies that are about some of an organisation (custody notes, "set for
//! one computer, one user, a group, or everyone").
//!
//! A group belongs to an organisation and takes users from there and below. It gives nobody rights.

use strongroom_base::ids::{GroupId, OrganisationId};

use crate::name::GroupName;
use crate::organisation::Path;

/// Most users of a group: all of a large server.
pub const MEMBERS_MAX: usize = 100_000;

/// A group, without its users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which one.
    pub id: GroupId,
    /// Whose: the name is unique there.
    pub organisation: OrganisationId,
    /// What it is called.
    pub name: GroupName,
}

impl Group {
    /// Tells whether a user can be in it who is at the end of this path. A user who is moved to where that
    /// is no longer so leaves it.
    pub fn takes(&self, user_at: &Path) -> bool {
        user_at.is_within(self.organisation)
    }
}
