//! Writes the content of files, on several threads.
#![expect(
    clippy::similar_names,
    reason = "a content and the context are what these functions work with"
)]

use std::ops::Range;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use strongroom_crypto::keys::ChunkKind;
use strongroom_files::{Extent, OpenFile, Stat};
use strongroom_format::content::{ChunkId, Content};
use strongroom_read::{Archive, Piece, ReadError};

use super::task::{Context, FileTask};
use crate::monitor::{Stop, count};

/// How much of a hole is compared at a time.
const HOLE_STEP: u64 = 1 << 20;

/// What one thread does at a time.
pub(crate) enum Job<'a> {
    /// Small files, whole.
    Files(Vec<(FileTask<'a>, Content)>),
    /// A stretch of a large file.
    Chunks(Arc<FileTask<'a>>, Vec<(u64, u32, ChunkId)>),
}

/// A part of a file could not be restored.
enum Failure {
    Read(ReadError),
    Write(strongroom_files::Error),
    Differs,
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<strongroom_files::Error> for Failure {
    fn from(error: strongroom_files::Error) -> Self {
        Self::Write(error)
    }
}

/// Does jobs until there are no more.
pub(crate) fn run(jobs: &Receiver<Job<'_>>, context: &Context<'_>, stop: &Stop) {
    for job in jobs {
        if stop.is_requested() || context.is_full() {
            // What is under way is dropped unfinished, and so removed.
            match job {
                Job::Files(files) => files.iter().for_each(|(task, _)| interrupt(task)),
                Job::Chunks(task, _) => interrupt(&task),
            }
            continue;
        }
        match job {
            Job::Files(files) => {
                for (task, content) in files {
                    write_now(context, &task, &content);
                }
            }
            Job::Chunks(task, chunks) => {
                let is_over = || stop.is_requested() || context.is_full() || is_spoilt(&task);
                let result = chunks.iter().try_for_each(|(offset, len, id)| {
                    if is_over() {
                        interrupt(&task);
                        return Ok(());
                    }
                    count(&context.progress.bytes_done, u64::from(*len));
                    write_chunk(context, &task, *offset, *len, id)
                });
                spoil(&task, result);
            }
        }
    }
}

/// Writes a file on this thread; says whether it is complete.
pub(crate) fn write_now(context: &Context<'_>, task: &FileTask<'_>, content: &Content) -> bool {
    let result =
        write_whole(context.archive, task, content).and_then(|()| check(context, task, content));
    let complete = result.is_ok();
    spoil(task, result);
    count(&context.progress.bytes_done, content.len());
    complete
}

fn is_spoilt(task: &FileTask<'_>) -> bool {
    task.spoilt.load(std::sync::atomic::Ordering::Relaxed)
}

fn interrupt(task: &FileTask<'_>) {
    task.spoilt
        .store(true, std::sync::atomic::Ordering::Relaxed);
}

fn spoil(task: &FileTask<'_>, result: Result<(), Failure>) {
    match result {
        Ok(()) => {}
        Err(Failure::Read(error)) => task.spoil_by_damage(&error),
        Err(Failure::Write(error)) => task.spoil_by_failure(&error),
        Err(Failure::Differs) => {
            let context = task.dir.context;
            interrupt(task);
            context
                .totals
                .failed
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            context.warn(
                &task.path,
                "reads back differently from what was written".to_owned(),
                true,
            );
        }
    }
}

fn write_whole(archive: &Archive, task: &FileTask<'_>, content: &Content) -> Result<(), Failure> {
    let mut offset = 0;
    archive.read_content(
        ChunkKind::Data,
        content,
        &mut |piece| -> Result<(), Failure> {
            match piece {
                Piece::Data(data) => {
                    task.writer.write_at(data, offset)?;
                    offset += data.len() as u64;
                }
                Piece::Hole(len) => offset += len,
            }
            Ok(())
        },
    )?;
    if matches!(content, Content::List { .. }) {
        task.writer.set_len(content.len())?;
    }
    Ok(())
}

fn write_chunk(
    context: &Context<'_>,
    task: &FileTask<'_>,
    offset: u64,
    len: u32,
    id: &ChunkId,
) -> Result<(), Failure> {
    let content = Content::Chunk { len, id: *id };
    context
        .archive
        .read_content(ChunkKind::Data, &content, &mut |piece| {
            if let Piece::Data(data) = piece {
                task.writer.write_at(data, offset)?;
            }
            Ok::<(), Failure>(())
        })?;
    if context.verify {
        let file = reopen(task)?;
        compare(context.archive, &file, &content, offset)?;
    }
    Ok(())
}

fn check(context: &Context<'_>, task: &FileTask<'_>, content: &Content) -> Result<(), Failure> {
    if !context.verify {
        return Ok(());
    }
    let file = reopen(task)?;
    if file.stat_at_open().size != content.len() {
        return Err(Failure::Differs);
    }
    compare(context.archive, &file, content, 0)
}

fn reopen(task: &FileTask<'_>) -> Result<OpenFile, Failure> {
    let dir = task.dir.target.dir();
    let stat: Stat = dir.stat_child(&task.written_as)?;
    Ok(dir.open_file(&task.written_as, &stat)?)
}

fn compare(
    archive: &Archive,
    file: &OpenFile,
    content: &Content,
    start: u64,
) -> Result<(), Failure> {
    let (mut offset, mut buffer) = (start, Vec::new());
    archive.read_content(ChunkKind::Data, content, &mut |piece| match piece {
        Piece::Data(data) => {
            buffer.resize(data.len(), 0);
            let read = file.read_at(&mut buffer, offset)?;
            offset += data.len() as u64;
            if buffer[..read] == *data {
                Ok(())
            } else {
                Err(Failure::Differs)
            }
        }
        Piece::Hole(len) => {
            offset += len;
            Ok(())
        }
    })
}

/// Says whether a file has this content; one that cannot be read has not, nor has one where somebody asks to stop meanwhile.
///
/// Where both have a hole nothing is read.
pub(crate) fn has_content(context: &Context<'_>, file: &OpenFile, content: &Content) -> bool {
    let size = file.stat_at_open().size;
    if size != content.len() {
        return false;
    }
    let Ok(extents) = file.extents(size) else {
        return false;
    };
    let (mut offset, mut buffer) = (0, Vec::new());
    let mut extents = &extents[..];
    let read = context
        .archive
        .read_content(ChunkKind::Data, content, &mut |piece| match piece {
            Piece::Data(data) => {
                refuse_stop(context.stop)?;
                buffer.resize(data.len(), 0);
                let count = file.read_at(&mut buffer, offset)?;
                offset += data.len() as u64;
                if buffer[..count] == *data {
                    Ok(())
                } else {
                    Err(Failure::Differs)
                }
            }
            Piece::Hole(len) => {
                let hole = offset..offset + len;
                offset = hole.end;
                has_zeros(context.stop, (file, &mut extents), hole, &mut buffer)
            }
        });
    read.is_ok()
}

/// Refuses a stretch of a file that holds anything but zeros. Of `extents`, which divide the file, those that end before
/// the stretch does are passed by.
fn has_zeros(
    stop: &Stop,
    (file, extents): (&OpenFile, &mut &[Extent]),
    hole: Range<u64>,
    buffer: &mut Vec<u8>,
) -> Result<(), Failure> {
    while let Some(extent) = extents.first() {
        let (Extent::Data { offset, len } | Extent::Hole { offset, len }) = *extent;
        let end = offset + len;
        if offset >= hole.end {
            break;
        }
        let mut at = offset.max(hole.start);
        while matches!(extent, Extent::Data { .. }) && at < end.min(hole.end) {
            refuse_stop(stop)?;
            let len = (end.min(hole.end) - at).min(HOLE_STEP);
            buffer.resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
            let count = file.read_at(buffer, at)?;
            if count < buffer.len() || buffer.iter().any(|byte| *byte != 0) {
                return Err(Failure::Differs);
            }
            at += len;
        }
        if end > hole.end {
            break;
        }
        *extents = &extents[1..];
    }
    Ok(())
}

fn refuse_stop(stop: &Stop) -> Result<(), Failure> {
    if stop.is_requested() {
        return Err(Failure::Differs);
    }
    Ok(())
}
