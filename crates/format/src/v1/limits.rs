//! The limits of `spec/archive-v1.md`, section 14.

/// Longest chunk in bytes.
pub const CHUNK_LEN_MAX: usize = 524_288;
/// Longest content in bytes that is kept inline.
pub const INLINE_LEN_MAX: usize = 512;
/// Longest segment in bytes, before compression.
pub const SEGMENT_LEN_MAX: usize = 4_194_304;
/// Longest plaintext of a pack in bytes; packs that are full have exactly this length.
pub const PACK_LEN_MAX: usize = 16_777_216;
/// Most entries of an index run.
pub const INDEX_ENTRIES_MAX: usize = 1_048_576;
/// Longest tree chunk in bytes, unless one entry alone is longer.
pub const TREE_CHUNK_LEN_MAX: usize = 32_768;
/// Shortest tree chunk in bytes that may end at a name.
pub const TREE_CHUNK_LEN_MIN: usize = 2_048;
/// Most items of a list chunk.
pub const LIST_ITEMS_MAX: usize = 4_096;
/// Highest level of a list.
pub const LIST_LEVEL_MAX: u8 = 8;
/// Longest name of a directory entry in bytes.
pub const NAME_LEN_MAX: usize = 4_095;
/// Longest target of a symbolic link, and longest path of a root, in bytes.
pub const PATH_LEN_MAX: usize = 65_535;
/// Longest user, group or host name, or tag, in bytes.
pub const LABEL_LEN_MAX: usize = 255;
/// Most extended attributes of an entry.
pub const XATTRS_MAX: usize = 65_536;
/// Most index runs that a body names.
pub const RUNS_MAX: usize = 4_096;
/// Most roots of a snapshot.
pub const ROOTS_MAX: usize = 1_024;
/// Most tags of a snapshot.
pub const TAGS_MAX: usize = 64;
/// Longest name of a program, with its version, in bytes.
pub const PROGRAM_LEN_MAX: usize = 64;
/// Deepest directory below a root.
pub const DEPTH_MAX: usize = 4_096;
/// Longest body of a record in bytes, unsealed.
pub const BODY_LEN_MAX: usize = 33_554_432;
