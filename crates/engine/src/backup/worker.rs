//! Turns the steps of the walk into entries: reads files, links and metadata.

use std::collections::HashMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, select_biased};
use strongroom_catalogue::Local;
use strongroom_crypto::hash::hash;
use strongroom_crypto::keys::ChunkKind;
use strongroom_files::{Error, Extra, Kind, Names, Stat, extra_of, extra_of_child};
use strongroom_format::content::{Content, ListItem};
use strongroom_format::limits::{CHUNK_LEN_MAX, INLINE_LEN_MAX, LABEL_LEN_MAX};
use strongroom_format::tree::{Entry, Meta, Node, Owner};

use super::batch::{Batch, Done, Enter, Standing, Step, ToRead, join};
use super::chunks::{ChunkSink, RawSegment, Source};
use super::content::{FileReader, ReadFailure};
use super::lists::ListBuilder;
use crate::error::EngineError;
use crate::monitor::{Monitor, Stop, Warning};

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// Room for the extended attributes of an entry in bytes: with name and link it stays shorter than a chunk.
const XATTRS_ROOM: usize = 256 << 10;
/// What an extended attribute takes at most beside its name and its value.
const XATTR_OVERHEAD: usize = 48;

/// One thread's share of the work.
pub(crate) struct Worker<'a> {
    pub(crate) sink: ChunkSink<'a>,
    pub(crate) reader: FileReader<'a>,
    pub(crate) names: &'a Names,
    pub(crate) monitor: &'a dyn Monitor,
    pub(crate) stop: &'a Stop,
    pub(crate) owners: HashMap<(u32, u32), Arc<Owner>>,
}

impl Worker<'_> {
    /// Works until there are no more batches, and no other thread has segments to compress.
    pub(crate) fn run(
        mut self,
        batches: &Receiver<Batch<Step>>,
        raw: &Receiver<RawSegment>,
        done: Sender<Batch<Done>>,
    ) -> Result<(), EngineError> {
        let spans = self.reader.spans.waiting();
        loop {
            select_biased! {
                recv(raw) -> segment => if let Ok(segment) = segment {
                    self.stop.await_turn()?;
                    self.sink.compress(segment)?;
                },
                recv(spans) -> span => if let Ok(span) = span {
                    self.reader.spans.cut_span(&span, &mut self.sink);
                },
                recv(batches) -> batch => {
                    let Ok(batch) = batch else { break };
                    let number = batch.number;
                    let steps = batch
                        .steps
                        .into_iter()
                        .map(|step| self.step(step))
                        .collect::<Result<Vec<_>, _>>()?;
                    if done.send(Batch { number, steps }).is_err() {
                        return Err(EngineError::Interrupted);
                    }
                }
            }
        }
        // The assembly ends when no worker has anything for it, and it may have segments to compress.
        drop(done);
        self.reader.spans.hang_up();
        loop {
            select_biased! {
                recv(raw) -> segment => if let Ok(segment) = segment {
                    self.sink.compress(segment)?;
                },
                recv(spans) -> span => match span {
                    Ok(span) => self.reader.spans.cut_span(&span, &mut self.sink),
                    Err(_) => break,
                },
            }
        }
        self.sink.flush_all()?;
        self.sink.hang_up();
        raw.iter()
            .try_for_each(|segment| self.sink.compress(segment))
    }

    fn step(&mut self, step: Step) -> Result<Done, EngineError> {
        self.stop.await_turn()?;
        Ok(match step {
            Step::Enter(enter) => {
                let meta = self.directory_meta(&enter)?;
                Done::Enter(enter, Box::new(meta))
            }
            Step::Leave => Done::Leave,
            Step::Lost(name) => Done::Lost(name),
            Step::SameDirectory(same, below) => Done::SameDirectory(same, below),
            Step::Removed(path) => Done::Removed(path),
            Step::Same(same) => Done::Entry {
                entry: Box::new(same.entry),
                local: same.local,
                unsure: false,
                standing: Standing::Same,
            },
            Step::Read(to_read) => self.read(&to_read)?,
        })
    }

    fn directory_meta(&mut self, enter: &Enter) -> Result<Meta, EngineError> {
        let stat = &enter.stat;
        if let Some(row) = &enter.row
            && row.local == local(stat)
            && row.dev == stat.dev
            && row.entry.meta.mtime == stat.mtime()
            && super::listing::is_settled(row.local.ctime, row.scanned)
        {
            return Ok(row.entry.meta.clone());
        }
        let extra = extra_of(&*enter.dir).unwrap_or_else(|error| {
            self.warn(&enter.path, &error, false);
            Extra::default()
        });
        self.meta(stat, extra, &enter.path)
    }

    fn read(&mut self, to_read: &ToRead) -> Result<Done, EngineError> {
        let result = match to_read.stat.kind {
            Kind::File => self.read_file(to_read),
            Kind::Socket => return Ok(Done::Gone),
            _ => self.read_other(to_read),
        };
        match result {
            Ok(done) => Ok(done),
            Err(ReadFailure::Engine(error)) => Err(error),
            Err(ReadFailure::Changed) => Ok(Done::Lost(to_read.name.clone())),
            Err(ReadFailure::Files(error)) => {
                let path = join(&to_read.dir_path, &to_read.name);
                let gone = error.is_gone();
                self.warn(&path, &error, true);
                let name = to_read.name.clone();
                Ok(if gone { Done::Gone } else { Done::Lost(name) })
            }
        }
    }

    fn read_file(&mut self, to_read: &ToRead) -> Result<Done, ReadFailure> {
        let mut expected = to_read.stat;
        for attempt in 1..=ATTEMPTS {
            let file = Arc::new(to_read.dir.open_file(&to_read.name, &expected)?);
            let before = *file.stat_at_open();
            let torn = attempt == ATTEMPTS;
            let content = match self.reader.read(&file, before.size, torn, &mut self.sink) {
                Ok(content) => content,
                // It has something, and goes on saying that it is empty: its size says nothing.
                Err(ReadFailure::Changed) if before.size == 0 && file.stat()?.size == 0 => {
                    self.reader.read_unsized(&file, &mut self.sink)?
                }
                Err(ReadFailure::Changed) => {
                    expected = before;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let extra = extra_of(&*file)?;
            let after = file.stat()?;
            let settled = after.is_unchanged_since(&before);
            if settled || torn {
                return Ok(self.file_entry(to_read, &after, content, extra, settled)?);
            }
            expected = after;
        }
        Err(ReadFailure::Changed)
    }

    fn file_entry(
        &mut self,
        to_read: &ToRead,
        stat: &Stat,
        content: Content,
        extra: Extra,
        settled: bool,
    ) -> Result<Done, EngineError> {
        let path = join(&to_read.dir_path, &to_read.name);
        if !settled {
            self.monitor.warning(Warning {
                subject: path.clone(),
                message: "changed while it was read, each time; it is kept as it was read last"
                    .to_owned(),
                left_out: false,
            });
        }
        let mut meta = self.meta(stat, extra, &path)?;
        meta.unsettled = !settled;
        let entry = Entry {
            name: to_read.name.to_vec(),
            meta,
            node: Node::File { content },
        };
        let standing = Standing::of(&entry, to_read.known.as_deref());
        Ok(Done::Entry {
            entry: Box::new(entry),
            local: local(stat),
            unsure: !settled,
            standing,
        })
    }

    fn read_other(&mut self, to_read: &ToRead) -> Result<Done, ReadFailure> {
        let stat = &to_read.stat;
        let (major, minor) = stat.rdev;
        let node = match stat.kind {
            Kind::Symlink => Node::Symlink {
                target: to_read.dir.read_link(&to_read.name)?,
            },
            Kind::Fifo => Node::Fifo,
            Kind::CharDevice => Node::CharDevice { major, minor },
            Kind::BlockDevice => Node::BlockDevice { major, minor },
            Kind::File | Kind::Directory | Kind::Socket => return Ok(Done::Gone),
        };
        let extra = extra_of_child(&to_read.dir, &to_read.name)?;
        let path = join(&to_read.dir_path, &to_read.name);
        let meta = self.meta(stat, extra, &path)?;
        let entry = Entry {
            name: to_read.name.to_vec(),
            meta,
            node,
        };
        let standing = Standing::of(&entry, to_read.known.as_deref());
        Ok(Done::Entry {
            entry: Box::new(entry),
            local: local(stat),
            unsure: false,
            standing,
        })
    }

    fn meta(&mut self, stat: &Stat, extra: Extra, path: &[u8]) -> Result<Meta, EngineError> {
        for error in &extra.unread {
            self.warn(path, error, false);
        }
        let fitting = fitting(&extra.xattrs);
        if let Some((first, _)) = extra.xattrs.get(fitting) {
            self.warn_of_xattrs(path, first);
        }
        let mut xattrs = Vec::with_capacity(fitting);
        for (name, value) in extra.xattrs.into_iter().take(fitting) {
            let content = self.small_content(&value, stat.uid)?;
            xattrs.push((name, content));
        }
        let linked = stat.nlink > 1 && stat.kind != Kind::Directory;
        Ok(Meta {
            mode: u16::try_from(stat.mode & 0o7777).unwrap_or(0),
            owner: self.owner(stat.uid, stat.gid),
            mtime: stat.mtime(),
            btime: stat.btime(),
            file_flags: extra.flags,
            xattrs,
            link: linked.then(|| link_id(stat)),
            unsettled: false,
        })
    }

    fn small_content(&mut self, value: &[u8], uid: u32) -> Result<Content, EngineError> {
        if value.len() <= INLINE_LEN_MAX {
            return Ok(Content::Inline(value.to_vec()));
        }
        self.sink.set_source(Source { uid, large: false })?;
        let mut list = ListBuilder::default();
        for part in value.chunks(CHUNK_LEN_MAX) {
            let id = self.sink.add(ChunkKind::Data, part)?;
            list.push(
                &mut self.sink,
                ListItem::Part {
                    len: part.len() as u64,
                    id,
                },
            )?;
        }
        list.finish(&mut self.sink)
    }

    fn owner(&mut self, uid: u32, gid: u32) -> Arc<Owner> {
        let names = self.names;
        let text = |name: Option<Arc<[u8]>>| {
            let name = name.filter(|name| name.len() <= LABEL_LEN_MAX);
            name.map(|name| name.to_vec()).unwrap_or_default()
        };
        let make = || {
            Arc::new(Owner {
                uid,
                gid,
                user: text(names.user(uid)),
                group: text(names.group(gid)),
            })
        };
        self.owners.entry((uid, gid)).or_insert_with(make).clone()
    }

    fn warn_of_xattrs(&self, path: &[u8], first: &[u8]) {
        self.monitor.warning(Warning {
            subject: path.to_vec(),
            message: format!(
                "its extended attributes take more than {} KiB; those from {} on are left out",
                XATTRS_ROOM >> 10,
                String::from_utf8_lossy(first)
            ),
            left_out: false,
        });
    }

    fn warn(&self, path: &[u8], error: &Error, left_out: bool) {
        let message = super::explain(error);
        self.monitor.warning(Warning {
            subject: path.to_vec(),
            message,
            left_out,
        });
    }
}

/// Returns how many of the extended attributes of an entry, from the first on, have room in it.
fn fitting(xattrs: &[(Vec<u8>, Vec<u8>)]) -> usize {
    let mut room = XATTRS_ROOM;
    let too_many = |(name, value): &(Vec<u8>, Vec<u8>)| {
        let len = XATTR_OVERHEAD + name.len() + value.len().min(INLINE_LEN_MAX);
        let rest = room.checked_sub(len);
        room = rest.unwrap_or(0);
        rest.is_none()
    };
    xattrs.iter().position(too_many).unwrap_or(xattrs.len())
}

/// Returns what tells that an entry is still the same.
pub(crate) fn local(stat: &Stat) -> Local {
    Local {
        ino: stat.ino,
        size: stat.size,
        ctime: stat.ctime(),
    }
}

fn link_id(stat: &Stat) -> u64 {
    use strongroom_base::wire::Put;
    let mut bytes = Vec::with_capacity(32);
    bytes.put_u64(stat.dev);
    bytes.put_u64(stat.ino);
    bytes.put_zigzag(stat.btime().unwrap_or_default().0);
    let hash = hash(&bytes);
    u64::from_be_bytes([
        hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7],
    ])
}

#[cfg(test)]
mod tests {
    use strongroom_base::clock::Timestamp;
    use strongroom_format::limits::{NAME_LEN_MAX, XATTRS_MAX};
    use strongroom_format::tree::ChunkWriter;

    use super::*;

    #[test]
    fn an_entry_with_very_many_attributes_still_fits_into_a_chunk() {
        for len in [0, 1, 100, INLINE_LEN_MAX, 60_000] {
            let xattr = |number: usize| (format!("user.{number:06}").into_bytes(), vec![7; len]);
            let all: Vec<_> = (0..10_000).map(xattr).collect();
            let fitting = fitting(&all);
            assert!(fitting > 400 && fitting < XATTRS_MAX, "{fitting}");
            let content = |value: Vec<u8>| match value.len() {
                0..=INLINE_LEN_MAX => Content::Inline(value),
                _ => Content::Chunk {
                    len: u32::MAX,
                    id: strongroom_format::content::ChunkId([255; 32]),
                },
            };
            let xattrs = all.into_iter().take(fitting);
            let entry = Entry {
                name: vec![b'n'; NAME_LEN_MAX],
                meta: Meta {
                    mode: 0o7777,
                    owner: Arc::new(Owner {
                        uid: u32::MAX,
                        gid: u32::MAX,
                        user: vec![b'u'; LABEL_LEN_MAX],
                        group: vec![b'g'; LABEL_LEN_MAX],
                    }),
                    mtime: Timestamp(i128::from(i64::MAX)),
                    btime: Some(Timestamp(i128::from(i64::MAX))),
                    file_flags: u32::MAX,
                    xattrs: xattrs.map(|(name, value)| (name, content(value))).collect(),
                    link: Some(u64::MAX),
                    unsettled: true,
                },
                node: Node::Symlink {
                    target: vec![b't'; 65_535],
                },
            };
            let mut chunk = Vec::new();
            ChunkWriter::default().put(&entry, &mut chunk);
            assert!(chunk.len() <= CHUNK_LEN_MAX, "{len}: {}", chunk.len());
        }
    }
}
