//! The access matrix: `access-matrix.txt`, written by hand, against what the code decides, for every action,
//! every role and add-on, and every relation.

use std::collections::BTreeSet;

use proptest::prelude::*;
use strongroom_base::ids::OrganisationId;
use strongroom_domain::access::{
    Action, AddOn, Denial, Grant, Guard, Kind, Relation, Role, Scope, Target, decide,
};
use strongroom_domain::organisation::Forest;

mod world;

use world::{LIES, OWN, account, actor, forest, of_organisation, subject, user};

const MATRIX: &str = include_str!("../access-matrix.txt");

/// One column: what the actor holds, and in which organisations.
const COLUMNS: usize = 9;

fn holder(column: usize, top: OrganisationId, kind: Kind) -> Grant {
    let everywhere_for_servers = match kind {
        Kind::System => Scope::Everywhere,
        Kind::Account | Kind::Organisation => Scope::Subtree(top),
    };
    match column {
        0 => Grant::DesktopUser,
        1 => Grant::WebUser,
        2 => Grant::Manager(top),
        3 => Grant::Admin(top),
        4 => Grant::Sysadmin,
        add_on => Grant::AddOn(AddOn::ALL[add_on - 5], everywhere_for_servers),
    }
}

struct Row<'a> {
    action: Action,
    kind: &'a str,
    guard: &'a str,
    cells: Vec<&'a str>,
}

/// What one walk found.
#[derive(Default)]
struct Walk {
    n_decisions: usize,
    differences: Vec<String>,
}

fn parse(text: &str) -> Result<Vec<Row<'_>>, String> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rows = lines.skip(1).map(|line| {
        let mut words = line.split_whitespace();
        let mut word = || {
            words
                .next()
                .ok_or_else(|| format!("a line is too short: {line}"))
        };
        let action = word()?
            .parse()
            .map_err(|_| format!("no such action: {line}"))?;
        let (kind, guard) = (word()?, word()?);
        let cells: Vec<_> = words.collect();
        if cells.len() != COLUMNS {
            return Err(format!("{} cells: {line}", cells.len()));
        }
        Ok(Row {
            action,
            kind,
            guard,
            cells,
        })
    });
    rows.collect()
}

fn walk(text: &str) -> Walk {
    let mut walk = Walk::default();
    let rows = match parse(text) {
        Ok(rows) => rows,
        Err(problem) => {
            walk.differences.push(problem);
            return walk;
        }
    };
    let listed: BTreeSet<_> = rows.iter().map(|row| row.action).collect();
    if listed.len() != rows.len() {
        walk.differences
            .push("an action is listed twice".to_owned());
    }
    for action in Action::ALL.iter().filter(|action| !listed.contains(action)) {
        walk.differences
            .push(format!("{} is not listed", action.name()));
    }
    let forest = forest();
    for row in &rows {
        walk.row(&forest, row);
    }
    walk
}

impl Walk {
    fn row(&mut self, forest: &Forest, row: &Row<'_>) {
        let rule = row.action.rule();
        let kind = match rule.kind {
            Kind::Account => "account",
            Kind::Organisation => "organisation",
            Kind::System => "system",
        };
        let guard = match rule.guard {
            Guard::Nobody => "-",
            Guard::Rank => "rank",
            Guard::EveryGrant => "grants",
        };
        if (kind, guard) != (row.kind, row.guard) {
            let name = row.action.name();
            self.differences
                .push(format!("{name}: it is `{kind} {guard}`"));
            return;
        }
        for (column, cell) in row.cells.iter().enumerate() {
            let grant = holder(column, OWN, rule.kind);
            match rule.kind {
                Kind::System => self.expect(forest, row, grant, &Target::System, *cell == "yes"),
                Kind::Account | Kind::Organisation => self.cell(forest, row, grant, cell),
            }
        }
    }

    fn cell(&mut self, forest: &Forest, row: &Row<'_>, grant: Grant, cell: &str) {
        let letters = ['o', 'h', 'c', 'p', 's', 'x'];
        let is_organisation = row.kind == "organisation";
        let found: Vec<_> = cell.chars().collect();
        for (place, relation) in Relation::ALL.into_iter().enumerate() {
            let found = found.get(place).copied();
            let is_expected = found == Some(letters[place]);
            let known = if is_organisation && relation == Relation::Own {
                '.'
            } else {
                '-'
            };
            if !is_expected && found != Some(known) || cell.len() != letters.len() {
                let name = row.action.name();
                self.differences.push(format!("{name}: what is `{cell}`?"));
                return;
            }
            if relation == Relation::Own {
                if !is_organisation {
                    self.expect(forest, row, grant, &account(1, OWN), is_expected);
                }
                continue;
            }
            for (lies, _) in LIES.iter().filter(|(_, lies)| *lies == relation) {
                let target = if is_organisation {
                    of_organisation(*lies)
                } else {
                    account(2, *lies)
                };
                self.expect(forest, row, grant, &target, is_expected);
            }
        }
    }

    fn expect(
        &mut self,
        forest: &Forest,
        row: &Row<'_>,
        grant: Grant,
        target: &Target<'_>,
        is_expected: bool,
    ) {
        self.n_decisions += 1;
        let decision = decide(forest, &actor(&[grant]), row.action, target);
        if decision.is_allowed() != is_expected {
            let name = row.action.name();
            self.differences
                .push(format!("{name}: {grant:?} on {target:?} is {decision:?}"));
        }
    }
}

#[test]
fn the_code_decides_what_the_matrix_says() {
    let walk = walk(MATRIX);
    assert_eq!(walk.differences, Vec::<String>::new());
    assert!(walk.n_decisions > 4_500, "{}", walk.n_decisions);
}

/// Where every other cell is as it was, one that is changed is found: thirty cells, from a fixed seed.
#[test]
fn a_changed_cell_is_found() {
    let places: Vec<usize> = MATRIX
        .match_indices('\n')
        .flat_map(|(start, _)| {
            let line = MATRIX[start + 1..].lines().next().unwrap_or_default();
            let is_row = line.contains("account ") && !line.starts_with('#');
            // The cells begin at this column, six characters and a space each.
            (46..line.len())
                .filter(move |place| is_row && (place - 46) % 7 != 6)
                .map(move |place| start + 1 + place)
        })
        .collect();
    assert!(places.len() > 1_800, "{}", places.len());
    let mut seed = 0x5eed_u64;
    for _ in 0..30 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let chosen = usize::try_from(seed >> 33).unwrap() % places.len();
        let place = places[chosen];
        let mut changed = MATRIX.as_bytes().to_vec();
        let relation = {
            let line_start = MATRIX[..place].rfind('\n').unwrap() + 1;
            (place - line_start - 46) % 7
        };
        changed[place] = match changed[place] {
            b'-' => b"ohcpsx"[relation],
            _ => b'-',
        };
        let changed = String::from_utf8(changed).unwrap();
        assert_ne!(walk(&changed).differences, Vec::<String>::new());
    }
}

#[test]
fn a_role_for_everywhere_is_one_for_each_organisation() {
    let forest = forest();
    for action in Action::ALL {
        for add_on in AddOn::ALL {
            for (organisation, _) in LIES {
                let target = match action.rule().kind {
                    Kind::Account => account(2, organisation),
                    Kind::Organisation => of_organisation(organisation),
                    Kind::System => continue,
                };
                let everywhere = [Grant::AddOn(add_on, Scope::Everywhere)];
                let here = [Grant::AddOn(add_on, Scope::Subtree(organisation))];
                let decisions = [everywhere, here]
                    .map(|held| decide(&forest, &actor(&held), *action, &target).is_allowed());
                assert_eq!(decisions[0], decisions[1], "{action:?} {add_on:?}");
            }
        }
    }
}

/// The mission orders the roles: what one may, all above it may.
#[test]
fn a_higher_role_may_no_less() {
    let forest = forest();
    let may = |role: Grant, action, target: &Target<'_>| {
        decide(&forest, &actor(&[role]), action, target).is_allowed()
    };
    for action in Action::ALL {
        for target in targets(*action) {
            let lower =
                [0, 1].map(|column| may(holder(column, OWN, Kind::Account), *action, &target));
            let higher =
                [2, 3, 4].map(|column| may(holder(column, OWN, Kind::Account), *action, &target));
            // Administrators do not do to themselves what they do to others; that is not less.
            let [manager, admin, sysadmin] = higher;
            assert!(manager || !lower[0] && !lower[1], "{action:?} {target:?}");
            assert!(admin || !manager, "{action:?} {target:?}");
            assert!(sysadmin || !admin, "{action:?} {target:?}");
        }
    }
}

fn targets(action: Action) -> Vec<Target<'static>> {
    match action.rule().kind {
        Kind::Account => {
            let others = LIES
                .iter()
                .map(|(organisation, _)| account(2, *organisation));
            others.chain([account(1, OWN)]).collect()
        }
        Kind::Organisation => LIES
            .iter()
            .map(|(organisation, _)| of_organisation(*organisation))
            .collect(),
        Kind::System => vec![Target::System],
    }
}

#[test]
fn what_is_not_seen_is_not_there() {
    let forest = forest();
    let denial = |grants: &[Grant], action, target: &Target<'_>| {
        decide(&forest, &actor(grants), action, target)
            .permit()
            .err()
    };
    let manager = [Grant::Manager(OWN)];
    let block = Action::AccountBlock;
    assert_eq!(
        denial(&manager, block, &account(2, world::CHILD)),
        Some(Denial::Forbidden)
    );
    assert_eq!(
        denial(&manager, block, &account(2, world::SIBLING)),
        Some(Denial::Unseen)
    );
    assert_eq!(
        denial(&[Grant::WebUser], block, &account(2, OWN)),
        Some(Denial::Unseen)
    );
    assert_eq!(
        denial(&[Grant::Sysadmin], block, &account(1, OWN)),
        Some(Denial::Oneself)
    );
    assert_eq!(
        denial(&[], Action::ArchiveAppend, &account(1, OWN)),
        Some(Denial::Forbidden)
    );
    assert_eq!(
        denial(&manager, block, &Target::System),
        Some(Denial::WrongKind)
    );
    // An organisation that is not known is nobody's.
    let unknown = account(2, world::organisation(99));
    assert_eq!(
        denial(&[Grant::Admin(OWN)], block, &unknown),
        Some(Denial::Unseen)
    );
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let top = prop::sample::select(LIES.map(|(organisation, _)| organisation).to_vec());
    (0..COLUMNS, top, any::<bool>()).prop_map(|(column, top, is_everywhere)| {
        let kind = if is_everywhere {
            Kind::System
        } else {
            Kind::Account
        };
        holder(column, top, kind)
    })
}

proptest! {
    /// Rights are a union (administration 3.3, rule 1): another grant takes nothing away from its holder,
    /// and what it gives to the one acted upon gives nobody more.
    #[test]
    fn grants_add_up(
        held in prop::collection::vec(any_grant(), 0..4),
        more in any_grant(),
        theirs in prop::collection::vec(any_grant(), 0..3),
        action in prop::sample::select(Action::ALL),
        place in 0..LIES.len(),
        is_own in any::<bool>(),
    ) {
        let forest = forest();
        let organisation = LIES[place].0;
        let target = |theirs| match action.rule().kind {
            Kind::Account => Target::Account(subject(if is_own { 1 } else { 2 }, organisation, theirs)),
            Kind::Organisation => Target::Organisation { organisation, roles_within: theirs },
            Kind::System => Target::System,
        };
        let may = |held: &[Grant], theirs| {
            decide(&forest, &actor(held), action, &target(theirs)).is_allowed()
        };
        let mut with_more = held.clone();
        with_more.push(more);
        prop_assert!(may(&with_more, &theirs) || !may(&held, &theirs));
        let mut theirs_with_more = theirs.clone();
        theirs_with_more.push(more);
        prop_assert!(may(&held, &theirs) || !may(&held, &theirs_with_more));
    }

    /// A permit says what was decided, and nobody gets one for more.
    #[test]
    fn a_permit_is_for_what_was_asked(held in prop::collection::vec(any_grant(), 0..3), action in prop::sample::select(Action::ALL)) {
        let forest = forest();
        let target = account(2, OWN);
        if let Ok(permit) = decide(&forest, &actor(&held), action, &target).permit() {
            prop_assert_eq!(permit.actor(), user(1));
            prop_assert_eq!(permit.action(), action);
            prop_assert!(permit.allows(action, target.on()));
            prop_assert!(!permit.allows(action, account(3, OWN).on()));
        }
    }
}

#[test]
fn roles_have_an_order() {
    assert!(Role::ALL.is_sorted());
}
