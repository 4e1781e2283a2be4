//! Version 1.

mod account;
mod audit;
mod check_in;
mod computer;
mod credential;
mod enrolment;
mod group;
mod organisation;
mod page;
mod passkey;
mod problem;
mod registration;
mod second_factor;
mod setting;
mod sign_in;
mod verb;

pub use account::{
    AccountCause, AccountStanding, AccountState, Grant, ImportOutcome, ImportUsers, ImportedUser,
    Invite, Link, LinkPurpose, MoveUser, NewUser, SignInState, UpdateProfile, UpdateUser, User,
    UserStateFilter,
};
pub use audit::{AuditEntry, AuditExportQuery, AuditFormat, AuditQuery};
pub use check_in::{ArchiveHead, BackupReport, CheckIn, CheckedIn, HeadBehind, KnownHead};
pub use computer::{Computer, ComputerQuery, CredentialState, UpdateComputer};
pub use credential::{Ended, NewToken, Profile, Session, SessionOf, Token};
pub use enrolment::{Enrolled, EnrolmentStarted, FinishEnrolment, NewComputer, StartEnrolment};
pub use group::{Group, Member, NewGroup};
pub use organisation::{
    Confirmation, MoveOrganisation, NewOrganisation, Organisation, OrganisationQuery,
    OrganisationState, RenameOrganisation,
};
pub use page::{Page, PageQuery, UserQuery};
pub use passkey::{
    AddPasskey, FinishPasskeySignIn, NewPasskey, NewPasskeyResponse, Passkey, PasskeyAdded,
    PasskeyCreation, PasskeyDescriptor, PasskeyParameters, PasskeyRequest, PasskeySelection,
    PasskeySite, PasskeyUser, RenamePasskey, SignedPasskey, SignedPasskeyResponse,
    StartPasskeySignIn,
};
pub use problem::{FieldProblem, Problem};
pub use registration::{RegistrationKey, RegistrationKeyState, RotateRegistrationKey};
pub use second_factor::{
    AuthenticatorSecret, ConfirmAuthenticator, FinishSecondFactor, NewAuthenticator, RecoveryCodes,
    SecondFactor,
};
pub use setting::{OwnSetting, SetSetting, Setting, SettingLock};
pub use sign_in::{
    FinishLink, FinishPassword, FinishSignIn, PasswordStarted, SignInStarted, SignedIn, StartLink,
    StartPassword, StartSignIn,
};
pub use verb::Verb;

/// Where all paths of this version begin.
pub const PREFIX: &str = "/api/v1";

/// The fewest characters of a password where a server does not say: an older one.
fn password_length_min() -> u8 {
    12
}
