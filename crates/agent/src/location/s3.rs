//! A bucket, and names below a prefix in it.

use percent_encoding::{percent_decode_str, utf8_percent_encode};
use strongroom_store::s3;
use strongroom_store::throttle::Limits;
use url::{Host, Url};

use super::{NOT_IN_URLS, Options};

/// The region of servers that have none.
const REGION_OF_OTHERS: &str = "us-east-1";

/// A bucket, and names below a prefix in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct S3Place {
    /// The server; `None` for Amazon's of the region.
    endpoint: Option<Url>,
    region: String,
    bucket: String,
    prefix: String,
    /// Whether the bucket is a part of the host's name; by default at Amazon.
    bucket_in_host: Option<bool>,
}

/// Understands `s3://BUCKET/PREFIX?…` and `s3:https://HOST/BUCKET/PREFIX?…`.
pub(super) fn parse(text: &str) -> Result<(S3Place, Options), &'static str> {
    let rest = text.strip_prefix("s3:").unwrap_or(text);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut endpoint, path) = if let Some(path) = path.strip_prefix("//") {
        (None, path.to_owned())
    } else {
        let url = Url::parse(path).map_err(|_| "it is written s3://BUCKET/PREFIX")?;
        let path = path.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        (Some(server(&url[..url::Position::BeforePath])?), path)
    };
    let (mut region, mut bucket_in_host, mut options) = (None, None, Options::default());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "endpoint" => endpoint = Some(server(&value)?),
            "region" => region = Some(value.into_owned()),
            "style" => bucket_in_host = Some(in_host(&value)?),
            _ if options.set(&name, &value)? => {}
            _ => return Err("it has an option that is not known"),
        }
    }
    let region = match (region, &endpoint) {
        (Some(region), _) => region,
        (None, Some(_)) => REGION_OF_OTHERS.to_owned(),
        (None, None) => {
            return Err(
                "it needs the region, as s3://BUCKET/PREFIX?region=eu-central-1, or another server, as ?endpoint=https://HOST",
            );
        }
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if region.is_empty() || !region.chars().all(is_plain) {
        return Err("its region is not a name");
    }
    let (bucket, prefix) = path.split_once('/').unwrap_or((&path, ""));
    if bucket.is_empty() || !bucket.chars().all(is_plain) {
        return Err("its bucket has letters, digits, dots and dashes");
    }
    let prefix = percent_decode_str(prefix).decode_utf8();
    let prefix = prefix.map_err(|_| "its prefix is not UTF-8")?;
    let prefix = prefix.trim_end_matches('/');
    let is_name = |name: &str| !name.is_empty() && name != "." && name != "..";
    if !prefix.is_empty() && !prefix.split('/').all(is_name) {
        return Err("its prefix has a name that is empty or has dots only");
    }
    let place = S3Place {
        endpoint,
        region,
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        bucket_in_host,
    };
    Ok((place, options))
}

fn in_host(style: &str) -> Result<bool, &'static str> {
    match style {
        "host" => Ok(true),
        "path" => Ok(false),
        _ => Err("style is host or path"),
    }
}

/// Understands the address of a server.
fn server(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "its endpoint is not a URL, as https://HOST:PORT")?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        "http" => return Err("plain http is for servers on this computer; use https"),
        _ => return Err("its endpoint begins with https://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its endpoint is a host and a port, without a user");
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("its endpoint is a host and a port, without a path");
    }
    Ok(url)
}

impl S3Place {
    /// Returns the URL without its query, and adds to the query what belongs to the place.
    pub(super) fn to_url(&self, query: &mut Vec<(&'static str, String)>) -> String {
        let mut own = Vec::new();
        if let Some(endpoint) = &self.endpoint {
            own.push((
                "endpoint",
                endpoint.as_str().trim_end_matches('/').to_owned(),
            ));
        }
        own.push(("region", self.region.clone()));
        if let Some(in_host) = self.bucket_in_host {
            let style = if in_host { "host" } else { "path" };
            own.push(("style", style.to_owned()));
        }
        query.splice(0..0, own);
        match self.prefix.as_str() {
            "" => format!("s3://{}", self.bucket),
            prefix => format!(
                "s3://{}/{}",
                self.bucket,
                utf8_percent_encode(prefix, NOT_IN_URLS)
            ),
        }
    }

    pub(super) fn options(&self, options: &Options, limits: Limits) -> s3::Options {
        let amazon = || {
            let text = format!("https://s3.{}.amazonaws.com", self.region);
            Url::parse(&text).expect("a region is a part of a host's name")
        };
        // A certificate for *.HOST does not hold for a bucket with dots in its name.
        let by_default = self.endpoint.is_none() && !self.bucket.contains('.');
        s3::Options {
            endpoint: self.endpoint.clone().unwrap_or_else(amazon),
            bucket_in_host: self.bucket_in_host.unwrap_or(by_default),
            bucket: self.bucket.clone(),
            region: self.region.clone(),
            prefix: self.prefix.clone(),
            lock_days: options.lock_days,
            lock_mode: options.lock_mode,
            single_writer: options.single_writer,
            limits,
        }
    }
}
