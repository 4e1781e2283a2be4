//! Users: their accounts, names and what signs in to them.

use sea_orm::sea_query::Query;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, ExprTrait, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{OrganisationId, UserId};
use strongroom_domain::account::{Account, AccountState, By, Origin, SignIn};
use strongroom_domain::email::Email;
use strongroom_domain::name::{PersonName, UserName};

use crate::convert::{having, nanos, parse, time};
use crate::entity::users::{ActiveModel, Column, Entity, Model};
use crate::entity::{credentials, grants};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "users";

/// Most ids in one statement.
const IDS_MAX: usize = 500;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The account.
    pub account: Account,
    /// Where the user is.
    pub organisation: OrganisationId,
    /// The name to sign in with.
    pub name: UserName,
    /// What the person is called.
    pub person: Option<PersonName>,
    /// Where notices go.
    pub email: Option<Email>,
    /// When it was made.
    pub made: Timestamp,
    /// How often it was changed.
    pub version: i64,
}

/// The own state of an account, as a list asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Active, and not suspended.
    Active,
    /// Inactive.
    Inactive,
    /// Blocked.
    Blocked,
    /// With sign-in suspended, in any state.
    Suspended,
}

/// Which users are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those in these organisations, and `or_user`; without, all.
    pub among: Option<Vec<OrganisationId>>,
    /// This one too.
    pub or_user: Option<UserId>,
    /// Only those in one of these.
    pub within: Option<Vec<OrganisationId>>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those whose names or address have this in them, as a key.
    pub search: Option<String>,
    /// Only those after this name, as a key.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u64,
}

/// Returns one.
pub async fn find(reading: &Reading, id: UserId) -> Result<Option<User>, DbError> {
    let row = Entity::find_by_id(id.to_string())
        .one(&reading.transaction)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Returns the one with this name.
pub async fn find_by_name(reading: &Reading, name: &UserName) -> Result<Option<User>, DbError> {
    let row = Entity::find()
        .filter(Column::NameKey.eq(name.key()))
        .one(&reading.transaction)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Returns those that are wanted, by name.
pub async fn list(reading: &Reading, filter: &Filter) -> Result<Vec<User>, DbError> {
    let texts = |ids: &[OrganisationId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut query = Entity::find();
    if let Some(among) = &filter.among {
        let mut visible = Column::OrganisationId.is_in(texts(among));
        if let Some(user) = filter.or_user {
            visible = ExprTrait::or(visible, Column::Id.eq(user.to_string()));
        }
        query = query.filter(visible);
    }
    if let Some(within) = &filter.within {
        query = query.filter(Column::OrganisationId.is_in(texts(within)));
    }
    if let Some(search) = &filter.search {
        query = query.filter(Column::Search.like(having(search)));
    }
    if let Some(after) = &filter.after {
        query = query.filter(Column::NameKey.gt(after));
    }
    query = match filter.state {
        None => query,
        Some(State::Active) => query
            .filter(Column::State.eq("active"))
            .filter(Column::SuspendedSince.is_null()),
        Some(State::Inactive) => query.filter(Column::State.eq("inactive")),
        Some(State::Blocked) => query.filter(Column::State.eq("blocked")),
        Some(State::Suspended) => query.filter(Column::SuspendedSince.is_not_null()),
    };
    let rows = query
        .order_by_asc(Column::NameKey)
        .limit(filter.limit)
        .all(&reading.transaction)
        .await?;
    rows.iter().map(read).collect()
}

/// Returns the ids of all users in these organisations.
pub async fn ids_in(
    reading: &Reading,
    organisations: &[OrganisationId],
) -> Result<Vec<UserId>, DbError> {
    let mut ids = Vec::new();
    for part in organisations.chunks(IDS_MAX) {
        let found: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::OrganisationId.is_in(part.iter().map(ToString::to_string)))
            .into_tuple()
            .all(&reading.transaction)
            .await?;
        for id in found {
            ids.push(parse(TABLE, &id)?);
        }
    }
    Ok(ids)
}

/// Returns the users who are granted something by this name and can prove who they are: with what is stored here, or
/// in a directory.
pub async fn with_grant_and_credential(
    reading: &Reading,
    grant: &str,
) -> Result<Vec<User>, DbError> {
    let granted = Query::select()
        .column(grants::Column::UserId)
        .from(grants::Entity)
        .and_where(grants::Column::Name.eq(grant))
        .to_owned();
    let proving = Query::select()
        .column(credentials::Column::UserId)
        .from(credentials::Entity)
        .to_owned();
    let has_one = Column::Id.in_subquery(proving);
    let can_prove = ExprTrait::or(Column::Origin.eq("external"), has_one);
    let rows = Entity::find()
        .filter(Column::Id.in_subquery(granted))
        .filter(can_prove)
        .all(&reading.transaction)
        .await?;
    rows.iter().map(read).collect()
}

/// Returns how many there are.
pub async fn count(reading: &Reading) -> Result<u64, DbError> {
    Ok(Entity::find().count(&reading.transaction).await?)
}

/// Adds one.
pub async fn add(writing: &Writing, new: &User) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(new.account.user.to_string()),
        origin: Set(origin(new.account.origin).to_owned()),
        made: Set(nanos(new.made)),
        ..changed(new, new.version)
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Stores one that was changed, and returns it with its new version.
pub async fn store(writing: &Writing, user: &User) -> Result<User, DbError> {
    let version = user.version + 1;
    let row = ActiveModel {
        id: Set(user.account.user.to_string()),
        ..changed(user, version)
    };
    row.update(&writing.transaction).await?;
    Ok(User {
        version,
        ..user.clone()
    })
}

/// Stores what signs in to an account, in the place of what did.
pub async fn set_credential(
    writing: &Writing,
    user: UserId,
    kind: &str,
    record: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    credentials::Entity::delete_by_id((user.to_string(), kind.to_owned()))
        .exec(&writing.transaction)
        .await?;
    let row = credentials::ActiveModel {
        user_id: Set(user.to_string()),
        kind: Set(kind.to_owned()),
        record: Set(record.to_vec()),
        made: Set(nanos(now)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Returns what signs in to an account.
pub async fn credential(
    reading: &Reading,
    user: UserId,
    kind: &str,
) -> Result<Option<Vec<u8>>, DbError> {
    let row = credentials::Entity::find_by_id((user.to_string(), kind.to_owned()))
        .one(&reading.transaction)
        .await?;
    Ok(row.map(|row| row.record))
}

fn changed(user: &User, version: i64) -> ActiveModel {
    let (state, since, by) = match user.account.state {
        AccountState::Active => ("active", None, None),
        AccountState::Inactive { since, by } => ("inactive", Some(since), Some(by)),
        AccountState::Blocked { since, by } => ("blocked", Some(since), Some(by)),
    };
    let suspended = match user.account.sign_in {
        SignIn::Open => None,
        SignIn::Suspended { since } => Some(nanos(since)),
    };
    let keys = [
        Some(user.name.key()),
        user.person.as_ref().map(PersonName::key),
        user.email.as_ref().map(Email::key),
    ];
    let search: Vec<&str> = keys.into_iter().flatten().collect();
    ActiveModel {
        organisation_id: Set(user.organisation.to_string()),
        name: Set(user.name.as_str().to_owned()),
        name_key: Set(user.name.key().to_owned()),
        person_name: Set(user.person.as_ref().map(|name| name.as_str().to_owned())),
        email: Set(user.email.as_ref().map(|email| email.as_str().to_owned())),
        search: Set(search.join("\n")),
        state: Set(state.to_owned()),
        state_since: Set(since.map(nanos)),
        state_by: Set(by.map(|by| self::by(by).to_owned())),
        suspended_since: Set(suspended),
        version: Set(version),
        ..Default::default()
    }
}

fn by(by: By) -> &'static str {
    match by {
        By::Directory => "directory",
        By::Administrator => "administrator",
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Internal => "internal",
        Origin::External => "external",
    }
}

pub(crate) fn read(row: &Model) -> Result<User, DbError> {
    let wrong = |what: &str| damaged(TABLE, format!("the {what} of {}", row.id));
    let by = match row.state_by.as_deref() {
        None => None,
        Some("directory") => Some(By::Directory),
        Some("administrator") => Some(By::Administrator),
        Some(_) => return Err(wrong("decider")),
    };
    let state = match (row.state.as_str(), row.state_since.map(time), by) {
        ("active", None, None) => AccountState::Active,
        ("inactive", Some(since), Some(by)) => AccountState::Inactive { since, by },
        ("blocked", Some(since), Some(by)) => AccountState::Blocked { since, by },
        _ => return Err(wrong("state")),
    };
    let origin = match row.origin.as_str() {
        "internal" => Origin::Internal,
        "external" => Origin::External,
        _ => return Err(wrong("origin")),
    };
    let sign_in = match row.suspended_since.map(time) {
        None => SignIn::Open,
        Some(since) => SignIn::Suspended { since },
    };
    let person = row.person_name.as_deref().map(PersonName::new).transpose();
    let email = row.email.as_deref().map(Email::new).transpose();
    Ok(User {
        account: Account {
            user: parse(TABLE, &row.id)?,
            origin,
            state,
            sign_in,
        },
        organisation: parse(TABLE, &row.organisation_id)?,
        name: UserName::new(&row.name).map_err(|_not_one| wrong("name"))?,
        person: person.map_err(|_not_one| wrong("name of the person"))?,
        email: email.map_err(|_not_one| wrong("address"))?,
        made: time(row.made),
        version: row.version,
    })
}
