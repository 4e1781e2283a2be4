//! The actions there are, each with its rule: the one table that decides (administration 3.1).
//!
//! A manager, admin or sysadmin contains the two roles for the own account (administration 3.1, last
//! paragraphs), so nothing is reached by a lower role and not by a higher one. Where the reference is silent
//! the documentation of the action says what was decided.

use std::str::FromStr;

use super::grant::AddOn;
use super::relation::Relation;

/// What an action is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An account, or something that belongs to one: a computer, an archive, a session.
    Account,
    /// An organisation, or something of it: its settings, its key, its log.
    Organisation,
    /// The servers.
    System,
}

/// How far a role or add-on reaches with an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nowhere.
    No,
    /// The own account.
    Own,
    /// The organisation of the grant and all below it, but not the own account.
    Tree,
    /// The same, and the own account.
    OwnTree,
    /// What is strictly below the organisation of the grant.
    Below,
    /// Everything but the own account.
    Others,
    /// Everything.
    All,
}

impl Reach {
    /// Tells whether it includes what lies like this to the organisation of the grant.
    pub fn includes(self, relation: Relation) -> bool {
        let is_own = relation == Relation::Own;
        let is_in = matches!(relation, Relation::Organisation | Relation::Child);
        match self {
            Self::No => false,
            Self::Own => is_own,
            Self::Tree => is_in,
            Self::OwnTree => is_own || is_in,
            Self::Below => relation == Relation::Child,
            Self::Others => !is_own,
            Self::All => true,
        }
    }
}

/// Which grants of the one acted upon the actor must match (administration 3.3, rule 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// None: it does nothing to anybody.
    Nobody,
    /// Every role: nobody acts on someone who outranks them.
    Rank,
    /// Every role and add-on, because it could be used to become that user.
    EveryGrant,
}

/// What an allowed action needs besides the right to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A reason in words, which goes to the audit log.
    Reason,
    /// The consent of a second person.
    SecondPerson,
    /// The name of what is destroyed, typed.
    NameTyped,
    /// A notice to the one concerned, unless a legal matter forbids it.
    TellSubject,
    /// A sign-in just now (identity 8.5); so no API token can do it.
    FreshSignIn,
}

/// The rule of one action.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What it is done to.
    pub kind: Kind,
    /// How far each role reaches, in the order of [`super::Role::ALL`].
    pub roles: [Reach; 5],
    /// The add-on that reaches too, and how far.
    pub add_on: Option<(AddOn, Reach)>,
    /// Whom it may be done to.
    pub guard: Guard,
    /// What it needs besides.
    pub needs: &'static [Need],
}

macro_rules! actions {
    ($(
        $(#[$doc:meta])*
        $action:ident $name:literal $kind:ident [$($role:ident)*] $(+ $add_on:ident $reach:ident)?,
        $guard:ident $(needs $($need:ident)*)?;
    )*) => {
        /// Something that a right is needed for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// All actions, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$action),*];

            const NAMES: &[&str] = &[$($name),*];

            const RULES: &[Rule] = &[$(Rule {
                kind: Kind::$kind,
                roles: [$(Reach::$role),*],
                add_on: actions!(@add_on $($add_on $reach)?),
                guard: Guard::$guard,
                needs: &[$($(Need::$need),*)?],
            }),*];
        }
    };
    (@add_on) => { None };
    (@add_on $add_on:ident $reach:ident) => { Some((AddOn::$add_on, Reach::$reach)) };
}

// The columns: desktop-user, web-user, manager, admin, sysadmin.
actions! {
    /// Sends backups of an own computer to the server.
    ArchiveAppend "archive.append" Account [Own No Own Own Own], Nobody;
    /// Restores own files in the client.
    ArchiveRestore "archive.restore" Account [Own No Own Own Own], Nobody;
    /// Restores own files in a browser.
    ArchiveWebRestore "archive.web-restore" Account [No Own Own Own Own], Nobody;
    /// Gives up an own archive, which becomes cold and not at once purged.
    ArchiveDelete "archive.delete" Account [Own Own Own Own Own], Nobody needs NameTyped;
    /// Runs maintenance on an archive.
    ArchiveMaintain "archive.maintain" Account [Own No Own OwnTree All], Nobody;
    /// Sees the names of files in somebody else's archive, and restores from it.
    ArchiveRestoreOthers "archive.restore-others" Account [No No No No No] + RestoreOthers Tree, Rank needs Reason TellSubject;
    /// Changes when a cold archive is purged; what is expired and not purged is cold again.
    ArchiveSetPurgeDate "archive.set-purge-date" Account [No No No OwnTree All], Rank needs Reason;
    /// Purges a cold archive now.
    ArchivePurge "archive.purge" Account [No No No OwnTree All], Rank needs Reason SecondPerson NameTyped;
    /// Signs in to the web console.
    ConsoleSignIn "console.sign-in" Account [No Own Own Own Own], Nobody;
    /// Sees the own account and the policy that holds for it.
    ProfileRead "profile.read" Account [Own Own Own Own Own], Nobody;
    /// Changes what one is called, which mails one gets, and the names of own computers.
    ProfileEdit "profile.edit" Account [Own Own Own Own Own], Nobody;
    /// Sees which passkeys and other second factors an account has.
    CredentialsRead "credentials.read" Account [Own Own OwnTree OwnTree All], Nobody;
    /// Changes the own address of e-mail, password or second factor.
    CredentialsChange "credentials.change" Account [Own Own Own Own Own], Nobody needs FreshSignIn;
    /// Ends sessions.
    SessionEnd "session.end" Account [Own Own Own OwnTree All], Rank;
    /// Makes an API token for the own account.
    TokenCreate "token.create" Account [No Own Own Own Own], Nobody needs FreshSignIn;
    /// Revokes API tokens.
    TokenRevoke "token.revoke" Account [No Own Own OwnTree All], Rank;
    /// Protects the own keys better: a private password, an own key.
    KeyStrengthen "key.strengthen" Account [Own No Own Own Own], Nobody;
    /// Asks for the own pass phrase to be recovered, and cancels that.
    RecoveryRequest "recovery.request" Account [Own Own Own Own Own], Nobody;
    /// Sees recovery requests.
    RecoveryRead "recovery.read" Account [No No No No No] + RecoveryOfficer Tree, Nobody;
    /// Approves the recovery of somebody else's pass phrase.
    RecoveryApprove "recovery.approve" Account [No No No No No] + RecoveryOfficer Tree, Nobody needs Reason SecondPerson TellSubject;
    /// Adds a computer to the own account.
    ComputerEnroll "computer.enroll" Account [Own No Own Own Own], Nobody;
    /// Sees computers: state, sizes, times.
    ComputerRead "computer.read" Account [No Own OwnTree OwnTree All], Nobody;
    /// Signs a computer out: it stops until its user signs in again.
    ComputerDeauthorize "computer.deauthorize" Account [No Own Own OwnTree All], Rank;
    /// Ends the credential of a lost computer at once.
    ComputerRevoke "computer.revoke" Account [No Own Own OwnTree All], Rank;
    /// Deactivates or blocks a computer; its archives become cold.
    ComputerDeactivate "computer.deactivate" Account [No No No OwnTree All], Rank needs NameTyped;
    /// Takes a deactivated computer up again.
    ComputerReactivate "computer.reactivate" Account [Own Own Own OwnTree All], Rank;
    /// Sees accounts: state, roles, sizes.
    AccountRead "account.read" Account [No Own OwnTree OwnTree All], Nobody;
    /// Gets the alerts about accounts and computers.
    AlertsReceive "alerts.receive" Account [No No OwnTree OwnTree All], Nobody;
    /// Has an account in the reports one runs.
    ReportRun "report.run" Account [No Own OwnTree OwnTree All], Nobody;
    /// Changes somebody's names and address of e-mail.
    AccountEdit "account.edit" Account [No No No Tree Others], EveryGrant;
    /// Takes an account out of its organisation, to another.
    AccountMove "account.move" Account [No No No Tree Others], Rank;
    /// Has a set-up or reset link sent to somebody, or takes away their second factor.
    CredentialsReset "credentials.reset" Account [No No No Tree Others], EveryGrant;
    /// Deactivates an account.
    AccountDeactivate "account.deactivate" Account [No No No Tree Others], Rank;
    /// Blocks an account.
    AccountBlock "account.block" Account [No No No Tree Others], Rank;
    /// Activates somebody's account again.
    AccountReactivate "account.reactivate" Account [No No No Tree Others], Rank;
    /// Makes a blocked account an inactive one.
    AccountUnblock "account.unblock" Account [No No No Tree Others], Rank;
    /// Suspends sign-in to an account.
    AccountSuspend "account.suspend" Account [No No No Tree Others], Rank;
    /// Lets its user sign in to an account again.
    AccountResume "account.resume" Account [No No No Tree Others], Rank;
    /// Takes the own inactive account up again.
    AccountReactivateOwn "account.reactivate-own" Account [Own Own Own Own Own], Nobody;
    /// Gives somebody a role or add-on; [`super::may_give`] says which.
    GrantGive "grant.give" Account [No No No Tree All], Rank;
    /// Takes a role or add-on from somebody; [`super::may_take`] says which.
    GrantTake "grant.take" Account [No No No Tree All], Rank;
    /// Places or lifts a legal hold on somebody's archives.
    LegalHold "legal-hold.place" Account [No No No No Others] + LegalHold Tree, Nobody needs Reason;
    /// Reads what the audit log has about the own account.
    AuditReadOwn "audit.read-own" Account [No Own Own Own Own], Nobody;
    /// Reads the audit log of an organisation.
    AuditRead "audit.read" Organisation [No No Tree Tree All] + AuditReader Tree, Nobody;
    /// Sees an organisation.
    OrganisationRead "organisation.read" Organisation [No No Tree Tree All], Nobody;
    /// Lists the accounts, computers and groups of an organisation.
    OrganisationList "organisation.list" Organisation [No No Tree Tree All], Nobody;
    /// Renames an organisation.
    OrganisationEdit "organisation.edit" Organisation [No No No Tree All], Nobody;
    /// Makes an organisation below one, or moves one below it.
    OrganisationCreateChild "organisation.create-child" Organisation [No No No Tree All], Nobody;
    /// Takes an organisation from its place.
    OrganisationMove "organisation.move" Organisation [No No No Below All], Rank needs NameTyped;
    /// Deactivates or blocks an organisation with all below it.
    OrganisationDeactivate "organisation.deactivate" Organisation [No No No Below All], Rank needs NameTyped;
    /// Activates an organisation again.
    OrganisationReactivate "organisation.reactivate" Organisation [No No No Below All], Nobody;
    /// Changes the quota of an organisation; who sets one is above it.
    OrganisationSetQuota "organisation.set-quota" Organisation [No No No Below All], Nobody;
    /// Sees the settings of an organisation and where they come from.
    PolicyRead "policy.read" Organisation [No No Tree Tree All], Nobody;
    /// Changes, locks or pushes settings of an organisation.
    PolicyEdit "policy.edit" Organisation [No No No Tree All], Nobody;
    /// Changes settings of an organisation so that they let more happen than before, or are no longer locked; waives the second
    /// factor that it requires. It is done to those whom they hold for.
    PolicyLoosen "policy.loosen" Organisation [No No No Tree All], Rank needs FreshSignIn;
    /// Changes what may be done with keys in an organisation; what destroys data needs a second person.
    EscrowPolicyEdit "escrow-policy.edit" Organisation [No No No Tree All], Nobody;
    /// Sees the registration key of an organisation.
    RegistrationKeyRead "registration-key.read" Organisation [No No No Tree All], Nobody;
    /// Makes a new registration key, or closes it.
    RegistrationKeyRotate "registration-key.rotate" Organisation [No No No Tree All], Nobody;
    /// Makes, invites or imports accounts in an organisation, or moves one into it.
    AccountCreate "account.create" Organisation [No No No Tree All], Nobody;
    /// Makes groups, and changes who is in one.
    GroupEdit "group.edit" Organisation [No No No Tree All], Nobody;
    /// Makes an organisation with none above it, or moves one there.
    OrganisationCreateRoot "organisation.create-root" System [No No No No All], Nobody;
    /// Reads what the audit log has about the servers and no organisation.
    AuditReadServer "audit.read-server" System [No No No No All] + AuditReader All, Nobody;
    /// Sees the servers: health, versions, sessions.
    ServerRead "server.read" System [No No No No All], Nobody;
    /// Configures servers, storage, directories, mail, licences.
    ServerConfigure "server.configure" System [No No No No All], Nobody;
    /// Rotates, lists and retires the keys of stored secrets, and turns encryption off and on.
    KeyRingManage "key-ring.manage" System [No No No No All], Nobody needs FreshSignIn;
}

impl Action {
    /// Returns its name, as the matrix, tokens and the API have it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns its rule.
    pub fn rule(self) -> &'static Rule {
        &Self::RULES[self as usize]
    }

    /// Tells whether a computer may do it with its own credential, in the name of its user: append to and
    /// read its own archive, and learn its policy (administration 3.3, rule 8).
    pub fn is_for_computers(self) -> bool {
        matches!(
            self,
            Self::ArchiveAppend | Self::ArchiveRestore | Self::ProfileRead
        )
    }

    /// Tells whether somebody may do it to themselves who has yet to set up the second factor that is required of them.
    pub fn is_before_second_factor(self) -> bool {
        matches!(
            self,
            Self::ProfileRead
                | Self::CredentialsChange
                | Self::SessionEnd
                | Self::AccountReactivateOwn
        )
    }

    /// Tells whether an API token can hold it.
    pub fn is_for_tokens(self) -> bool {
        !self.rule().needs.contains(&Need::FreshSignIn)
            && !matches!(self, Self::ConsoleSignIn | Self::AccountReactivateOwn)
    }
}

/// No action has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no action `{0}`")]
pub struct UnknownAction(String);

impl strongroom_base::Classified for UnknownAction {
    fn class(&self) -> strongroom_base::Class {
        strongroom_base::Class::Caller
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        let named = Self::ALL.iter().find(|action| action.name() == text);
        named.copied().ok_or_else(|| UnknownAction(text.to_owned()))
    }
}
