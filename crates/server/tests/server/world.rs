//! A server with a forest of organisations in which everything lies in every way to one of them, on a database of its
//! own, asked without a network.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use strongroom_base::clock::{Clock, Timestamp};
use strongroom_base::ids::{
    ComputerId, GroupId, OrganisationId, SessionId, TokenId, UserId, to_hex,
};
use strongroom_crypto::opaque::{CredentialId, Registration, ServerSetup, Version};
use strongroom_crypto::random::SystemRandom;
use strongroom_db::organisations::Organisation;
use strongroom_db::users::User;
use strongroom_db::{
    Address, Database, Writing, computers, grants, groups, organisations, sessions, tokens, users,
};
use strongroom_domain::access::{Action, Grant};
use strongroom_domain::account::{Account, AccountState, Origin, SignIn};
use strongroom_domain::computer::{Computer, Credential, Life};
use strongroom_domain::group::Group;
use strongroom_domain::moment::{DAY, after};
use strongroom_domain::name::{GroupName, OrganisationName, PersonName, UserName};
use strongroom_domain::organisation::{OrganisationState, Parent};
use strongroom_domain::session::{ServerEpoch, Session};
use strongroom_domain::token::{ApiToken, NewToken, TokenScope};
use strongroom_server::app::{App, NewSecret, SecretKind, Settings, first_start};
use strongroom_server::http::{Site, router};
use strongroom_server::vault::Vault;

pub(crate) use crate::asking::{Answer, Asking};

/// How an organisation lies to `own`; two of these may be one letter of the matrix.
pub(crate) const PLACES: [(&str, Option<&str>, char); 10] = [
    ("root", None, 'p'),
    ("parent", Some("root"), 'p'),
    ("own", Some("parent"), 'h'),
    ("child", Some("own"), 'c'),
    ("other-child", Some("own"), 'c'),
    ("grandchild", Some("child"), 'c'),
    ("sibling", Some("parent"), 's'),
    ("nephew", Some("sibling"), 's'),
    ("uncle", Some("root"), 'x'),
    ("stranger", None, 'x'),
];

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgresql,
}

/// A clock that a test puts where it wants.
pub(crate) struct TestClock(Mutex<Timestamp>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// What a user of the world has.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) organisation: OrganisationId,
    pub(crate) name: String,
    pub(crate) bearer: String,
    pub(crate) session: SessionId,
    pub(crate) token: TokenId,
    pub(crate) computer: ComputerId,
    pub(crate) computer_bearer: String,
}

/// A place of the world.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) organisation: OrganisationId,
    pub(crate) group: GroupId,
    /// Somebody who lives there.
    pub(crate) person: Person,
}

pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) site: Arc<Site>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) places: BTreeMap<&'static str, Place>,
    pub(crate) address: Address,
    pub(crate) set_up_link: String,
    /// A first and a last message of a new password, in hexadecimal.
    pub(crate) messages: (String, String),
    pub(crate) router: Router,
    n_people: AtomicU32,
    schema: String,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new(kind: Kind) -> Self {
        let settings = Settings {
            requests_at_once: 1_000_000,
            requests_a_second: 1_000_000,
            ..Settings::default()
        };
        Self::with(kind, settings).await
    }

    pub(crate) async fn with(kind: Kind, settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let schema = NewSecret::random(SecretKind::Session, &SystemRandom);
        let schema = format!("test_{}", &schema.expose_text()[4..20]);
        let address = match kind {
            Kind::Sqlite => Address::of_file(&folder.path().join("server.sqlite")),
            Kind::Postgresql => {
                let service = strongroom_testkit::service("postgresql");
                let address: Address = service.text("url").parse().unwrap();
                address.with_schema(&schema)
            }
        };
        let database = Database::open(&address, 4).await.unwrap();
        let clock = Arc::new(TestClock(Mutex::new(Timestamp::from_parts(
            1_700_000_000,
            0,
        ))));
        let app = Arc::new(App::new(
            database,
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::new(SystemRandom),
            ServerSetup::random(&SystemRandom),
            Vault::open(folder.path(), &SystemRandom, true).unwrap(),
            settings,
        ));
        let set_up_link = first_start::set_up(&app).await.unwrap().unwrap();
        let site = Arc::new(Site::new(Arc::clone(&app), Vec::new()));
        let mut world = Self {
            router: router(Arc::clone(&site)),
            site,
            app,
            clock,
            address,
            set_up_link,
            messages: (String::new(), String::new()),
            places: BTreeMap::new(),
            n_people: AtomicU32::new(0),
            schema,
            folder,
        };
        world.settle().await;
        world
    }

    /// Another node on the same database.
    pub(crate) async fn another_node(&self) -> Router {
        router(Arc::new(Site::new(self.another_app().await, Vec::new())))
    }

    /// A server with the same keys on an empty database: a file, whatever this one has.
    pub(crate) async fn another_database(&self) -> Arc<App> {
        let address = Address::of_file(&self.folder.path().join("other.sqlite"));
        self.app_on(&address).await
    }

    /// What a program has of this server that reaches its PostgreSQL by another host and port.
    pub(crate) async fn app_by(&self, by: &str) -> Arc<App> {
        let service = strongroom_testkit::service("postgresql");
        let url = service.text("url").replace(service.address(), by);
        let address: Address = url.parse().unwrap();
        self.app_on(&address.with_schema(&self.schema)).await
    }

    /// What another program has of this server.
    pub(crate) async fn another_app(&self) -> Arc<App> {
        self.app_on(&self.address).await
    }

    /// What another program has of this server that is configured otherwise.
    pub(crate) async fn app_as(&self, settings: Settings) -> Arc<App> {
        let database = Database::open(&self.address, 4).await.unwrap();
        self.app_of_settings(database, settings)
    }

    /// What another program has of this server that opens as many connections.
    pub(crate) async fn app_with(&self, connections: u32) -> Arc<App> {
        let database = Database::open(&self.address, connections).await.unwrap();
        self.app_of(database)
    }

    /// The same server on a disk that has room for so many more pages.
    pub(crate) async fn app_with_pages(&self, more: u32) -> Arc<App> {
        let file = self.folder.path().join("server.sqlite");
        let pages = self.app.database.pages().await.unwrap() + more;
        self.app_on(&Address::of_file(&file).with_pages_max(pages))
            .await
    }

    async fn app_on(&self, address: &Address) -> Arc<App> {
        let database = Database::open(address, 4).await.unwrap();
        self.app_of(database)
    }

    fn app_of(&self, database: Database) -> Arc<App> {
        self.app_of_settings(database, self.app.settings.clone())
    }

    fn app_of_settings(&self, database: Database, settings: Settings) -> Arc<App> {
        Arc::new(App::new(
            database,
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(SystemRandom),
            ServerSetup::from_bytes(self.app.sign_in.expose_bytes().expose_bytes()).unwrap(),
            Vault::open(self.folder.path(), &SystemRandom, false).unwrap(),
            settings,
        ))
    }

    async fn settle(&mut self) {
        let writing = self.app.database.write().await.unwrap();
        let mut places: BTreeMap<&'static str, Place> = BTreeMap::new();
        for (name, parent, _) in PLACES {
            let parent = parent.map_or(Parent::Root, |parent| {
                Parent::Below(places[parent].organisation)
            });
            let organisation = Organisation {
                id: OrganisationId::random(&SystemRandom),
                parent,
                name: OrganisationName::new(name).unwrap(),
                state: OrganisationState::Active,
                made: self.app.now(),
                version: 1,
                second_factor: None,
            };
            organisations::add(&writing, &organisation).await.unwrap();
            let own = [Grant::DesktopUser, Grant::WebUser];
            let person = self.settle_in(&writing, organisation.id, &own).await;
            let group = groups::Stored {
                group: Group {
                    id: GroupId::random(&SystemRandom),
                    organisation: organisation.id,
                    name: GroupName::new("Everybody").unwrap(),
                },
                made: self.app.now(),
                version: 1,
            };
            groups::add(&writing, &group).await.unwrap();
            groups::add_member(&writing, group.group.id, person.user)
                .await
                .unwrap();
            let place = Place {
                organisation: organisation.id,
                group: group.group.id,
                person,
            };
            places.insert(name, place);
        }
        writing.commit().await.unwrap();
        self.places = places;
    }

    /// Adds somebody who holds something, and is signed in.
    pub(crate) async fn person(&self, place: &str, held: &[Grant]) -> Person {
        let organisation = self.at(place);
        let writing = self.app.database.write().await.unwrap();
        let person = self.settle_in(&writing, organisation, held).await;
        writing.commit().await.unwrap();
        person
    }

    pub(crate) async fn sysadmin(&self) -> Person {
        let held = [Grant::DesktopUser, Grant::WebUser, Grant::Sysadmin];
        self.person("root", &held).await
    }

    pub(crate) async fn admin(&self, place: &str) -> Person {
        let held = [
            Grant::DesktopUser,
            Grant::WebUser,
            Grant::Admin(self.at(place)),
        ];
        self.person(place, &held).await
    }

    pub(crate) fn at(&self, place: &str) -> OrganisationId {
        self.places[place].organisation
    }

    async fn settle_in(
        &self,
        writing: &Writing,
        organisation: OrganisationId,
        held: &[Grant],
    ) -> Person {
        let number = self.n_people.fetch_add(1, Ordering::Relaxed);
        let now = self.app.now();
        let user = UserId::random(&SystemRandom);
        let name = format!("person.{number}");
        let stored = User {
            account: Account {
                user,
                origin: Origin::Internal,
                state: AccountState::Active,
                sign_in: SignIn::Open,
            },
            organisation,
            name: UserName::new(&name).unwrap(),
            person: Some(PersonName::new(&format!("Person Number {number}")).unwrap()),
            email: None,
            made: now,
            version: 1,
        };
        users::add(writing, &stored).await.unwrap();
        users::set_credential(writing, user, "password", b"a record", now)
            .await
            .unwrap();
        for grant in held {
            grants::add(writing, user, *grant, now).await.unwrap();
        }
        let (session, bearer) = self.sign_in(writing, user).await;
        let token = self.token(writing, user).await;
        let computer = ComputerId::random(&SystemRandom);
        let secret = NewSecret::random(SecretKind::Computer, &SystemRandom);
        let stored = computers::Stored {
            computer: Computer {
                id: computer,
                owner: user,
                life: Life::Active,
                credential: Credential::Good,
            },
            name: PersonName::new(&format!("computer-{number}")).unwrap(),
            operating_system: "Debian 12".to_owned(),
            program_version: "0.1.0".to_owned(),
            last_seen: None,
            report: computers::Report::default(),
            heads: computers::Heads::default(),
            made: now,
            version: 1,
        };
        computers::add(writing, &stored, &secret.hash)
            .await
            .unwrap();
        Person {
            user,
            organisation,
            name,
            bearer,
            session,
            token,
            computer,
            computer_bearer: secret.expose_text().to_owned(),
        }
    }

    pub(crate) async fn sign_in(&self, writing: &Writing, user: UserId) -> (SessionId, String) {
        let secret = NewSecret::random(SecretKind::Session, &SystemRandom);
        let id = SessionId::random(&SystemRandom);
        let session = Session::begin(id, user, self.app.now(), ServerEpoch(1));
        let stored = sessions::Stored {
            session,
            address: "192.0.2.1".to_owned(),
            program: "a test".to_owned(),
        };
        sessions::add(writing, &stored, &secret.hash).await.unwrap();
        (id, secret.expose_text().to_owned())
    }

    async fn token(&self, writing: &Writing, owner: UserId) -> TokenId {
        let id = TokenId::random(&SystemRandom);
        let new = NewToken {
            id,
            owner,
            life: DAY,
            life_max: DAY,
            epoch: ServerEpoch(1),
        };
        let scope = TokenScope::new([Action::AccountRead], None).unwrap();
        let stored = tokens::Stored {
            token: ApiToken::new(new, scope, self.app.now()).unwrap(),
            name: "A token".to_owned(),
        };
        let secret = NewSecret::random(SecretKind::Token, &SystemRandom);
        tokens::add(writing, &stored, &secret.hash).await.unwrap();
        id
    }

    /// Makes the messages of a new password, which takes a while.
    pub(crate) fn make_messages(&self) -> (String, String) {
        let (client, request) = Registration::start(b"a password", &SystemRandom).unwrap();
        let first = to_hex(&request.to_bytes());
        let credential = CredentialId::of_user(&UserId([1; 16]));
        let response = self.app.sign_in.answer_registration(request, &credential);
        let done = client.finish(
            b"a password",
            Version::CURRENT,
            response.unwrap(),
            &SystemRandom,
        );
        (first, to_hex(&done.unwrap().upload.to_bytes()))
    }

    /// All that the database has, as it is stored.
    pub(crate) fn dump(&self) -> Vec<u8> {
        let mut dump = Vec::new();
        if self.address.is_shared() {
            let service = strongroom_testkit::service("postgresql");
            let output = std::process::Command::new("pg_dump")
                .arg(service.text("url"))
                .arg("--schema")
                .arg(&self.schema)
                .output()
                .unwrap();
            assert!(output.status.success());
            dump = output.stdout;
        } else {
            for entry in std::fs::read_dir(self.folder.path()).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    dump.extend(std::fs::read(path).unwrap());
                }
            }
        }
        dump
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = after(*now, time);
    }

    /// Sets the clock back.
    pub(crate) fn set_back(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        now.0 -= i128::try_from(time.as_nanos()).unwrap();
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Asking<'_> {
        let path = if path.starts_with("/api") || path.starts_with("/health") || path == "/metrics"
        {
            path.to_owned()
        } else {
            format!("/api/v1{path}")
        };
        Asking {
            world: self,
            method: method.to_owned(),
            path,
            bearer: None,
            body: None,
            headers: Vec::new(),
            from: IpAddr::from([192, 0, 2, 1]),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Asking<'_> {
        self.ask("GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Asking<'_> {
        self.ask("POST", path)
    }

    /// What the audit log says lately, as a sysadmin sees it: the events, the newest first.
    pub(crate) async fn events(&self, number: usize) -> Vec<String> {
        let sysadmin = self.sysadmin().await;
        let answer = self.get("/audit").by(&sysadmin).send().await;
        let items = answer.expect(200)["items"].as_array().unwrap().clone();
        let events = items.iter().map(|item| item["event"].as_str().unwrap());
        events.take(number).map(str::to_owned).collect()
    }
}
