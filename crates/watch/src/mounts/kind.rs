//! What kinds of file systems there are, for one who watches.

/// Whether the kernel of this computer knows of all changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All changes go through this kernel.
    Local,
    /// Others change it too: other computers, the host of a virtual machine, or a program of its own.
    Remote,
    /// The kernel makes the content up; nothing is stored there.
    MadeUp,
}

/// File systems that are on networks, shared with a host or other computers, or made by programs.
const REMOTE: &[&str] = &[
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "cvfs", "fuse", "gfs", "gfs2", "gpfs",
    "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs", "pvfs2", "smb3",
    "smbfs", "vboxsf", "virtiofs", "vmhgfs",
];

/// File systems without stored files. `autofs` is a place where something gets mounted when it is looked at.
const MADE_UP: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

impl Kind {
    /// Judges by the type of the file system. `fuseblk`, a program that serves a local disk, is local.
    pub(crate) fn of(file_system: &str) -> Self {
        if MADE_UP.contains(&file_system) {
            Self::MadeUp
        } else if REMOTE.contains(&file_system) || file_system.starts_with("fuse.") {
            Self::Remote
        } else {
            Self::Local
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_that_others_change_are_remote() {
        for name in ["nfs4", "cifs", "fuse.sshfs", "fuse", "9p", "virtiofs"] {
            assert_eq!(Kind::of(name), Kind::Remote, "{name}");
        }
        for name in ["ext4", "btrfs", "tmpfs", "fuseblk", "overlay", "zfs", ""] {
            assert_eq!(Kind::of(name), Kind::Local, "{name}");
        }
        assert_eq!(Kind::of("proc"), Kind::MadeUp);
    }
}
