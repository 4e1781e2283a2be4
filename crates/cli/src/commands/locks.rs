//! What became of the locks of a destination, for people.

use strongroom_agent::Locked;
use strongroom_base::with_causes;

use crate::context::Context;

/// Tells what was locked for longer, and warns where that failed: nothing is lost, but what is needed can be deleted
/// sooner than it should.
pub(super) fn tell(context: &Context<'_>, locks: &[Locked]) {
    for there in locks {
        match &there.result {
            Ok(extended) => context.output.detail(&format!(
                "{}: {} of {} objects locked for longer, {} are for the next time",
                there.destination, extended.extended, extended.looked_at, extended.left
            )),
            Err(error) => {
                let message = format!("locks could not be extended: {}", with_causes(error));
                context.output.warning(&there.destination, &message);
            }
        }
    }
}
