//! The unit by which systemd runs the service.

use std::fmt::Write as _;

/// Who the service runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One user, while somebody is logged in as that one, or always where lingering is on.
    User,
    /// The whole computer, as root.
    System,
}

/// A unit of systemd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Who it runs for.
    pub scope: Scope,
    /// The program and its arguments.
    pub command: Vec<String>,
}

/// What holds in both scopes. None of it hides a file from the backup, or makes one look different.
const COMMON: &str = "\
Type=notify
NotifyAccess=main
Restart=on-failure
RestartSec=30
WatchdogSec=5min
TimeoutStartSec=5min
TimeoutStopSec=2min
UMask=0077

# A guest: others come first.
Nice=10
CPUSchedulingPolicy=batch
IOSchedulingClass=best-effort
IOSchedulingPriority=7
CPUWeight=20
IOWeight=20
MemoryHigh=1G
MemoryMax=2G
TasksMax=256

# What it never needs. What would hide files from the backup is missing on purpose: PrivateTmp, ProtectHome,
# PrivateDevices, ProtectKernelModules and PrivateUsers.
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
";

/// What holds for the user.
const USER: &str = "\
SystemCallFilter=@system-service
";

/// What holds for the whole computer: fanotify needs `SYS_ADMIN` and `DAC_READ_SEARCH`, and three calls of its own. Folders of
/// others can be destinations, which `DAC_OVERRIDE` is for.
const SYSTEM: &str = "\
SystemCallFilter=@system-service fanotify_init fanotify_mark open_by_handle_at
CapabilityBoundingSet=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelTunables=yes
ProtectHostname=yes
KeyringMode=private
";

impl Unit {
    /// The name of the file.
    pub const NAME: &str = "strongroom-agent.service";

    /// Returns the text of the file.
    pub fn to_text(&self) -> String {
        let words: Vec<String> = self.command.iter().map(|word| quoted(word)).collect();
        let (own, wanted_by) = match self.scope {
            Scope::User => (USER, "default.target"),
            Scope::System => (SYSTEM, "multi-user.target"),
        };
        format!(
            "# Written by `strongroom agent install`, which overwrites it.\n\
             [Unit]\n\
             Description=Strongroom: backs up what changes\n\
             Documentation=man:strongroom-agent-run(1)\n\
             \n\
             [Service]\n\
             ExecStart={}\n\
             {COMMON}{own}\n\
             [Install]\n\
             WantedBy={wanted_by}\n",
            words.join(" ")
        )
    }
}

/// Returns a word as systemd reads it back: quoted, with nothing that it would replace.
fn quoted(word: &str) -> String {
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '%' => text.push_str("%%"),
            '$' => text.push_str("$$"),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(text, "\\x{byte:02x}");
                }
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(scope: Scope) -> String {
        let command = [
            "/usr/bin/strongroom",
            "agent",
            "run",
            "/home/me/Ö 100% $x\"\\\n",
        ];
        let command = command.map(str::to_owned).to_vec();
        Unit { scope, command }.to_text()
    }

    #[test]
    fn the_units_are_as_they_were_reviewed() {
        insta::assert_snapshot!("user_unit", unit(Scope::User));
        insta::assert_snapshot!("system_unit", unit(Scope::System));
    }

    #[test]
    fn no_word_is_more_than_itself() {
        let line = unit(Scope::User);
        let line = line
            .lines()
            .find(|line| line.starts_with("ExecStart="))
            .unwrap();
        assert_eq!(
            line,
            r#"ExecStart="/usr/bin/strongroom" "agent" "run" "/home/me/Ö 100%% $$x\"\\\x0a""#
        );
    }
}
