//! Addresses of e-mail.
//!
//! An address is where notices and one-time links go. It identifies nobody (identity 3.2: never match on
//! e-mail). Only the plain form is taken: no display name, no quoted local part, no address literal, so
//! that it can stand in a header and in a CSV file as it is.

use std::fmt;

use email_address::{EmailAddress, Options};
use strongroom_base::{Class, Classified};

use crate::name::folded;

/// Most bytes of an address (RFC 5321, 4.5.3.1.3, without the brackets).
pub const EMAIL_LEN_MAX: usize = 254;

/// Why an address was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmailError {
    /// It has more bytes than mail allows.
    #[error("the e-mail address has more than {EMAIL_LEN_MAX} bytes")]
    TooLong,
    /// It is not `name@host`.
    #[error("this is not an e-mail address of the form name@host")]
    Malformed,
}

impl Classified for EmailError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// An address of e-mail. Two that differ in case alone are equal, as every mailbox in use has it.
#[derive(Clone)]
pub struct Email {
    shown: String,
    key: String,
}

impl Email {
    /// Takes an address as it was typed.
    pub fn new(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.len() > EMAIL_LEN_MAX {
            return Err(EmailError::TooLong);
        }
        let options = Options::default()
            .without_display_text()
            .without_domain_literal();
        let address = EmailAddress::parse_with_options(text, options)
            .map_err(|_not_an_address| EmailError::Malformed)?;
        let strange = |c: char| c == '"' || c.is_control() || c.is_whitespace();
        if address.as_str().contains(strange) {
            return Err(EmailError::Malformed);
        }
        let key = folded(address.as_str());
        let shown = address.as_str().to_owned();
        Ok(Self { shown, key })
    }

    /// Returns the address as it was typed.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Returns what is compared.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Email {}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({:?})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_taken() {
        for text in [
            "jane@example.org",
            " Jane.Doe+x@Example.ORG\n",
            "root@localhost",
        ] {
            assert_eq!(Email::new(text).unwrap().as_str(), text.trim());
        }
        assert_eq!(
            Email::new("Jane@Example.org").unwrap(),
            Email::new("jane@example.ORG").unwrap()
        );
    }

    #[test]
    fn what_could_be_more_than_an_address_is_refused() {
        for text in [
            "",
            "jane",
            "@example.org",
            "jane@",
            "Jane <jane@example.org>",
            "\"a b\"@example.org",
            "jane@[127.0.0.1]",
            "jane@example.org\r\nBcc: all@example.org",
            "a@b@c",
            "jane@exa mple.org",
        ] {
            assert_eq!(Email::new(text), Err(EmailError::Malformed), "{text}");
        }
        let long = format!("{}@example.org", "a".repeat(250));
        assert_eq!(Email::new(&long), Err(EmailError::TooLong));
    }
}
