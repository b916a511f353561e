//! An order of operators in which fewer bytes live at once than in the file's. Knows tensors' sizes and who reads and
//! writes them; knows no operators.

/// What an operator reads and writes at run time, by tensor.
#[derive(Clone, Debug)]
pub(super) struct Work {
    /// Tensors that it reads.
    pub(super) reads: Vec<usize>,
    /// Tensors that it writes.
    pub(super) writes: Vec<usize>,
}

/// The order to run `work` in, as indices, if one needs less memory than the order it comes in. `bytes` of tensors;
/// `inputs` are there from the beginning, `outputs` are kept to the end.
///
/// Takes of all operators that can run the one after which the fewest bytes live.
pub(super) fn better(work: &[Work], bytes: &[usize], inputs: &[usize], outputs: &[usize]) -> Option<Vec<usize>> {
    let file: Vec<usize> = (0..work.len()).collect();
    let mut writer = vec![None; bytes.len()];
    for (n, w) in work.iter().enumerate() {
        w.writes.iter().for_each(|&t| writer[t] = Some(n));
    }
    let mut memory = Memory::new(work, bytes, inputs, outputs);
    let mut order = Vec::new();
    let mut done = vec![false; work.len()];
    while order.len() < work.len() {
        let ready = |n: &usize| !done[*n] && work[*n].reads.iter().all(|&t| writer[t].is_none_or(|w| done[w]));
        // The file's order is topological, so that there always is one.
        let next = file.iter().copied().filter(ready).min_by_key(|&n| memory.after(&work[n]))?;
        memory.run(&work[next]);
        done[next] = true;
        order.push(next);
    }
    (memory.peak < peak(work, &file, bytes, inputs, outputs)).then_some(order)
}

/// The most bytes that live at once when `work` runs in `order`.
fn peak(work: &[Work], order: &[usize], bytes: &[usize], inputs: &[usize], outputs: &[usize]) -> usize {
    let mut memory = Memory::new(work, bytes, inputs, outputs);
    order.iter().for_each(|&n| memory.run(&work[n]));
    memory.peak
}

struct Memory<'a> {
    bytes: &'a [usize],
    /// Reads of each tensor that are to come; one more keeps an output.
    uses: Vec<usize>,
    live: usize,
    peak: usize,
}

impl<'a> Memory<'a> {
    fn new(work: &[Work], bytes: &'a [usize], inputs: &[usize], outputs: &[usize]) -> Self {
        let mut uses = vec![0; bytes.len()];
        work.iter().flat_map(|w| &w.reads).chain(outputs).for_each(|&t| uses[t] += 1);
        let live = inputs.iter().map(|&t| bytes[t]).sum();
        Memory { bytes, uses, live, peak: live }
    }

    /// Bytes that live after `work`.
    fn after(&self, work: &Work) -> usize {
        let written: usize = work.writes.iter().filter(|&&t| self.uses[t] > 0).map(|&t| self.bytes[t]).sum();
        let reads = |t: usize| work.reads.iter().filter(|&&r| r == t).count();
        let mut read = work.reads.clone();
        read.sort_unstable();
        read.dedup();
        let freed: usize = read.into_iter().filter(|&t| self.uses[t] == reads(t)).map(|t| self.bytes[t]).sum();
        (self.live + written).saturating_sub(freed)
    }

    fn run(&mut self, work: &Work) {
        let written: usize = work.writes.iter().map(|&t| self.bytes[t]).sum();
        self.peak = self.peak.max(self.live + written);
        self.live = self.after(work);
        work.reads.iter().for_each(|&t| self.uses[t] = self.uses[t].saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(work: &[(&[usize], &[usize])], bytes: &[usize], expect: Option<&[usize]>) {
        let work: Vec<Work> =
            work.iter().map(|(reads, writes)| Work { reads: reads.to_vec(), writes: writes.to_vec() }).collect();
        assert_eq!(better(&work, bytes, &[0], &[bytes.len() - 1]).as_deref(), expect);
    }

    #[test]
    fn a_branch_is_finished_before_the_next_begins() {
        // Two branches that each grow and shrink again: the file lets both grow first.
        let branches: [(&[usize], &[usize]); 5] =
            [(&[0], &[1]), (&[0], &[2]), (&[1], &[3]), (&[2], &[4]), (&[3, 4], &[5])];
        check(&branches, &[10, 100, 100, 10, 10, 10], Some(&[0, 2, 1, 3, 4]));
    }

    #[test]
    fn the_order_of_the_file_is_kept_where_none_is_better() {
        check(&[(&[0], &[1]), (&[1], &[2])], &[10, 20, 10], None);
        // A residual, and a tensor that is read twice at once.
        check(&[(&[0], &[1]), (&[0, 1], &[2]), (&[2, 2], &[3])], &[10, 20, 10, 10], None);
        check(&[], &[10], None);
    }
}
