//! Hands jobs to the threads that write files.

use crossbeam_channel::Sender;
use strongroom_format::content::Content;

use super::task::FileTask;
use super::write::Job;
use super::{JOB_BYTES, JOB_FILES};

/// Gathers files into jobs.
pub(super) struct JobSender<'a> {
    sender: Sender<Job<'a>>,
    files: Vec<(FileTask<'a>, Content)>,
    bytes: u64,
}

impl<'a> JobSender<'a> {
    pub(super) fn new(sender: Sender<Job<'a>>) -> Self {
        Self {
            sender,
            files: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, task: FileTask<'a>, content: Content) {
        self.bytes += content.len();
        self.files.push((task, content));
        if self.bytes >= JOB_BYTES || self.files.len() >= JOB_FILES {
            self.flush();
        }
    }

    pub(super) fn flush(&mut self) {
        self.bytes = 0;
        let files = std::mem::take(&mut self.files);
        self.send(Job::Files(files));
    }

    pub(super) fn send(&self, job: Job<'a>) {
        // Threads take jobs for as long as this sender lives.
        let _ = self.sender.send(job);
    }
}
