//! Makes one-time links: invitations and resets.

use strongroom_api::v1;
use strongroom_base::ids::LinkId;
use strongroom_db::links;
use strongroom_domain::account::Origin;
use strongroom_domain::link::{Link, Purpose};

use crate::app::audit::Event;
use crate::app::words::moment;
use crate::app::{Deed, Fault, NewSecret, SecretKind, Settings};

/// Makes a link for the user of the path, and voids those before it. Its holder chooses what signs in to the account;
/// the administrator who hands it over learns nothing of that.
pub async fn issue_link(deed: &mut Deed, request: v1::Invite) -> Result<v1::Link, Fault> {
    let user = deed.user()?;
    let id = user.account.user;
    if user.account.origin == Origin::External {
        return Err(Fault::refused(
            "the account lives in a directory, and signs in by it",
        ));
    }
    if !deed
        .tree
        .standing(&user.account, user.organisation)
        .may_sign_in()
    {
        return Err(Fault::refused("the account is not active"));
    }
    let purpose = match request.purpose {
        v1::LinkPurpose::Invitation => Purpose::Invitation,
        v1::LinkPurpose::Reset => Purpose::Reset,
    };
    let secret = NewSecret::random(SecretKind::Link, &*deed.app.random);
    let link = Link {
        id: LinkId::random(&*deed.app.random),
        user: id,
        purpose,
        made: deed.now,
        used: None,
        voided: None,
        epoch: deed.epoch,
    };
    links::void_all(&deed.writing, id, deed.now).await?;
    links::add(&deed.writing, &link, &secret.hash).await?;
    let event = Event::of_user("user.link-made", &user).with("purpose", links::name(purpose));
    deed.record(event).await?;
    Ok(v1::Link {
        id: link.id.to_string(),
        user: id.to_string(),
        purpose: request.purpose,
        expires: moment(link.expires()),
        link: Some(text(&deed.app.settings, &secret)),
    })
}

/// Returns a link as it is handed over: where the server is, the secret, and what to pin.
pub(crate) fn text(settings: &Settings, secret: &NewSecret) -> String {
    let address = settings.public_address.trim_end_matches('/');
    let pin = settings.fingerprint.as_ref();
    let pin = pin.map_or_else(String::new, |pin| format!("#{pin}"));
    format!("{address}/link/{}{pin}", secret.expose_text())
}
