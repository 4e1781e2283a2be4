//! References to the objects of an archive: `spec/archive-v1.md`, section 3.

use std::fmt;

use crate::ids::{Generation, ObjectName, Seq, to_hex};
use crate::wire::{Put, Reader, WireError, invalid};

/// What an object is, in lists of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A sealed stream of segments.
    Pack = 1,
    /// A sealed index run.
    Index = 2,
    /// A record of the log.
    Record = 3,
    /// The wraps of the key ring.
    Keys = 4,
}

impl ObjectKind {
    /// Returns the code of the specification.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Pack),
            2 => Some(Self::Index),
            3 => Some(Self::Record),
            4 => Some(Self::Keys),
            _ => None,
        }
    }

    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Index => "index",
            Self::Record => "record",
            Self::Keys => "keys",
        }
    }
}

/// The place of a record in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The generation that wrote it.
    pub generation: Generation,
    /// Its number.
    pub seq: Seq,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.generation.0, self.seq.0)
    }
}

/// A kind and a *list name*: an object as lists name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    kind: ObjectKind,
    name: [u8; 32],
}

impl ObjectRef {
    /// Names a pack.
    pub fn pack(name: ObjectName) -> Self {
        Self {
            kind: ObjectKind::Pack,
            name: name.0,
        }
    }

    /// Names an index run.
    pub fn index(name: ObjectName) -> Self {
        Self {
            kind: ObjectKind::Index,
            name: name.0,
        }
    }

    /// Names a keys object.
    pub fn keys(name: ObjectName) -> Self {
        Self {
            kind: ObjectKind::Keys,
            name: name.0,
        }
    }

    /// Names a record.
    pub fn record(id: RecordId) -> Self {
        let mut name = [0; 32];
        name[..4].copy_from_slice(&id.generation.0.to_be_bytes());
        name[4..12].copy_from_slice(&id.seq.0.to_be_bytes());
        Self {
            kind: ObjectKind::Record,
            name,
        }
    }

    /// Returns what the object is.
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// Returns the 32 bytes that name it in lists.
    pub fn list_name(&self) -> [u8; 32] {
        self.name
    }

    /// Returns the name of an object that is not a record.
    pub fn object_name(&self) -> Option<ObjectName> {
        (self.kind != ObjectKind::Record).then_some(ObjectName(self.name))
    }

    /// Returns the place of a record.
    pub fn record_id(&self) -> Option<RecordId> {
        if self.kind != ObjectKind::Record {
            return None;
        }
        let mut reader = Reader::new(&self.name);
        let generation = Generation(reader.u32("generation").ok()?);
        let seq = Seq(reader.u64("seq").ok()?);
        Some(RecordId { generation, seq })
    }

    /// Makes a reference of a kind and a list name; refuses a record's name with bytes behind it, and one
    /// whose generation or number is 0.
    pub fn from_parts(kind: ObjectKind, name: [u8; 32]) -> Option<Self> {
        let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        let fits = kind != ObjectKind::Record
            || is_zero(&name[12..]) && !is_zero(&name[..4]) && !is_zero(&name[4..12]);
        fits.then_some(Self { kind, name })
    }

    /// Appends kind and list name.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.push(self.kind.code());
        out.extend_from_slice(&self.name);
    }

    /// Reads kind and list name.
    pub fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, WireError> {
        let kind = ObjectKind::from_code(reader.u8(field)?).ok_or(invalid(field))?;
        Self::from_parts(kind, reader.array(field)?).ok_or(invalid(field))
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record_id() {
            Some(id) => write!(f, "record {id}"),
            None => write!(f, "{} {}", self.kind.word(), to_hex(&self.name)),
        }
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectRef({self})")
    }
}

/// Appends a sorted list of references.
pub fn put_refs(out: &mut Vec<u8>, refs: &[ObjectRef]) {
    out.put_count(refs.len());
    for object in refs {
        object.put(out);
    }
}

/// Reads a list of references; refuses one that is not strictly sorted.
pub fn read_refs(
    reader: &mut Reader<'_>,
    max: usize,
    field: &'static str,
) -> Result<Vec<ObjectRef>, WireError> {
    let count = reader.count(max, field)?;
    let mut refs: Vec<ObjectRef> = Vec::new();
    for _ in 0..count {
        let object = ObjectRef::read(reader, field)?;
        if refs.last().is_some_and(|last| *last >= object) {
            return Err(invalid(field));
        }
        refs.push(object);
    }
    Ok(refs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_its_place() {
        let id = RecordId {
            generation: Generation(3),
            seq: Seq(77),
        };
        let object = ObjectRef::record(id);
        assert_eq!(object.record_id(), Some(id));
        assert_eq!(object.object_name(), None);
        let mut name = object.list_name();
        name[31] = 1;
        assert_eq!(ObjectRef::from_parts(ObjectKind::Record, name), None);
        for zero in [0..4, 4..12] {
            let mut name = object.list_name();
            name[zero].fill(0);
            assert_eq!(ObjectRef::from_parts(ObjectKind::Record, name), None);
        }
    }

    #[test]
    fn lists_are_sorted() {
        let (one, two) = (
            ObjectRef::pack(ObjectName([1; 32])),
            ObjectRef::pack(ObjectName([2; 32])),
        );
        let mut bytes = Vec::new();
        put_refs(&mut bytes, &[two, one]);
        assert_eq!(
            read_refs(&mut Reader::new(&bytes), 9, "list"),
            Err(invalid("list"))
        );
        bytes.clear();
        put_refs(&mut bytes, &[one, two]);
        assert_eq!(
            read_refs(&mut Reader::new(&bytes), 9, "list"),
            Ok(vec![one, two])
        );
    }
}
