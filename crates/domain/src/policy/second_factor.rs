//! Whether an organisation requires a second factor. As with lists of networks, what is below only adds: where one on the
//! way down requires it, nothing below loosens that.

use strongroom_base::ids::OrganisationId;

/// What an organisation says of second factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactorRule {
    /// Nothing: what holds above holds.
    #[default]
    Inherited,
    /// Everybody in it and below must have one, and show it.
    Required,
}

/// Returns the highest organisation of a path, the root first, that requires a second factor.
pub fn second_factor_required_by(
    path: impl IntoIterator<Item = (OrganisationId, SecondFactorRule)>,
) -> Option<OrganisationId> {
    let mut path = path.into_iter();
    let found = path.find(|(_, rule)| *rule == SecondFactorRule::Required);
    found.map(|(organisation, _)| organisation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_below_loosens_it() {
        use SecondFactorRule::{Inherited, Required};
        let by = |rules: [SecondFactorRule; 3]| {
            let path = (1..).map(|n| OrganisationId([n; 16])).zip(rules);
            second_factor_required_by(path).map(|organisation| organisation.0[0])
        };
        assert_eq!(by([Inherited, Inherited, Inherited]), None);
        assert_eq!(by([Inherited, Inherited, Required]), Some(3));
        assert_eq!(by([Inherited, Required, Inherited]), Some(2));
        assert_eq!(by([Required, Inherited, Required]), Some(1));
    }
}
