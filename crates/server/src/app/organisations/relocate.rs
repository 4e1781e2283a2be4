//! Moves an organisation, with all below it.

use std::collections::BTreeSet;

use strongroom_api::v1;
use strongroom_base::ids::OrganisationId;
use strongroom_db::{grants, groups, organisations};
use strongroom_domain::access::{Denial, Grant, MoveDenial, may_move_organisation};
use strongroom_domain::organisation::{Move, MoveError, Parent, plan_move};

use super::{parent_text, shown};
use crate::app::audit::Event;
use crate::app::words::{confirmed, parse_optional};
use crate::app::{Deed, Fault, Tree};

/// Moves the organisation of the path to another place.
pub async fn relocate(
    deed: &mut Deed,
    request: v1::MoveOrganisation,
) -> Result<v1::Organisation, Fault> {
    let mut organisation = deed.organisation()?;
    let to: Option<OrganisationId> = parse_optional("parent", request.parent.as_deref())?;
    let to = to.map_or(Parent::Root, Parent::Below);
    let moved = deed.tree.within(organisation.id);
    let roles = grants::roles_within(&deed.writing, &moved).await?;
    let planned = plan(deed, organisation.id, to, &roles)?;
    confirmed(organisation.name.as_str(), &request.confirm)?;
    if let Parent::Below(above) = to
        && !deed.tree.is_active(above)
    {
        return Err(Fault::refused("the organisation above is not active"));
    }
    if organisations::is_taken(&deed.writing, to, &organisation.name).await? {
        return Err(Fault::refused(format!(
            "there is an organisation `{}` there already",
            organisation.name
        )));
    }
    organisation.parent = planned.to();
    let stored = organisations::store(&deed.writing, &organisation).await?;
    let left = leave_groups(deed, organisation.id, &moved).await?;
    let event = Event::of_organisation("organisation.moved", &stored)
        .changed(
            "parent",
            parent_text(planned.from()),
            parent_text(planned.to()),
        )
        .with("left_groups", left);
    deed.record(event).await?;
    Ok(shown(&stored, &deed.tree))
}

/// Plans the move, if the caller may carry it out. What they cannot see is not there.
fn plan(
    deed: &Deed,
    organisation: OrganisationId,
    to: Parent,
    roles: &[Grant],
) -> Result<Move, Fault> {
    let forest = deed.tree.forest();
    let planned = plan_move(forest, organisation, to);
    let planned = planned.map_err(|error| match error {
        MoveError::Path(_) => Fault::invalid("parent", "there is no such organisation"),
        other => Fault::refused(other),
    })?;
    may_move_organisation(forest, &deed.caller.actor(), &planned, roles).map_err(|denial| {
        match denial {
            MoveDenial::To(Denial::Unseen) => {
                Fault::invalid("parent", "there is no such organisation")
            }
            MoveDenial::From(denial) | MoveDenial::To(denial) => Fault::from(denial),
            other => Fault::refused(other),
        }
    })?;
    Ok(planned)
}

/// Takes users out of the groups of organisations that are no longer above them; returns how many places that were.
async fn leave_groups(
    deed: &Deed,
    top: OrganisationId,
    moved: &[OrganisationId],
) -> Result<u64, Fault> {
    let above = |tree: &Tree| -> BTreeSet<OrganisationId> {
        let path = tree.path(top);
        path.into_iter()
            .flat_map(|path| path.ancestors().to_vec())
            .collect()
    };
    let after = Tree::read(&deed.writing).await?;
    let lost: Vec<_> = above(&deed.tree)
        .difference(&above(&after))
        .copied()
        .collect();
    Ok(groups::leave(&deed.writing, &lost, moved).await?)
}
