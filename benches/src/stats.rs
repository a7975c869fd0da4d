//! Small statistics over the rounds of a comparison.

/// The median; the mean of the two middle ones for an even count. `None` for no value.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// One figure of both sides over all rounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pair {
    pub ours: Vec<f64>,
    pub peer: Vec<f64>,
}

impl Pair {
    /// `ours / peer` of each round that both sides finished: neighbours in time share the state
    /// of the machine, so they are compared with each other, not with the other rounds.
    pub fn ratios(&self) -> Vec<f64> {
        let rounds = self.ours.iter().zip(&self.peer);
        rounds
            .filter(|(_, peer)| **peer != 0.0)
            .map(|(ours, peer)| ours / peer)
            .filter(|ratio| ratio.is_finite())
            .collect()
    }

    pub fn ratio(&self) -> Option<f64> {
        median(&self.ratios())
    }

    /// The smallest and the largest ratio of the rounds.
    pub fn spread(&self) -> Option<(f64, f64)> {
        let ratios = self.ratios();
        let low = ratios.iter().copied().min_by(f64::total_cmp)?;
        let high = ratios.iter().copied().max_by(f64::total_cmp)?;
        Some((low, high))
    }
}

/// `1234567` as `1,234,567`.
pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value <= -0.5 {
        out.insert(0, '-');
    }
    out
}

/// A figure with about three significant digits, thousands set apart.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => thousands(value),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[f64::NAN, 2.0]), Some(2.0));
    }

    #[test]
    fn ratio_is_the_median_of_the_rounds_not_of_the_sides() {
        let pair = Pair {
            ours: vec![100.0, 50.0, 200.0],
            peer: vec![50.0, 25.0, 400.0],
        };
        assert_eq!(pair.ratios(), [2.0, 2.0, 0.5]);
        assert_eq!(pair.ratio(), Some(2.0));
        assert_eq!(pair.spread(), Some((0.5, 2.0)));
    }

    #[test]
    fn no_ratio_without_a_peer_or_against_nothing() {
        let alone = Pair {
            ours: vec![1.0],
            peer: vec![],
        };
        assert_eq!((alone.ratio(), alone.spread()), (None, None));
        let nothing = Pair {
            ours: vec![1.0],
            peer: vec![0.0],
        };
        assert_eq!(nothing.ratio(), None);
    }

    #[test]
    fn figures() {
        assert_eq!(thousands(0.0), "0");
        assert_eq!(thousands(999.4), "999");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
        assert_eq!(thousands(-1234.0), "-1,234");
        assert_eq!(figure(52_114.3), "52,114");
        assert_eq!(figure(78.26), "78.3");
        assert_eq!(figure(4.706), "4.71");
        assert_eq!(figure(-0.001), "-0.00");
    }
}
