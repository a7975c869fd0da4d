//! The tables that a comparison prints.

use std::collections::HashMap;

use crate::scenario::{Goal, Metric, Scenario};
use crate::stats::{Pair, figure, median};

/// The figures of one scenario over all rounds of both sides.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub scenario: Scenario,
    pub pairs: HashMap<Metric, Pair>,
    /// Why it was not finished, and what may have bent the figures.
    pub remarks: Vec<String>,
}

impl Outcome {
    pub fn new(scenario: &Scenario) -> Outcome {
        Outcome {
            scenario: *scenario,
            pairs: HashMap::new(),
            remarks: Vec::new(),
        }
    }

    fn ratio(&self, metric: Metric) -> Option<f64> {
        self.pairs.get(&metric)?.ratio()
    }

    fn ours(&self, metric: Metric) -> Option<f64> {
        median(&self.pairs.get(&metric)?.ours)
    }

    fn cells(&self, with_peer: bool) -> Vec<String> {
        let mut cells = vec![self.scenario.name.to_owned()];
        for metric in self.scenario.metrics() {
            let pair = self.pairs.get(metric).cloned().unwrap_or_default();
            cells.push(or_dash(median(&pair.ours), figure));
            if with_peer {
                cells.push(or_dash(median(&pair.peer), figure));
                cells.push(or_dash(pair.ratio(), |ratio| format!("{ratio:.2}x")));
            }
        }
        if with_peer {
            let rate = self.pairs.get(&self.scenario.metrics()[0]);
            let spread = rate.and_then(Pair::spread);
            cells.push(or_dash(spread, |(low, high)| format!("{low:.2}-{high:.2}")));
        }
        cells.push(self.verdict());
        cells
    }

    fn verdict(&self) -> String {
        match self.scenario.goal {
            Goal::None => String::new(),
            Goal::RatioAtLeast(metric, least) => {
                let met = self.ratio(metric).map(|ratio| ratio >= least);
                format!("{} >= {least}x: {}", metric.title(), yes_no(met))
            }
            Goal::RatioAtMost(metric, most) => {
                let met = self.ratio(metric).map(|ratio| ratio <= most);
                format!("{} <= {most}x: {}", metric.title(), yes_no(met))
            }
            Goal::AtMost(first, first_most, second, second_most) => {
                let both = self.ours(first).zip(self.ours(second));
                let met = both.map(|(a, b)| a <= first_most && b <= second_most);
                format!("<= {first_most}, {second_most} KiB: {}", yes_no(met))
            }
        }
    }
}

fn or_dash<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".into(), show)
}

fn yes_no(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "NOT met",
        None => "-",
    }
}

/// All outcomes, one table for each set of figures, then the remarks.
pub fn render(outcomes: &[Outcome], with_peer: bool) -> String {
    let mut text = String::new();
    let mut kinds: Vec<&'static [Metric]> = Vec::new();
    for outcome in outcomes {
        if !kinds.contains(&outcome.scenario.metrics()) {
            kinds.push(outcome.scenario.metrics());
        }
    }
    for kind in kinds {
        let of_kind = outcomes.iter().filter(|o| o.scenario.metrics() == kind);
        let mut rows = vec![heading(kind, with_peer)];
        rows.extend(of_kind.map(|outcome| outcome.cells(with_peer)));
        text.push_str(&table(&rows));
        text.push('\n');
    }
    for outcome in outcomes {
        for remark in &outcome.remarks {
            text.push_str(&format!("note: {}: {remark}\n", outcome.scenario.name));
        }
    }
    text
}

fn heading(metrics: &[Metric], with_peer: bool) -> Vec<String> {
    let mut cells = vec!["scenario".to_owned()];
    for metric in metrics {
        cells.push(metric.title().to_owned());
        if with_peer {
            cells.push("peer".into());
            cells.push("ratio".into());
        }
    }
    if with_peer {
        cells.push(format!("spread of {}", metrics[0].title()));
    }
    cells.push("goal".into());
    cells
}

/// Columns as wide as their widest cell; the first and the last to the left, figures to the right.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            if column == 0 {
                line.push_str(&format!("{cell:<width$}"));
            } else if column + 1 == columns {
                line.push_str(&format!("  {cell}"));
            } else {
                line.push_str(&format!("  {cell:>width$}"));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::SCENARIOS;

    fn outcome(name: &str, ours: &[f64], peer: &[f64]) -> Outcome {
        let scenario = SCENARIOS.iter().find(|row| row.name == name).unwrap();
        let mut outcome = Outcome::new(scenario);
        for metric in scenario.metrics() {
            let pair = Pair {
                ours: ours.to_vec(),
                peer: peer.to_vec(),
            };
            outcome.pairs.insert(*metric, pair);
        }
        outcome
    }

    #[test]
    fn absolute_figures_have_their_ratio_beside_them() {
        let rate = outcome("base 2w echo 64b 100c", &[110.0, 120.0], &[50.0, 50.0]);
        let text = render(&[rate], true);
        let line = text.lines().nth(1).unwrap();
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells[5..8], ["115", "50.0", "2.30x"]);
        assert!(line.ends_with("2.20-2.40  requests/s >= 1x: met"), "{line}");
    }

    #[test]
    fn goals_not_met_and_not_known() {
        let slow = outcome("process 2w2r echo 64b 1c", &[9.0], &[10.0]);
        assert!(render(&[slow], true).contains("p50 us <= 0.8x: NOT met"));
        let alone = outcome("process 2w2r echo 64b 1c", &[9.0], &[]);
        let text = render(&[alone], false);
        assert!(text.contains("p50 us <= 0.8x: -"), "{text}");
        assert!(!text.contains("peer"), "{text}");
        let memory = outcome("base 1w memory 9000c", &[0.5], &[]);
        assert!(render(&[memory], false).contains("<= 0.6, 1 KiB: met"));
    }

    #[test]
    fn kinds_of_figures_have_tables_of_their_own_and_remarks_follow() {
        let mut rate = outcome("base 1w echo 64b 100c", &[1.0], &[1.0]);
        rate.remarks.push("noisy".into());
        let memory = outcome("base 1w memory 9000c", &[1.0], &[1.0]);
        let text = render(&[rate, memory], true);
        assert_eq!(text.matches("scenario").count(), 2);
        assert!(
            text.ends_with("note: base 1w echo 64b 100c: noisy\n"),
            "{text}"
        );
    }
}
