//! Values that a spreadsheet would take for a formula: a mark before them says that they are text.
//!
//! ```text
//! =1+1   ──▶ '=1+1      'ann ──▶ ''ann      ann ──▶ ann
//! ```

/// What a spreadsheet takes for the start of a formula, and the mark itself, so that reading gives back what was written.
const STARTS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', MARK];

const MARK: char = '\'';

/// Returns a value as it stands in a file.
pub(super) fn defused(value: String) -> String {
    if value.starts_with(STARTS) {
        format!("{MARK}{value}")
    } else {
        value
    }
}

/// Returns the value that stands in a file. A mark before anything else is part of it: no program of ours has put it there.
pub(super) fn meant(field: String) -> String {
    match field.strip_prefix(MARK) {
        Some(value) if value.starts_with(STARTS) => value.to_owned(),
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for value in ["=1+1", "+49", "-x", "@x", "\tx", "\rx", "'x", "''=x", "'"] {
            let written = defused(value.to_owned());
            assert_eq!(written, format!("'{value}"));
            assert_eq!(meant(written), value);
        }
        for value in ["", "ann", "a=b", " =x"] {
            assert_eq!(defused(value.to_owned()), value);
            assert_eq!(meant(value.to_owned()), value);
        }
        assert_eq!(meant("'s-Gravenhage".to_owned()), "'s-Gravenhage");
    }
}
