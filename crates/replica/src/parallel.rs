//! Several calls to a slow store at a time, with the answers in order.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Most calls at a time.
pub const THREADS_MAX: usize = 16;

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, what this thread asks for is done one thing at a time, by itself: calls to stores come in an order
/// that depends on nothing else. For tests that count calls; everything is slower.
#[must_use]
pub struct Alone {
    before: bool,
}

impl Alone {
    /// Begins to work alone, or not to.
    pub fn new(alone: bool) -> Self {
        let before = ALONE.replace(alone);
        Self { before }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        ALONE.set(self.before);
    }
}

/// Says whether this thread works alone.
pub fn is_alone() -> bool {
    ALONE.get()
}

/// What the threads share.
struct Desk<R> {
    /// The item that is begun next.
    next: usize,
    /// The item whose answer is taken next.
    taken: usize,
    /// Answers that came early.
    done: BTreeMap<usize, R>,
    /// Nothing more is begun.
    closed: bool,
}

struct Office<R> {
    desk: Mutex<Desk<R>>,
    /// Another item may be begun.
    room: Condvar,
    /// Another answer is there.
    answer: Condvar,
}

impl<R> Office<R> {
    fn lock(&self) -> MutexGuard<'_, Desk<R>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the office when a thread ends early, so that nobody waits for it.
struct Close<'a, R>(&'a Office<R>);

impl<R> Drop for Close<'_, R> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.room.notify_all();
        self.0.answer.notify_all();
    }
}

/// Does `work` on every item, on up to `threads` threads, and hands the answers to `take` in the order of
/// the items, until it breaks. Never more than twice as many answers wait as there are threads.
pub fn in_order<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: &(dyn Fn(&T) -> R + Sync),
    take: &mut dyn FnMut(&T, R) -> ControlFlow<()>,
) {
    let threads = threads.min(items.len());
    if threads <= 1 || is_alone() {
        let _ = items.iter().try_for_each(|item| take(item, work(item)));
        return;
    }
    let window = threads * 2;
    let office = Office {
        desk: Mutex::new(Desk {
            next: 0,
            taken: 0,
            done: BTreeMap::new(),
            closed: false,
        }),
        room: Condvar::new(),
        answer: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| serve(items, work, window, &office));
        }
        let _close = Close(&office);
        for (number, item) in items.iter().enumerate() {
            let mut held = office.lock();
            let answer = loop {
                if let Some(answer) = held.done.remove(&number) {
                    break answer;
                }
                if held.closed {
                    // A thread panicked; the scope passes that on.
                    return;
                }
                held = wait(&office.answer, held);
            };
            held.taken = number + 1;
            drop(held);
            office.room.notify_one();
            if take(item, answer).is_break() {
                return;
            }
        }
    });
}

fn wait<'a, R>(changed: &Condvar, held: MutexGuard<'a, Desk<R>>) -> MutexGuard<'a, Desk<R>> {
    changed.wait(held).unwrap_or_else(PoisonError::into_inner)
}

fn serve<T, R>(items: &[T], work: &dyn Fn(&T) -> R, window: usize, office: &Office<R>) {
    loop {
        let mut held = office.lock();
        while !held.closed && held.next < items.len() && held.next >= held.taken + window {
            held = wait(&office.room, held);
        }
        let number = held.next;
        if held.closed || number >= items.len() {
            // Whoever else waits for room has nothing more to do either.
            office.room.notify_one();
            return;
        }
        held.next += 1;
        drop(held);
        let panicked = Close(office);
        let answer = work(&items[number]);
        std::mem::forget(panicked);
        let mut held = office.lock();
        let is_next = number == held.taken;
        held.done.insert(number, answer);
        drop(held);
        if is_next {
            office.answer.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn answers_come_in_order_and_few_wait() {
        let items: Vec<usize> = (0..500).collect();
        let (begun, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut seen = Vec::new();
        let work = |item: &usize| {
            let ahead = begun.fetch_add(1, Ordering::SeqCst) + 1 - taken.load(Ordering::SeqCst);
            (item * 2, ahead)
        };
        in_order(8, &items, &work, &mut |item, (double, ahead)| {
            taken.fetch_add(1, Ordering::SeqCst);
            assert!(ahead <= 18, "{ahead} at a time");
            assert_eq!(double, item * 2);
            seen.push(*item);
            ControlFlow::Continue(())
        });
        assert_eq!(seen, items);
    }

    #[test]
    fn it_ends_where_it_is_told() {
        let items: Vec<usize> = (0..10_000).collect();
        let begun = AtomicUsize::new(0);
        let mut seen = 0;
        let work = |_: &usize| begun.fetch_add(1, Ordering::SeqCst);
        in_order(4, &items, &work, &mut |_, _| {
            seen += 1;
            if seen == 3 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        assert_eq!(seen, 3);
        assert!(begun.into_inner() <= 12);
    }

    #[test]
    fn whoever_is_alone_does_one_thing_at_a_time() {
        let items: Vec<usize> = (0..100).collect();
        let (begun, here) = (AtomicUsize::new(0), std::thread::current().id());
        let work = |item: &usize| {
            assert_eq!(std::thread::current().id(), here);
            assert_eq!(begun.fetch_add(1, Ordering::SeqCst), *item);
        };
        let alone = Alone::new(true);
        in_order(8, &items, &work, &mut |item, ()| {
            assert_eq!(begun.load(Ordering::SeqCst), item + 1);
            ControlFlow::Continue(())
        });
        drop(alone);
        assert!(!is_alone());
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_passed_on() {
        let items: Vec<usize> = (0..100).collect();
        let work = |item: &usize| assert!(*item != 50, "on purpose");
        in_order(4, &items, &work, &mut |_, ()| ControlFlow::Continue(()));
    }
}
