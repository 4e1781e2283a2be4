//! Amounts of bytes as people write them.

/// Reads a number of bytes, or of units of 1,024, as `500M`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let shift = match unit {
        "" => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        "T" => Some(40),
        _ => None,
    };
    let number = number.parse::<u64>().ok();
    number
        .zip(shift)
        .and_then(|(number, shift)| number.checked_mul(1_u64 << shift))
        .ok_or_else(|| "a size looks like 4096, 500M or 2G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes("4096"), Ok(4_096));
        assert_eq!(bytes("2G"), Ok(2 << 30));
        for text in ["", "G", "1.5G", "2GB", "99999999999T"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
