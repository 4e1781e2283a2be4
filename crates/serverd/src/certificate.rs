//! `strongroom-server certificate`

use anyhow::Result;
use strongroom_server::app::{certificate, first_start};
use strongroom_server::http::tls;

use crate::arguments::{Arguments, Certificate};
use crate::{open, output};

pub(crate) fn run(arguments: &Arguments, command: &Certificate) -> Result<()> {
    open::beside(arguments, async |app| {
        first_start::check(&app).await?;
        let key = match command {
            Certificate::Key => certificate::key(&app).await?,
            Certificate::NewKey => certificate::new_key(&app).await?,
        };
        output::line(&tls::key_fingerprint(&key)?);
        Ok(())
    })
}
