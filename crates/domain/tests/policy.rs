//! What holds where, and what is locked (administration 2.6).

use proptest::prelude::*;
use strongroom_base::ids::OrganisationId;
use strongroom_domain::moment::Days;
use strongroom_domain::policy::{
    Chain, Effective, Escrow, EscrowBounds, EscrowPolicy, EscrowSettings, Level, Lifetime, Lock,
    LockedAbove, PrivatePassword, RetentionSettings, SessionSettings, Setting, Settings,
};

mod world;

use world::{CHILD, OWN, PARENT, ROOT};

const PATH: [OrganisationId; 4] = [ROOT, PARENT, OWN, CHILD];

fn retention(hold: Setting<Days>) -> RetentionSettings {
    RetentionSettings {
        hold_inactive: hold,
        ..RetentionSettings::default()
    }
}

fn hold(below: &[(OrganisationId, Option<RetentionSettings>)]) -> Effective<Days> {
    let server = RetentionSettings::default();
    let chain = Chain {
        server: &server,
        below,
    };
    RetentionSettings::policy(&chain).hold_inactive
}

#[test]
fn the_nearest_own_value_holds() {
    let own = retention(Setting::open(Days::new(90)));
    let inherits = [(ROOT, None), (PARENT, Some(own)), (OWN, None)];
    let found = hold(&inherits);
    assert_eq!(found.value, Days::new(90));
    assert_eq!(found.owner, Level::Organisation(PARENT));
    assert_eq!(found.locked_by, None);
    let found = hold(&[]);
    assert_eq!((found.value, found.owner), (Days::new(30), Level::Server));
}

#[test]
fn the_highest_lock_holds() {
    let levels = [
        (ROOT, Some(retention(Setting::open(Days::new(10))))),
        (PARENT, Some(retention(Setting::locked(Days::new(20))))),
        (OWN, Some(retention(Setting::locked(Days::new(3))))),
        (CHILD, Some(retention(Setting::open(Days::new(4))))),
    ];
    let found = hold(&levels);
    assert_eq!(found.value, Days::new(20));
    assert_eq!(found.owner, Level::Organisation(PARENT));
    assert_eq!(found.locked_by, Some(Level::Organisation(PARENT)));
}

#[test]
fn a_lock_is_for_one_setting() {
    let locker = retention(Setting::locked(Days::new(20)));
    let own = RetentionSettings {
        hold_inactive: Setting::open(Days::new(5)),
        hold_blocked: Setting::open(Days::new(6)),
        ..RetentionSettings::default()
    };
    let server = RetentionSettings::default();
    let below = [(ROOT, Some(locker)), (PARENT, Some(own.clone()))];
    let policy = RetentionSettings::policy(&Chain {
        server: &server,
        below: &below,
    });
    assert_eq!(policy.hold_inactive.value, Days::new(20));
    assert_eq!(policy.hold_blocked.value, Days::new(6));
    let above = Chain {
        server: &server,
        below: &below[..1],
    };
    assert_eq!(
        own.check(&above),
        Err(LockedAbove {
            setting: "retention.hold_inactive",
            by: Level::Organisation(ROOT)
        })
    );
}

#[test]
fn what_is_shortened_is_named() {
    let policy = |own| {
        let server = RetentionSettings::default();
        RetentionSettings::policy(&Chain {
            server: &server,
            below: &[(ROOT, own)],
        })
    };
    let before = policy(None);
    let shorter = policy(Some(retention(Setting::open(Days::new(29)))));
    let named: Vec<_> = shorter
        .shortened_since(&before)
        .iter()
        .map(|found| (found.setting, found.before.get(), found.after.get()))
        .collect();
    assert_eq!(named, [("retention.hold_inactive", 30, 29)]);
    assert_eq!(before.shortened_since(&shorter), []);
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let session = SessionSettings::default();
    let server = RetentionSettings::default();
    assert_eq!(server.hold_blocked.value, Days::new(30));
    assert_eq!(server.expired_grace.value, Days::new(0));
    assert_eq!(session.idle.value.length().as_secs(), 1_800);
    assert_eq!(session.token_life_max.value.length().as_secs(), 90 * 86_400);
    assert!(Lifetime::new(std::time::Duration::from_secs(59)).is_err());
}

fn escrow(bounds: EscrowBounds, private_password: PrivatePassword) -> EscrowPolicy {
    let server = EscrowSettings {
        bounds: Setting::open(bounds),
        private_password: Setting::open(private_password),
        ..EscrowSettings::default()
    };
    EscrowSettings::policy(&Chain {
        server: &server,
        below: &[],
    })
}

#[test]
fn the_strictest_choice_within_the_bounds_holds() {
    use Escrow::{None, Secured, Unsecured};

    let any = escrow(EscrowBounds::ANY, PrivatePassword::Allowed);
    assert_eq!(any.choose([]), Unsecured);
    assert_eq!(any.choose([Unsecured, Secured]), Secured);
    assert_eq!(any.choose([None, Secured]), None);
    let company = escrow(
        EscrowBounds::new(Unsecured, Unsecured).unwrap(),
        PrivatePassword::Allowed,
    );
    assert_eq!(company.choose([None]), Unsecured);
    let strict = escrow(
        EscrowBounds::new(Secured, None).unwrap(),
        PrivatePassword::Allowed,
    );
    assert_eq!(strict.choose([]), Secured);
    assert!(EscrowBounds::new(None, Unsecured).is_err());
}

#[test]
fn without_private_passwords_there_is_no_secured_escrow() {
    use Escrow::{None, Secured, Unsecured};

    let any = escrow(EscrowBounds::ANY, PrivatePassword::Forbidden);
    assert_eq!(any.choose([Secured]), Unsecured);
    assert_eq!(any.choose([None]), None);
    let strict = escrow(
        EscrowBounds::new(Secured, None).unwrap(),
        PrivatePassword::Forbidden,
    );
    assert_eq!(strict.choose([Secured]), None);
}

fn own() -> impl Strategy<Value = Option<RetentionSettings>> {
    let setting = (1_u16..50, any::<bool>()).prop_map(|(days, is_locked)| Setting {
        value: Days::new(days),
        lock: if is_locked { Lock::Locked } else { Lock::Open },
    });
    prop::option::of(setting.prop_map(retention))
}

proptest! {
    /// The rule, restated as the text of the reference has it.
    #[test]
    fn the_rule_is_the_one_of_the_reference(owns in prop::array::uniform4(own())) {
        let below: Vec<_> = PATH.into_iter().zip(owns).collect();
        let settings: Vec<_> = below
            .iter()
            .filter_map(|(organisation, own)| Some((Level::Organisation(*organisation), own.as_ref()?.hold_inactive)))
            .collect();
        let owner = settings.last().copied();
        let locker = settings.iter().find(|(_, setting)| setting.lock == Lock::Locked).copied();
        let expected = locker.or(owner).map_or((Level::Server, Days::new(30)), |(level, setting)| (level, setting.value));
        let found = hold(&below);
        prop_assert_eq!((found.owner, found.value), expected);
        prop_assert_eq!(found.locked_by, locker.map(|(level, _)| level));
    }

    /// Nothing that anybody below a lock does changes what is locked; and what the check accepts holds.
    #[test]
    fn nothing_below_widens_what_is_locked(
        owns in prop::array::uniform4(own()),
        new in own(),
        place in 0_usize..4,
    ) {
        let mut below: Vec<_> = PATH.into_iter().zip(owns).collect();
        let before = hold(&below);
        let server = RetentionSettings::default();
        let above = Chain { server: &server, below: &below[..place] };
        let lock_above = RetentionSettings::policy(&above).hold_inactive.locked_by;
        let is_accepted = new.as_ref().is_some_and(|new| new.check(&above).is_ok());
        let value = new.as_ref().map(|new| new.hold_inactive.value);
        below[place].1 = new;
        let after = hold(&below);
        if lock_above.is_some() {
            prop_assert_eq!(after, before);
        }
        if is_accepted {
            prop_assert_eq!(Some(hold(&below[..=place]).value), value);
        }
    }
}
