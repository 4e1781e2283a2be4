//! Numbers that look drawn, and are the same each time.

/// The state, which is the seed at first.
pub(crate) struct Drawn(pub(crate) u64);

impl Drawn {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }

    /// Draws a number below a limit.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 8).unwrap() % limit
    }

    /// Draws bytes, which do not compress.
    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_be_bytes()[0]).collect()
    }

    /// Draws some of many.
    pub(crate) fn choose<T>(&mut self, many: &mut Vec<T>, count: usize) -> Vec<T> {
        (0..count)
            .map(|_| many.swap_remove(self.below(many.len())))
            .collect()
    }
}
