//! The vendor's statistics of one array against another, and the count of right classes. Knows no bits and no verdict.
//!
//! Definitions follow the metrics that the vendor's validation prints, so that figures can be laid side by side:
//! `r` is the reference, `p` the prediction, both flattened over samples and elements, `n` their length, `e = r - p`.

/// Statistics of a prediction against a reference. `None` where the formula divides by zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// Share of samples with the same largest element; for classifiers only.
    pub acc: Option<f64>,
    /// `sqrt(sum(e^2) / n)`.
    pub rmse: Option<f64>,
    /// `sum(|e|) / n`.
    pub mae: Option<f64>,
    /// `norm(e) / norm(p)`: the divisor is the prediction.
    pub l2r: Option<f64>,
    /// `sum(e) / n`.
    pub mean: Option<f64>,
    /// Standard deviation of `e`, by `n - 1`.
    pub std: Option<f64>,
    /// `1 - (sum(e^2) / n) / (sum((r - mean(r))^2) / (n - 1))`.
    pub nse: Option<f64>,
    /// `dot(r, p) / (norm(r) * norm(p))`.
    pub cos: Option<f64>,
}

/// Computes the statistics. `classes` is the number of elements of a sample where its largest one is what counts.
#[must_use]
pub fn metrics(reference: &[f64], prediction: &[f64], classes: Option<usize>) -> Metrics {
    let n = reference.len() as f64;
    let pairs = || reference.iter().copied().zip(prediction.iter().copied());
    let sum = |f: &dyn Fn(f64, f64) -> f64| pairs().map(|(r, p)| f(r, p)).sum::<f64>();
    let ratio = |a: f64, b: f64| Some(a / b).filter(|q| q.is_finite());
    let squares = sum(&|r, p| (r - p) * (r - p));
    let mean = sum(&|r, p| r - p) / n;
    let mean_r = sum(&|r, _| r) / n;
    let spread = sum(&|r, _| (r - mean_r) * (r - mean_r));
    let (norm_r, norm_p) = (sum(&|r, _| r * r).sqrt(), sum(&|_, p| p * p).sqrt());
    Metrics {
        acc: classes.and_then(|classes| {
            let (r, p) = (largest_each(reference, classes), largest_each(prediction, classes));
            ratio(r.iter().zip(&p).filter(|(r, p)| r == p).count() as f64, r.len() as f64)
        }),
        rmse: ratio(squares, n).map(f64::sqrt),
        mae: ratio(sum(&|r, p| (r - p).abs()), n),
        l2r: ratio(squares.sqrt(), norm_p),
        mean: Some(mean).filter(|m| m.is_finite()),
        std: ratio(sum(&|r, p| (r - p - mean) * (r - p - mean)), n - 1.0).map(f64::sqrt),
        nse: ratio(squares / n, spread / (n - 1.0)).map(|q| 1.0 - q),
        cos: ratio(sum(&|r, p| r * p), norm_r * norm_p),
    }
}

/// The class of each sample: the index of its largest element, the first of equal ones.
#[must_use]
pub fn largest_each(values: &[f64], classes: usize) -> Vec<usize> {
    let largest = |sample: &[f64]| {
        let mut best = 0;
        for (i, &x) in sample.iter().enumerate() {
            if x > sample[best] {
                best = i;
            }
        }
        best
    };
    values.chunks_exact(classes.max(1)).map(largest).collect()
}

/// Predicted classes beside labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    /// Samples in which no class scores higher than the label.
    pub right: u64,
    /// Those of them in which another class scores as high: coarse outputs tie.
    pub ties: u64,
    /// All samples.
    pub samples: u64,
    /// `confusion[label][predicted]`; of classes that tie the label is the one predicted, or else the first.
    pub confusion: Vec<Vec<u64>>,
}

/// Counts predicted classes against labels, which are below `classes`. `scores` has that many for each sample.
#[must_use]
pub fn classification(labels: &[usize], scores: &[f64], classes: usize) -> Classification {
    let mut result = Classification { right: 0, ties: 0, samples: 0, confusion: vec![vec![0; classes]; classes] };
    let first = largest_each(scores, classes);
    for ((&label, scores), first) in labels.iter().zip(scores.chunks_exact(classes.max(1))).zip(first) {
        let as_high = scores.iter().filter(|&&score| score == scores[first]).count();
        let right = scores[label] == scores[first];
        result.samples += 1;
        result.right += u64::from(right);
        result.ties += u64::from(right && as_high > 1);
        result.confusion[label][if right { label } else { first }] += 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(got: Option<f64>, expect: f64) {
        assert!(got.is_some_and(|got| (got - expect).abs() < 1e-12), "{got:?} instead of {expect}");
    }

    /// Worked out by hand: e = (1, -1, 2, 0), p = (0, 3, 1, 4), r = (1, 2, 3, 4).
    #[test]
    fn the_formulas_hold_on_a_small_example() {
        let m = metrics(&[1.0, 2.0, 3.0, 4.0], &[0.0, 3.0, 1.0, 4.0], Some(2));
        close(m.acc, 1.0);
        close(m.rmse, 1.5_f64.sqrt());
        close(m.mae, 1.0);
        close(m.l2r, (6.0_f64 / 26.0).sqrt());
        close(m.mean, 0.5);
        close(m.std, (5.0_f64 / 3.0).sqrt());
        close(m.nse, 1.0 - 1.5 / (5.0 / 3.0));
        close(m.cos, 25.0 / (30.0_f64.sqrt() * 26.0_f64.sqrt()));
    }

    #[test]
    fn what_cannot_be_divided_is_no_number() {
        let m = metrics(&[0.0, 0.0], &[0.0, 0.0], None);
        assert_eq!((m.acc, m.l2r, m.nse, m.cos), (None, None, None, None));
        assert_eq!((m.rmse, m.std), (Some(0.0), Some(0.0)));
        assert_eq!(metrics(&[1.0], &[1.0], None).std, None);
        assert_eq!(metrics(&[], &[], Some(2)).mean, None);
    }

    #[test]
    fn the_first_of_equal_elements_is_the_class() {
        assert_eq!(largest_each(&[1.0, 1.0, 0.0, 2.0, 3.0, 3.0], 3), [0, 1]);
    }

    #[test]
    fn a_label_that_ties_is_right() {
        let c = classification(&[0, 1, 1, 1], &[2.0, 1.0, 5.0, 5.0, 0.0, 3.0, 4.0, 3.0], 2);
        assert_eq!((c.right, c.ties, c.samples), (3, 1, 4));
        assert_eq!(c.confusion, [[1, 0], [1, 2]]);
    }
}
