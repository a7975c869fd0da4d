//! Which CPU a process or thread is bound to.

/// The CPU for the `index`th process: in turn over those that are not kept free; all of them when
/// every one is.
#[must_use]
pub fn share_of(index: usize, cpu_num: usize, ignored: &[u32]) -> Vec<usize> {
    let usable: Vec<usize> = (0..cpu_num)
        .filter(|cpu| !ignored.contains(&(*cpu as u32)))
        .collect();
    match usable.get(index % usable.len().max(1)) {
        Some(cpu) => vec![*cpu],
        None => (0..cpu_num).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_take_the_free_cpus_in_turn() {
        let got: Vec<_> = (0..4).map(|i| share_of(i, 4, &[0, 2])).collect();
        assert_eq!(got, [[1], [3], [1], [3]]);
    }

    #[test]
    fn with_every_cpu_ignored_all_are_used() {
        assert_eq!(share_of(5, 2, &[0, 1]), [0, 1]);
    }
}
