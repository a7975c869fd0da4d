//! Who has which number, where numbers are given out in ascending order and not again: a table with open
//! addressing, over which a multiplication spreads neighbours evenly. (The number itself as its slot
//! would make a wall of many that stay, which each newcomer meets when the numbers come round.)

/// See the module's description. Number 0 is nobody's.
#[derive(Debug)]
pub struct Numbered<T> {
    /// A power of two, at most half of them taken.
    slots: Vec<(i64, Option<T>)>,
    len: usize,
    /// 64 less the bits of a slot's index.
    shift: u32,
}

const MIN_SLOTS: usize = 64;

impl<T: Copy> Default for Numbered<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> Numbered<T> {
    /// With nobody in it.
    #[must_use]
    pub const fn new() -> Self {
        Numbered {
            slots: Vec::new(),
            len: 0,
            shift: 0,
        }
    }

    /// How many there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Who has this number.
    #[must_use]
    #[inline]
    pub fn get(&self, number: i64) -> Option<T> {
        let mut at = self.home(number)?;
        loop {
            let (taken_by, who) = *self.slots.get(at)?;
            if taken_by == number {
                return who;
            }
            if taken_by == 0 {
                return None;
            }
            at = self.after(at);
        }
    }

    /// Gives somebody a number that nobody has; not 0.
    #[inline]
    pub fn insert(&mut self, number: i64, who: T) {
        debug_assert!(number != 0, "0 is nobody's");
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        let Some(mut at) = self.home(number) else {
            return;
        };
        while self.slots[at].0 != 0 {
            at = self.after(at);
        }
        self.slots[at] = (number, Some(who));
        self.len += 1;
    }

    /// Takes a number away.
    #[inline]
    pub fn remove(&mut self, number: i64) {
        let Some(mut hole) = self.home(number).filter(|_| number != 0) else {
            return;
        };
        while self.slots[hole].0 != number {
            if self.slots[hole].0 == 0 {
                return;
            }
            hole = self.after(hole);
        }
        self.len -= 1;
        // Whoever stands behind the hole and would be looked for from before it moves into it.
        let mut at = self.after(hole);
        while self.slots[at].0 != 0 {
            let home = self.home(self.slots[at].0).unwrap_or(at);
            let (from_home, from_hole) = (self.distance(home, at), self.distance(hole, at));
            if from_home >= from_hole {
                self.slots[hole] = self.slots[at];
                hole = at;
            }
            at = self.after(at);
        }
        self.slots[hole] = (0, None);
    }

    /// All numbers, in no order.
    pub fn numbers(&self) -> impl Iterator<Item = i64> {
        let numbers = self.slots.iter().map(|(number, _)| *number);
        numbers.filter(|number| *number != 0)
    }

    /// Where a number's slot is; None: there are no slots yet.
    #[inline]
    fn home(&self, number: i64) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let spread = number.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Some((spread >> self.shift) as usize)
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    #[inline]
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.slots.len() - 1)
    }

    #[cold]
    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(MIN_SLOTS);
        let former = std::mem::replace(&mut self.slots, vec![(0, None); slots]);
        self.len = 0;
        self.shift = u64::BITS - slots.trailing_zeros();
        for (number, who) in former {
            if let Some(who) = who {
                self.insert(number, who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn check(table: &Numbered<u64>, model: &BTreeMap<i64, u64>) {
        assert_eq!(table.len(), model.len());
        let mut numbers: Vec<i64> = table.numbers().collect();
        numbers.sort_unstable();
        assert!(numbers.iter().eq(model.keys()));
        for (number, who) in model {
            assert_eq!(table.get(*number), Some(*who));
        }
    }

    #[test]
    fn empty_has_nobody() {
        let mut table: Numbered<u64> = Numbered::default();
        table.remove(7);
        table.remove(0);
        table.insert(7, 1);
        table.remove(0);
        assert_eq!(table.len(), 1);
        table.remove(7);
        assert!(table.is_empty() && table.get(7).is_none() && table.get(0).is_none());
        assert!(table.get(-1).is_none() && table.get(i64::MIN).is_none());
    }

    #[test]
    fn those_who_meet_are_found_after_any_of_them_has_gone() {
        // Numbers of few slots, so that they collide, wrap around and move.
        let mut random = 0x2545_F491_4F6C_DD1D_u64;
        for _ in 0..200 {
            let (mut table, mut model) = (Numbered::default(), BTreeMap::new());
            for _ in 0..80 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let number = ((random >> 8) % 24 + 52 + 64 * ((random >> 20) % 4)) as i64;
                if model.remove(&number).is_some() {
                    table.remove(number);
                } else if model.len() < 30 {
                    model.insert(number, random);
                    table.insert(number, random);
                }
                check(&table, &model);
            }
        }
    }

    #[test]
    fn grows_while_an_old_number_stays() {
        let mut table = Numbered::default();
        table.insert(1, 1_u64);
        for number in 2..100_000 {
            table.insert(number, number.cast_unsigned());
            if number % 3 != 0 {
                table.remove(number);
            }
        }
        assert_eq!(table.len(), 1 + 33_333);
        assert_eq!(
            (table.get(1), table.get(3), table.get(4)),
            (Some(1), Some(3), None)
        );
    }
}
