//! Packs and index runs.

use strongroom_base::ids::{Epoch, Generation, ObjectName, Seq};
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_crypto::keys::{ChunkKind, SealedKind};
use strongroom_crypto::seal::PREFIX_LEN;
use strongroom_crypto::suite::Suite;
use strongroom_format::content::ChunkId;
use strongroom_format::index::{Entry as Row, PackPlace, Run, SegmentPlace};
use strongroom_format::pack::{
    Fill, Method, PackClass, Trailer, TrailerChunk, TrailerSegment, finish_pack,
};
use strongroom_format::padding::Carrier;
use strongroom_format::sealed::SealedHeader;

use crate::common::Case;

pub(crate) type Edit<T> = fn(&mut T);

pub(crate) const NO_WRITER: &str = "holds a value that no writer produces";

pub(crate) fn case(structure: &str, name: &str, about: &str, bytes: &[u8]) -> Case {
    Case::new("archive-v1", structure, name, about, bytes)
}

fn trailer(class: PackClass, kinds: [ChunkKind; 2]) -> Trailer {
    let chunk = |kind, byte: u8| TrailerChunk::new(kind, &ChunkId([byte; 32]), 100);
    let segment = |method, stored_len, byte| TrailerSegment {
        method,
        stored_len,
        raw_len: 200,
        chunks: vec![chunk(kinds[0], byte), chunk(kinds[1], byte + 1)],
    };
    Trailer {
        class,
        segments: vec![
            segment(Method::Stored, 200, 0x51),
            segment(Method::Zstd, 60, 0x61),
        ],
    }
}

fn data_trailer() -> Trailer {
    trailer(PackClass::Data, [ChunkKind::Data; 2])
}

fn pack(trailer: &Trailer, carrier: Carrier) -> Vec<u8> {
    let mut plaintext = vec![0x5e; 260];
    finish_pack(&mut plaintext, trailer, Fill::Least(carrier)).unwrap();
    plaintext
}

/// A pack or a run that a record carries, so that the files are short, or an object.
fn carried(carrier: Carrier, structure: &str, name: &str, about: &str, bytes: &[u8]) -> Case {
    let word = match carrier {
        Carrier::Object => "object",
        Carrier::Record => "record",
    };
    case(structure, name, about, bytes).with("carrier", word)
}

fn packs() -> Vec<Case> {
    let trees = trailer(PackClass::Meta, [ChunkKind::Tree, ChunkKind::List]);
    let mut cases = vec![
        carried(
            Carrier::Record,
            "pack",
            "data",
            "two segments; their bytes stand for chunks",
            &pack(&data_trailer(), Carrier::Record),
        ),
        carried(
            Carrier::Record,
            "pack",
            "meta",
            "trees and lists",
            &pack(&trees, Carrier::Record),
        ),
        carried(
            Carrier::Object,
            "pack",
            "object",
            "an object, which is longer",
            &pack(&data_trailer(), Carrier::Object),
        ),
    ];
    let of_other = |carrier, other, name, about| {
        let error = format!("malformed pack: `length` {NO_WRITER}");
        let bytes = pack(&data_trailer(), other);
        carried(carrier, "pack", name, about, &bytes).refused(&error)
    };
    cases.push(of_other(
        Carrier::Object,
        Carrier::Record,
        "object-short",
        "an object that is padded like a part of a record",
    ));
    cases.push(of_other(
        Carrier::Record,
        Carrier::Object,
        "record-long",
        "a part of a record that is padded like an object",
    ));
    let edits: [(&str, &str, Edit<Trailer>, &str); 9] = [
        (
            "class-mixed",
            "a tree in a pack of data",
            |t| t.segments[0].chunks[0].kind = ChunkKind::Tree,
            "chunk kind",
        ),
        (
            "stored",
            "a stored segment that is shorter",
            |t| t.segments[0].stored_len = 199,
            "stored length",
        ),
        (
            "zstd",
            "a compressed segment that is no shorter",
            |t| t.segments[1].stored_len = 200,
            "stored length",
        ),
        (
            "chunk-lengths",
            "chunks that do not add up",
            |t| t.segments[0].chunks[1].len = 99,
            "raw length",
        ),
        (
            "chunk-0",
            "a chunk without bytes",
            |t| t.segments[0].chunks[1].len = 0,
            "chunk length",
        ),
        (
            "chunk-long",
            "a chunk above the limit",
            |t| t.segments[0].chunks[1].len = 524_289,
            "chunk length",
        ),
        (
            "raw-long",
            "a segment above the limit",
            |t| t.segments[0].raw_len = 4_194_305,
            "raw length",
        ),
        (
            "no-segments",
            "no segments",
            |t| t.segments.clear(),
            "segment count",
        ),
        (
            "too-much",
            "segments longer than the pack",
            |t| t.segments = vec![t.segments[0].clone(); 30],
            "segment count",
        ),
    ];
    cases.extend(edits.into_iter().map(|(name, about, edit, field)| {
        let mut trailer = data_trailer();
        edit(&mut trailer);
        let error = format!("malformed pack trailer: `{field}` {NO_WRITER}");
        let bytes = pack(&trailer, Carrier::Record);
        carried(Carrier::Record, "pack", name, about, &bytes).refused(&error)
    }));
    cases.extend(edited_packs());
    cases
}

fn edited_packs() -> Vec<Case> {
    let good = pack(&data_trailer(), Carrier::Record);
    let edits: [(&str, &str, Edit<Vec<u8>>, &str); 10] = [
        (
            "long",
            "more padding than is needed",
            |b| b.splice(300..300, vec![0; 4_096]).for_each(drop),
            "pack: `length` holds a value that no writer produces",
        ),
        (
            "padding",
            "padding that is not zero",
            |b| b[300] = 1,
            "pack: `padding` holds a value that no writer produces",
        ),
        (
            "length",
            "a length that is not padded",
            |b| {
                b.insert(300, 0);
            },
            "pack: `length` holds a value that no writer produces",
        ),
        (
            "padme",
            "a length between two padded ones",
            |b| b.splice(300..300, vec![0; 28_772]).for_each(drop),
            "pack: `length` holds a value that no writer produces",
        ),
        (
            "empty",
            "no bytes",
            Vec::clear,
            "pack: `length` holds a value that no writer produces",
        ),
        (
            "trailer-length",
            "a trailer longer than the pack",
            |b| b[4_093] = 0xff,
            "pack: `trailer length` holds a value that no writer produces",
        ),
        (
            "class",
            "class 2",
            |b| {
                let at = start(b);
                b[at] = 2;
            },
            "pack trailer: `class` holds a value that no writer produces",
        ),
        (
            "method",
            "method 2",
            |b| {
                let at = start(b);
                b[at + 2] = 2;
            },
            "pack trailer: `method` holds a value that no writer produces",
        ),
        (
            "trailing",
            "a byte after the trailer",
            |b| {
                b[4_095] += 1;
                b.remove(300);
                b.insert(4_091, 0);
            },
            "pack trailer: bytes follow the end of the value",
        ),
        (
            "cut",
            "a trailer that is cut short",
            |b| {
                b[4_095] -= 1;
                b.remove(4_091);
                b.insert(300, 0);
            },
            "pack trailer: the bytes end inside `chunk length`",
        ),
    ];
    let edited = edits.into_iter().map(|(name, about, edit, error)| {
        let mut bytes = good.clone();
        edit(&mut bytes);
        let error = format!("malformed {error}");
        carried(Carrier::Record, "pack", name, about, &bytes).refused(&error)
    });
    edited.collect()
}

/// Where the trailer of a pack starts.
fn start(pack: &[u8]) -> usize {
    pack.len() - 4 - usize::from(*pack.last().unwrap())
}

/// Names a record of generation 1.
pub(crate) fn record(seq: u64) -> ObjectRef {
    ObjectRef::record(RecordId {
        generation: Generation(1),
        seq: Seq(seq),
    })
}

fn run() -> Run {
    let place = |object, offset, suite, byte: u8| PackPlace {
        object,
        offset,
        size: 4_184,
        header: SealedHeader {
            kind: SealedKind::Pack,
            suite,
            generation: Generation(1),
            epoch: Epoch(1),
        },
        prefix: [byte; PREFIX_LEN],
    };
    let segment = |object, offset, method| SegmentPlace {
        object,
        offset,
        stored_len: 60,
        method,
        raw_len: if method == Method::Zstd { 200 } else { 60 },
    };
    let row = |byte, segment, offset| Row {
        prefix: [byte; 16],
        segment,
        offset,
    };
    let pack = ObjectRef::pack(ObjectName([9; 32]));
    Run {
        objects: vec![
            place(record(2), 1_345, Suite::Aes256, 1),
            PackPlace {
                size: 4_200,
                ..place(record(2), 5_529, Suite::Blowfish448, 2)
            },
            PackPlace {
                size: 32_888,
                ..place(pack, 0, Suite::ChaCha20, 3)
            },
        ],
        segments: vec![
            segment(0, 0, Method::Zstd),
            segment(1, 0, Method::Stored),
            segment(2, 0, Method::Zstd),
            segment(2, 60, Method::Stored),
        ],
        entries: vec![
            row(1, 3, 0),
            row(4, 0, 0),
            row(5, 0, 100),
            row(8, 2, 7),
            row(0xfe, 1, 59),
        ],
    }
}

fn runs() -> Vec<Case> {
    let edits: [(&str, &str, Edit<Run>, &str); 25] = [
        (
            "objects-twice",
            "an object row twice",
            |r| r.objects[1] = r.objects[0].clone(),
            "index run: `objects`",
        ),
        (
            "objects-overlap",
            "packs of a record that overlap",
            |r| r.objects[1].offset = 5_528,
            "index run: `objects`",
        ),
        (
            "object-size",
            "a size that no pack has",
            |r| r.objects[2].size = 32_889,
            "object row of an index run: `size`",
        ),
        (
            "object-padding",
            "a size of a pack that is not padded",
            |r| r.objects[2].size = 33_912,
            "object row of an index run: `size`",
        ),
        (
            "object-short",
            "a pack object of the size of one in a record",
            |r| r.objects[2].size = 4_184,
            "object row of an index run: `size`",
        ),
        (
            "record-offset",
            "a pack at the start of a record",
            |r| r.objects[0].offset = 1_344,
            "object row of an index run: `offset`",
        ),
        (
            "object-generation",
            "generation 0",
            |r| r.objects[0].header.generation = Generation(0),
            "object row of an index run: `generation`",
        ),
        (
            "object-epoch",
            "epoch 0",
            |r| r.objects[0].header.epoch = Epoch(0),
            "object row of an index run: `epoch`",
        ),
        (
            "segment-unused",
            "a segment without entries",
            |r| r.entries[0].segment = 2,
            "index run: `segments`",
        ),
        (
            "segments-overlap",
            "segments that overlap",
            |r| r.segments[3].offset = 59,
            "index run: `segments`",
        ),
        (
            "segment-outside",
            "a segment that leaves no room for a trailer",
            |r| r.segments[3].offset = 32_681,
            "index run: `segments`",
        ),
        (
            "entries-one-place",
            "two chunks at one place",
            |r| r.entries[2].offset = 0,
            "index run: `offset`",
        ),
        (
            "objects-unsorted",
            "objects that are not sorted",
            |r| r.objects.swap(0, 1),
            "index run: `objects`",
        ),
        (
            "segments-unsorted",
            "segments that are not sorted",
            |r| r.segments.swap(2, 3),
            "index run: `segments`",
        ),
        (
            "entries-unsorted",
            "entries that are not sorted",
            |r| r.entries.swap(0, 1),
            "index run: `entries`",
        ),
        (
            "entries-twice",
            "a prefix twice",
            |r| r.entries[1].prefix = [1; 16],
            "index run: `entries`",
        ),
        (
            "no-entries",
            "no entries",
            |r| r.entries.clear(),
            "index run: `entries`",
        ),
        (
            "object-unused",
            "an object without segments",
            |r| r.segments[1].object = 0,
            "index run: `segments`",
        ),
        (
            "object-number",
            "a segment of an object that is not there",
            |r| r.segments[3].object = 3,
            "segment row of an index run: `object`",
        ),
        (
            "segment-number",
            "an entry of a segment that is not there",
            |r| r.entries[0].segment = 4,
            "entry of an index run: `segment`",
        ),
        (
            "entry-outside",
            "an entry behind its segment",
            |r| r.entries[0].offset = 60,
            "index run: `offset`",
        ),
        (
            "entry-offset",
            "an entry behind every segment",
            |r| r.entries[0].offset = 4_194_304,
            "entry of an index run: `offset`",
        ),
        (
            "zstd",
            "a compressed segment that is no shorter",
            |r| r.segments[0].raw_len = 60,
            "segment row of an index run: `stored length`",
        ),
        (
            "segment-offset",
            "a segment behind the longest pack",
            |r| r.segments[3].offset = 16_777_200,
            "segment row of an index run: `offset`",
        ),
        (
            "pack-offset",
            "a pack object that does not start at 0",
            |r| r.objects[2].offset = 1,
            "object row of an index run: `offset`",
        ),
    ];
    let of_run =
        |carrier, name, about, bytes: &[u8]| carried(carrier, "index-run", name, about, bytes);
    let in_record = run().encode(Carrier::Record);
    let alone = run().encode(Carrier::Object);
    let about = "packs in records and alone";
    let mut cases = vec![
        of_run(Carrier::Record, "run", about, &in_record),
        of_run(Carrier::Object, "object", about, &alone),
    ];
    let error = format!("malformed index run: `length` {NO_WRITER}");
    let about = "an object that is padded like a part of a record";
    cases.push(of_run(Carrier::Object, "object-short-run", about, &in_record).refused(&error));
    let about = "a part of a record that is padded like an object";
    cases.push(of_run(Carrier::Record, "record-long", about, &alone).refused(&error));
    cases.extend(edits.into_iter().map(|(name, about, edit, error)| {
        let mut run = run();
        edit(&mut run);
        let error = format!("malformed {error} {NO_WRITER}");
        let bytes = run.encode(Carrier::Record);
        of_run(Carrier::Record, name, about, &bytes).refused(&error)
    }));
    let edits: [(&str, &str, Edit<Vec<u8>>, &str); 10] = [
        (
            "magic",
            "wrong magic",
            |b| b[0] = 0,
            "these bytes are not an index run",
        ),
        (
            "trailing",
            "a byte after the padding",
            |b| b.push(0),
            "malformed index run: `length` holds a value that no writer produces",
        ),
        (
            "unpadded",
            "no padding",
            |b| b.truncate(524),
            "malformed index run: `length` holds a value that no writer produces",
        ),
        (
            "long",
            "more padding than is needed",
            |b| b.resize(8_192, 0),
            "malformed index run: `length` holds a value that no writer produces",
        ),
        (
            "padding",
            "padding that is not zero",
            |b| b[524] = 1,
            "malformed index run: `padding` holds a value that no writer produces",
        ),
        (
            "cut",
            "cut short",
            |b| {
                b.pop();
            },
            "malformed index run: `length` holds a value that no writer produces",
        ),
        (
            "object-kind",
            "an object of kind 2",
            |b| b[16] = 2,
            "malformed object row of an index run: `kind` holds a value that no writer produces",
        ),
        (
            "suite",
            "suite 4",
            |b| b[17] = 4,
            "malformed object row of an index run: `suite` holds a value that no writer produces",
        ),
        (
            "reserved",
            "a reserved bit set",
            |b| b[19] = 1,
            "malformed object row of an index run: `reserved` holds a value that no writer produces",
        ),
        (
            "list-name",
            "the list name of a record with a byte behind it",
            |b| b[59] = 1,
            "malformed object row of an index run: `list name` holds a value that no writer produces",
        ),
    ];
    cases.extend(edits.into_iter().map(|(name, about, edit, error)| {
        let mut bytes = in_record.clone();
        edit(&mut bytes);
        of_run(Carrier::Record, name, about, &bytes).refused(error)
    }));
    cases
}

pub(crate) fn cases() -> Vec<Case> {
    packs().into_iter().chain(runs()).collect()
}
