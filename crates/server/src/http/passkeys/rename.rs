//! `PATCH /api/v1/passkeys/{passkey}`

use axum::routing::patch;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, passkeys};
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Patch,
    path: "/api/v1/passkeys/{passkey}",
    about: "Renames a passkey of the caller",
    right: Right::To(Action::ProfileEdit),
    takes: Some(shape::<v1::RenamePasskey>()),
    gives: Some(shape::<v1::Passkey>()),
    example: r#"{"name":"Another name"}"#,
    route: || patch(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::RenamePasskey>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = passkeys::rename(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
