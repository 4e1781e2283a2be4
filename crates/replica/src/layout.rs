//! Where objects lie: `spec/archive-v1.md`, section 3.

use std::fmt;

use strongroom_base::ids::{ArchiveId, Generation, ObjectName, Seq, from_hex};
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_store::ObjectPath;

/// An object by its place in a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The descriptor.
    Descriptor,
    /// A copy of a keys object.
    Keys {
        /// Its number.
        number: u32,
        /// Its name.
        name: ObjectName,
        /// Which of the two.
        copy: KeysCopy,
    },
    /// A pack, an index run or a record.
    Object(ObjectRef),
}

/// Every keys object is stored twice, so that one that is damaged keeps nobody out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeysCopy {
    /// The object.
    First,
    /// The same bytes again.
    Second,
}

impl KeysCopy {
    /// Both, in the order in which they are written and read.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    fn extension(self) -> &'static str {
        match self {
            Self::First => "",
            Self::Second => ".copy",
        }
    }
}

impl Place {
    /// Stands for the keys object of an archive of which nobody knows the name.
    pub const ANY_KEYS: Self = Self::Keys {
        number: 0,
        name: ObjectName([0; 32]),
        copy: KeysCopy::First,
    };

    /// Returns the two places of a keys object.
    pub fn of_keys(number: u32, name: ObjectName) -> [Self; 2] {
        KeysCopy::BOTH.map(|copy| Self::Keys { number, name, copy })
    }

    /// Returns number and name of the keys object, if it is one.
    pub fn keys(&self) -> Option<(u32, ObjectName)> {
        match self {
            Self::Keys { number, name, .. } => Some((*number, *name)),
            _ => None,
        }
    }

    /// Returns the path.
    pub fn path(&self, archive: ArchiveId) -> ObjectPath {
        match self {
            Self::Descriptor => descriptor_path(archive),
            Self::Keys { number, name, copy } => keys_path(archive, *number, *name, *copy),
            Self::Object(object) => object_path(archive, object),
        }
    }

    /// Reads a path below the folder of an archive; `None` for what is no part of a replica.
    pub fn parse(path_in_archive: &str) -> Option<Self> {
        if path_in_archive == "archive" {
            return Some(Self::Descriptor);
        }
        if let Some(segment) = path_in_archive.strip_prefix("keys/") {
            return parse_keys(segment);
        }
        if let Some(segment) = path_in_archive.strip_prefix("log/") {
            return Some(Self::Object(ObjectRef::record(parse_record(segment)?)));
        }
        parse_content_object(path_in_archive).map(Self::Object)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptor => f.write_str("the archive descriptor"),
            Self::Keys { number: 0, .. } => f.write_str("the keys object"),
            Self::Keys { number, name, copy } => {
                write!(f, "keys {number} {name}{}", copy.extension())
            }
            Self::Object(object) => object.fmt(f),
        }
    }
}

/// Returns the path of the descriptor.
pub fn descriptor_path(archive: ArchiveId) -> ObjectPath {
    path(&format!("{archive}/archive"))
}

/// Returns the path of an object that is not a keys object.
pub fn object_path(archive: ArchiveId, object: &ObjectRef) -> ObjectPath {
    let name = ObjectName(object.list_name()).to_string();
    path(&match (object.kind(), object.record_id()) {
        (_, Some(id)) => format!("{archive}/log/{:08x}-{:016x}", id.generation.0, id.seq.0),
        (ObjectKind::Pack, None) => format!("{archive}/packs/{}/{name}", &name[..2]),
        (_, None) => format!("{archive}/indexes/{name}"),
    })
}

/// Returns the path of a keys object.
pub fn keys_path(archive: ArchiveId, number: u32, name: ObjectName, copy: KeysCopy) -> ObjectPath {
    let extension = copy.extension();
    path(&format!("{archive}/keys/{number:08x}-{name}{extension}"))
}

/// Reads the last segment of the path of a record.
pub fn parse_record(segment: &str) -> Option<RecordId> {
    let (generation, seq) = segment.split_once('-')?;
    let generation = Generation(u32::from_be_bytes(from_hex(generation)?));
    Some(RecordId {
        generation,
        seq: Seq(u64::from_be_bytes(from_hex(seq)?)),
    })
}

/// Reads the last segment of the path of a keys object.
pub fn parse_keys(segment: &str) -> Option<Place> {
    let (segment, copy) = match segment.strip_suffix(KeysCopy::Second.extension()) {
        Some(segment) => (segment, KeysCopy::Second),
        None => (segment, KeysCopy::First),
    };
    let (number, name) = segment.split_once('-')?;
    Some(Place::Keys {
        number: u32::from_be_bytes(from_hex(number)?),
        name: ObjectName(from_hex(name)?),
        copy,
    })
}

/// Reads the path of a pack or an index run below the folder of its archive.
pub fn parse_content_object(path_in_archive: &str) -> Option<ObjectRef> {
    let segments: Vec<&str> = path_in_archive.split('/').collect();
    match segments[..] {
        ["packs", folder, name] if name.starts_with(folder) && folder.len() == 2 => {
            Some(ObjectRef::pack(ObjectName(from_hex(name)?)))
        }
        ["indexes", name] => Some(ObjectRef::index(ObjectName(from_hex(name)?))),
        _ => None,
    }
}

fn path(text: &str) -> ObjectPath {
    ObjectPath::new(text).expect("paths of objects are made of hexadecimal digits and fixed words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_back() {
        let archive = ArchiveId([0xab; 16]);
        let id = RecordId {
            generation: Generation(2),
            seq: Seq(300),
        };
        let record = object_path(archive, &ObjectRef::record(id));
        assert_eq!(
            record.as_str(),
            format!("{archive}/log/00000002-000000000000012c")
        );
        assert_eq!(parse_record("00000002-000000000000012c"), Some(id));
        let pack = ObjectRef::pack(ObjectName([0xcd; 32]));
        let path = object_path(archive, &pack);
        let below = path.as_str().strip_prefix(&format!("{archive}/")).unwrap();
        assert_eq!(parse_content_object(below), Some(pack));
        assert_eq!(parse_record("2-3"), None);
        let objects = [pack, ObjectRef::record(id)].map(Place::Object);
        let keys = Place::of_keys(7, ObjectName([9; 32]));
        for place in objects.into_iter().chain(keys).chain([Place::Descriptor]) {
            let path = place.path(archive);
            let (_, below) = path.as_str().split_once('/').unwrap();
            assert_eq!(Place::parse(below), Some(place));
        }
        for other in ["archive/1", "log/1", "packs/ab/cd", "notes", "keys/1.copy"] {
            assert_eq!(Place::parse(other), None);
        }
    }
}
