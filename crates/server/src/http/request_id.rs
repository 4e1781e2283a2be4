//! The number under which the log has a request.

use strongroom_base::ids::to_hex;
use strongroom_base::random::RandomSource;

tokio::task_local! {
    static REQUEST: String;
}

/// Draws one.
pub(crate) fn random(random: &dyn RandomSource) -> String {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    to_hex(&bytes)
}

/// Runs the rest of a request with its number.
pub(crate) async fn with<T>(id: String, rest: impl Future<Output = T>) -> T {
    REQUEST.scope(id, rest).await
}

/// Returns the number of the request that is answered now.
pub(crate) fn current() -> Option<String> {
    REQUEST.try_with(Clone::clone).ok()
}
