//! `strongroom-server run`

use std::sync::Arc;

use anyhow::{Context as _, Result};
use strongroom_server::app::{certificate, first_start};
use strongroom_server::config::Config;
use strongroom_server::home;
use strongroom_server::http::serve::{Serving, serve};
use strongroom_server::http::{Site, tls};
use strongroom_server::jobs;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Arguments;
use crate::{config, logging, open, output};

/// Serves until a signal says to end.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = config::read(arguments)?;
    logging::begin(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(start(arguments, &config));
    // Nobody waits for what still asks for the address of a host that is gone.
    runtime.shutdown_background();
    ended
}

async fn start(arguments: &Arguments, config: &Config) -> Result<()> {
    let home = arguments.home();
    home::open(&home)?;
    let listener = TcpListener::bind(config.listen.address).await;
    let listener =
        listener.with_context(|| format!("cannot listen on {}", config.listen.address))?;
    // Where any port was asked for, links name the one there is.
    let mut config = config.clone();
    config.listen.address = listener.local_addr()?;
    let config = &config;
    let pem = home::certificate(&home, config)?;
    let is_own = config.tls.certificate.is_none() && config.tls.acme.is_none();
    let fingerprint = tls::fingerprint(&pem)?;
    let app = open::app(&home, config, is_own.then(|| fingerprint.clone())).await?;
    // Before anybody is told that it runs: a signal that comes then ends it as it should.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let link = first_start::set_up(&app).await?;
    // What is told is told to whoever started the program, and is not in the log: the link is a secret.
    output::line(&format!("listening on {}", config.listen.address));
    if config.tls.acme.is_some() {
        let key = certificate::key(&app).await?;
        let hash = tls::key_fingerprint(&key)?;
        output::line(&format!("key of the certificate (SHA-256): {hash}"));
    } else {
        output::line(&format!("certificate (SHA-256): {fingerprint}"));
    }
    if let Some(link) = link {
        output::line("the first sysadmin signs in with this link, once, within a day:");
        output::line(&format!("  {link}"));
    }
    let site = Arc::new(Site::new(app, config.listen.trusted_proxies.clone()));
    // Until an authority has given one, there is that of the server.
    site.certificates.show(&pem)?;
    jobs::certificate::refresh(&site).await;
    let certificates = Arc::clone(&site.certificates);
    let serving = Serving {
        tls: Some(tls::showing(certificates, config.tls.oldest())?),
        connections_max: config.listen.connections_max,
    };
    let end = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending: requests under way are answered first");
    };
    let jobs = tokio::spawn(jobs::run(Arc::clone(&site)));
    let sinks = tokio::spawn(jobs::sinks::run(Arc::clone(&site)));
    let certificates = tokio::spawn(jobs::certificate::run(Arc::clone(&site)));
    serve(listener, site, serving, end).await;
    jobs.abort();
    sinks.abort();
    certificates.abort();
    tracing::info!("ended");
    Ok(())
}
