//! Follows the surroundings by the system's D-Bus: sessions from login1, power from `UPower`, the network from
//! `NetworkManager`. All of it is read anew after each signal that may concern it, so a signal that was lost or torn
//! apart costs nothing; in between nothing happens.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use zbus::blocking::connection::Builder;
use zbus::blocking::fdo::DBusProxy;
use zbus::blocking::{Connection, MessageIterator};
use zbus::message::Type;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};
use zbus::{MatchRule, names::BusName};

use super::surroundings::{Network, Power, Presence, Surroundings};

/// A service that does not answer for so long is as good as none.
const PATIENCE: Duration = Duration::from_secs(5);
/// A bus that went away is looked for so often.
const RETRY: Duration = Duration::from_mins(5);
/// Sessions beyond this many are not looked at.
const SESSIONS_MAX: usize = 100;

const LOGIN: &str = "org.freedesktop.login1";
const LOGIN_PATH: &str = "/org/freedesktop/login1";
const POWER: &str = "org.freedesktop.UPower";
const POWER_PATH: &str = "/org/freedesktop/UPower";
const BATTERY_PATH: &str = "/org/freedesktop/UPower/devices/DisplayDevice";
const NETWORK: &str = "org.freedesktop.NetworkManager";
const NETWORK_PATH: &str = "/org/freedesktop/NetworkManager";

type Properties = HashMap<String, OwnedValue>;

/// Follows the surroundings, until it is dropped.
#[derive(Debug)]
pub struct Follower(Arc<Line>);

/// The connection that signals come by, and whether anybody listens.
#[derive(Debug, Default)]
struct Line {
    state: Mutex<(bool, Option<Connection>)>,
    closed: Condvar,
}

impl Follower {
    /// Calls `tell` with what the surroundings are, now and after every change.
    pub(super) fn start(tell: impl Fn(Surroundings) + Send + 'static) -> Self {
        let line = Arc::new(Line::default());
        let theirs = Arc::clone(&line);
        let thread = std::thread::Builder::new().name("surroundings".to_owned());
        // Without the thread nothing is known, which is allowed for.
        let _ = thread.spawn(move || {
            while theirs.is_open() {
                if let Err(error) = follow(&theirs, &tell) {
                    tell(Surroundings {
                        unknown: vec![format!("the system's D-Bus cannot be reached: {error}")],
                        ..Surroundings::default()
                    });
                }
                theirs.rest();
            }
        });
        Self(line)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        if let Some(connection) = state.1.take() {
            let _ = connection.close();
        }
        self.0.closed.notify_all();
    }
}

impl Line {
    fn is_open(&self) -> bool {
        !self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Says which connection ends the waiting; `false` where nobody listens any more.
    fn hold(&self, connection: &Connection) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = Some(connection.clone());
        !state.0
    }

    fn rest(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            self.closed
                .wait_timeout_while(state, RETRY, |state| !state.0),
        );
    }
}

/// Tells what the surroundings are, until the bus or the line is closed.
fn follow(line: &Line, tell: &dyn Fn(Surroundings)) -> zbus::Result<()> {
    let connect = || Builder::system()?.method_timeout(PATIENCE).build();
    // Signals have a connection of their own: one that is not read while a question waits for its answer would fill up.
    let (signals, questions) = (connect()?, connect()?);
    if !line.hold(&signals) {
        return Ok(());
    }
    let received = MessageIterator::from(&signals);
    let bus = DBusProxy::new(&signals)?;
    for rule in rules()? {
        bus.add_match_rule(rule)?;
    }
    tell(look(&questions));
    for message in received {
        if !line.is_open() {
            return Ok(());
        }
        if message?.message_type() == Type::Signal {
            tell(look(&questions));
        }
    }
    Ok(())
}

/// Returns which signals may concern the surroundings.
fn rules() -> zbus::Result<Vec<MatchRule<'static>>> {
    let changed = || {
        let rule = MatchRule::builder().msg_type(Type::Signal);
        let rule = rule.interface("org.freedesktop.DBus.Properties")?;
        rule.member("PropertiesChanged")
    };
    let mut rules = vec![
        changed()?.path_namespace(LOGIN_PATH)?.build(),
        changed()?.path(POWER_PATH)?.build(),
        changed()?.path(BATTERY_PATH)?.build(),
        changed()?.path(NETWORK_PATH)?.build(),
    ];
    for member in ["SessionNew", "SessionRemoved"] {
        let rule = MatchRule::builder().msg_type(Type::Signal);
        let rule = rule.interface("org.freedesktop.login1.Manager")?;
        rules.push(rule.member(member)?.build());
    }
    for service in [LOGIN, POWER, NETWORK] {
        let rule = MatchRule::builder().msg_type(Type::Signal);
        let rule = rule.interface("org.freedesktop.DBus")?;
        let rule = rule.member("NameOwnerChanged")?;
        rules.push(rule.arg(0, service)?.build());
    }
    Ok(rules)
}

/// Reads all of it. What does not answer is named.
fn look(bus: &Connection) -> Surroundings {
    let mut unknown = Vec::new();
    let mut note =
        |what: &str, error: zbus::Error| unknown.push(format!("{what}: {}", brief(&error)));
    let presence = presence(bus).map_err(|error| note("whether somebody is present", error));
    let power = power(bus).map_err(|error| note("whether the battery is in use", error));
    let network = network(bus).map_err(|error| note("whether the network is metered", error));
    Surroundings {
        presence: presence.unwrap_or_default(),
        power: power.unwrap_or_default(),
        network: network.unwrap_or_default(),
        unknown,
    }
}

/// Says what went wrong, as people who have no such service want it.
fn brief(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, _, _)
            if name.ends_with(".ServiceUnknown") || name.ends_with(".NameHasNoOwner") =>
        {
            "no service tells".to_owned()
        }
        other => other.to_string(),
    }
}

/// Somebody is present where a session of a person is open and in front, and neither idle nor locked.
fn presence(bus: &Connection) -> zbus::Result<Presence> {
    type Session = (String, u32, String, String, OwnedObjectPath);
    let manager = Some("org.freedesktop.login1.Manager");
    let service = Some(LOGIN);
    let answer = bus.call_method(service, LOGIN_PATH, manager, "ListSessions", &())?;
    let sessions: Vec<Session> = answer.body().deserialize()?;
    for (_, _, _, _, path) in sessions.iter().take(SESSIONS_MAX) {
        // One that was closed meanwhile is nobody's.
        let Ok(session) = properties(bus, LOGIN, path.as_str(), "org.freedesktop.login1.Session")
        else {
            continue;
        };
        let is = |name: &str| flag(&session, name).unwrap_or(false);
        let of_person = text(&session, "Class").is_none_or(|class| class == "user");
        if of_person && is("Active") && !is("IdleHint") && !is("LockedHint") {
            return Ok(Presence::Present);
        }
    }
    Ok(Presence::Away)
}

fn power(bus: &Connection) -> zbus::Result<Power> {
    let upower = properties(bus, POWER, POWER_PATH, POWER)?;
    if !flag(&upower, "OnBattery").unwrap_or(false) {
        return Ok(Power::Mains);
    }
    let interface = "org.freedesktop.UPower.Device";
    let device = properties(bus, POWER, BATTERY_PATH, interface)?;
    let percent = device
        .get("Percentage")
        .and_then(|value| value.downcast_ref::<f64>().ok());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is clamped before"
    )]
    let percent = percent.unwrap_or(100.0).clamp(0.0, 100.0) as u8;
    Ok(Power::Battery(percent))
}

fn network(bus: &Connection) -> zbus::Result<Network> {
    let manager = properties(bus, NETWORK, NETWORK_PATH, NETWORK)?;
    let number = |name: &str| {
        let value = manager.get(name)?;
        value.downcast_ref::<u32>().ok()
    };
    // NMState: 20 disconnected, 10 asleep. NMMetered: 1 yes, 3 probably.
    Ok(match (number("State"), number("Metered")) {
        (Some(10 | 20), _) => Network::Disconnected,
        (_, Some(1 | 3)) => Network::Metered,
        _ => Network::Free,
    })
}

fn properties(
    bus: &Connection,
    service: &'static str,
    path: &str,
    interface: &str,
) -> zbus::Result<Properties> {
    let service = Some(BusName::try_from(service)?);
    let all = Some("org.freedesktop.DBus.Properties");
    let answer = bus.call_method(service, path, all, "GetAll", &interface)?;
    answer.body().deserialize()
}

fn flag(properties: &Properties, name: &str) -> Option<bool> {
    properties.get(name)?.downcast_ref::<bool>().ok()
}

fn text<'p>(properties: &'p Properties, name: &str) -> Option<&'p str> {
    properties.get(name)?.downcast_ref::<&str>().ok()
}
