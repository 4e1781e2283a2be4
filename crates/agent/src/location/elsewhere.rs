//! What other programs take for a place on another computer. A folder of that name would be a backup that its owner
//! believes to be far away.

use crate::AgentError;

/// Says whether a text that has no scheme is how other programs name a place elsewhere: `[USER@]HOST:PATH` of scp,
/// `REMOTE:PATH` of rclone, `//SERVER/SHARE`.
pub(super) fn is_meant(text: &str) -> bool {
    let is_share = text.starts_with("//") && !text.starts_with("///");
    let first = text.split('/').next().unwrap_or_default();
    is_share || text.starts_with(r"\\") || first.contains(':')
}

/// Refuses such a text, and names what may be meant.
pub(super) fn refused(text: &str) -> AgentError {
    let (before, path) = text.split_once(':').unwrap_or((text, ""));
    if path.contains('@') {
        // It may be a password, as in `davs:USER:PASSWORD@HOST`.
        return AgentError::SecretInUrl;
    }
    let is_host = !before.is_empty() && !before.contains('/') && !path.contains(':');
    let is_account = before.contains('@') || path.starts_with('/');
    let sftp = (is_host && is_account).then(|| match path.strip_prefix('/') {
        Some(path) => format!("sftp://{before}/{path}"),
        None => format!("sftp://{before}/~/{}", path.trim_start_matches("~/")),
    });
    AgentError::Elsewhere {
        text: text.to_owned(),
        sftp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_programs_take_for_another_computer_is_no_folder() {
        let sftp = |text: &str| {
            assert!(is_meant(text), "{text}");
            match refused(text) {
                AgentError::Elsewhere { sftp, .. } => sftp,
                other => panic!("{text}: {other}"),
            }
        };
        for (text, meant) in [
            ("me@nas:/srv/x", "sftp://me@nas/srv/x"),
            ("me@nas:x/y", "sftp://me@nas/~/x/y"),
            ("me@nas:~/x", "sftp://me@nas/~/x"),
            ("nas:/srv", "sftp://nas/srv"),
        ] {
            assert_eq!(sftp(text).as_deref(), Some(meant));
        }
        for text in [
            "nas:backups",
            "b2:bucket:path",
            "rclone:remote:path",
            "//server/share",
            r"\\server\share",
            r"C:\backup",
            ":local:x",
        ] {
            assert_eq!(sftp(text), None, "{text}");
        }
        assert!(is_meant("davs:me:word@host"));
        assert!(matches!(
            refused("davs:me:word@host"),
            AgentError::SecretInUrl
        ));
        for text in ["./a:b", "../a:b", "/a:b", "a/b:c", "///a", "a@b", "a"] {
            assert!(!is_meant(text), "{text}");
        }
    }
}
