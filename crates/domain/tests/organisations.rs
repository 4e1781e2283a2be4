//! Whatever is added and moved, organisations are a forest that is not too deep.

use std::collections::BTreeSet;

use proptest::prelude::*;
use strongroom_base::ids::OrganisationId;
use strongroom_domain::access::Relation;
use strongroom_domain::organisation::{
    DEPTH_MAX, Forest, ForestError, MoveError, Organisations, Parent, Path, PathError, height,
    plan_move, subtree,
};

mod world;

use world::{CHILD, GRANDCHILD, LIES, OWN, PARENT, ROOT, SIBLING, forest, organisation};

fn path(forest: &Forest, organisation: OrganisationId) -> Vec<OrganisationId> {
    let path = Path::of(forest, organisation).expect("it is in the forest");
    path.levels().collect()
}

#[test]
fn a_path_leads_from_the_root() {
    let forest = forest();
    assert_eq!(path(&forest, CHILD), [ROOT, PARENT, OWN, CHILD]);
    assert_eq!(path(&forest, ROOT), [ROOT]);
    assert_eq!(
        Path::of(&forest, organisation(99)),
        Err(PathError::Unknown(organisation(99)))
    );
    let below = subtree(&forest, OWN).unwrap();
    assert_eq!(below, [OWN, CHILD, GRANDCHILD]);
    assert_eq!(height(&forest, ROOT), Some(5));
    assert_eq!(height(&forest, organisation(99)), None);
}

#[test]
fn relations_are_what_they_are_called() {
    let forest = forest();
    for (organisation, relation) in LIES {
        assert_eq!(Relation::of(&forest, OWN, organisation), relation);
    }
}

#[test]
fn depth_has_a_limit() {
    let mut forest = Forest::new();
    let mut parent = Parent::Root;
    for n in 0..8 {
        forest.add(organisation(n), parent).unwrap();
        parent = Parent::Below(organisation(n));
    }
    assert_eq!(
        forest.add(organisation(8), parent),
        Err(ForestError::TooDeep(organisation(8)))
    );
    assert_eq!(
        forest.add(organisation(3), Parent::Root),
        Err(ForestError::Taken(organisation(3)))
    );
    assert_eq!(
        forest.add(organisation(9), Parent::Below(organisation(10))),
        Err(ForestError::NoParent(organisation(9)))
    );
    forest.add(organisation(20), Parent::Root).unwrap();
    assert_eq!(
        plan_move(&forest, organisation(0), Parent::Below(organisation(20))),
        Err(MoveError::TooDeep { levels: 9 })
    );
    assert!(plan_move(&forest, organisation(1), Parent::Below(organisation(20))).is_ok());
}

#[test]
fn nothing_is_moved_below_itself() {
    let forest = forest();
    for below in [OWN, CHILD, GRANDCHILD] {
        assert_eq!(
            plan_move(&forest, OWN, Parent::Below(below)),
            Err(MoveError::Circle(OWN))
        );
    }
    assert_eq!(
        plan_move(&forest, OWN, Parent::Below(PARENT)),
        Err(MoveError::Unchanged(OWN))
    );
}

#[test]
fn what_is_below_comes_along() {
    let mut forest = forest();
    let planned = plan_move(&forest, OWN, Parent::Below(SIBLING)).unwrap();
    forest.carry_out(&planned).unwrap();
    assert_eq!(
        path(&forest, GRANDCHILD),
        [ROOT, PARENT, SIBLING, OWN, CHILD, GRANDCHILD]
    );
    assert!(!forest.children(PARENT).contains(&OWN));
}

#[test]
fn a_plan_is_checked_against_the_forest_it_is_carried_out_on() {
    let mut forest = forest();
    let one = plan_move(&forest, OWN, Parent::Below(SIBLING)).unwrap();
    let other = plan_move(&forest, SIBLING, Parent::Below(OWN)).unwrap();
    forest.carry_out(&one).unwrap();
    assert_eq!(forest.carry_out(&other), Err(MoveError::Circle(SIBLING)));
}

#[test]
fn rows_that_go_round_are_damage() {
    let circle = [
        (organisation(1), Parent::Below(organisation(2))),
        (organisation(2), Parent::Below(organisation(1))),
    ];
    assert_eq!(
        Forest::from_rows(circle),
        Err(PathError::TooDeep(organisation(1)))
    );
    let orphan = [(organisation(1), Parent::Below(organisation(2)))];
    assert_eq!(
        Forest::from_rows(orphan),
        Err(PathError::Unknown(organisation(2)))
    );
}

#[derive(Clone, Debug)]
enum Deed {
    Add(u8, Option<u8>),
    Move(u8, Option<u8>),
}

fn deed() -> impl Strategy<Value = Deed> {
    let place = || prop::option::weighted(0.9, 0_u8..24);
    prop_oneof![
        (0_u8..24, place()).prop_map(|(new, parent)| Deed::Add(new, parent)),
        (0_u8..24, place()).prop_map(|(moved, to)| Deed::Move(moved, to)),
    ]
}

fn parent(place: Option<u8>) -> Parent {
    place.map_or(Parent::Root, |n| Parent::Below(organisation(n)))
}

proptest! {
    #[test]
    fn it_stays_a_forest(deeds in prop::collection::vec(deed(), 1..120)) {
        let mut forest = Forest::new();
        for deed in deeds {
            match deed {
                Deed::Add(new, place) => {
                    let _ = forest.add(organisation(new), parent(place));
                }
                Deed::Move(moved, to) => {
                    if let Ok(planned) = plan_move(&forest, organisation(moved), parent(to)) {
                        forest.carry_out(&planned).unwrap();
                    }
                }
            }
        }
        let mut below_roots = BTreeSet::new();
        for n in 0..24 {
            let Some(parent) = forest.parent(organisation(n)) else { continue };
            let path = Path::of(&forest, organisation(n)).unwrap();
            prop_assert!(path.depth() <= DEPTH_MAX);
            prop_assert_eq!(path.parent(), parent);
            let all: BTreeSet<_> = path.levels().collect();
            prop_assert_eq!(all.len(), path.depth());
            if parent == Parent::Root {
                below_roots.extend(subtree(&forest, organisation(n)).unwrap());
                prop_assert!(height(&forest, organisation(n)).unwrap() <= DEPTH_MAX);
            }
        }
        prop_assert_eq!(below_roots.len(), forest.len());
    }
}
