//! Version 1.

mod account;
mod audit;
mod computer;
mod credential;
mod group;
mod organisation;
mod page;
mod problem;
mod registration;

pub use account::{
    AccountCause, AccountStanding, AccountState, Grant, ImportOutcome, ImportUsers, ImportedUser,
    Invite, Link, LinkPurpose, MoveUser, NewUser, SignInState, UpdateProfile, UpdateUser, User,
    UserStateFilter,
};
pub use audit::{AuditEntry, AuditQuery};
pub use computer::{Computer, ComputerQuery, CredentialState, UpdateComputer};
pub use credential::{Ended, NewToken, Profile, Session, SessionOf, Token};
pub use group::{Group, Member, NewGroup};
pub use organisation::{
    Confirmation, MoveOrganisation, NewOrganisation, Organisation, OrganisationQuery,
    OrganisationState, RenameOrganisation,
};
pub use page::{Page, PageQuery, UserQuery};
pub use problem::{FieldProblem, Problem};
pub use registration::{RegistrationKey, RegistrationKeyState, RotateRegistrationKey};

/// Where all paths of this version begin.
pub const PREFIX: &str = "/api/v1";
