//! JUnit XML for build servers: one case a model and board. A difference is a failure, trouble is an error, a board that
//! is not there is skipped.

use junit_report::{Duration, OffsetDateTime, ReportBuilder, TestCase, TestCaseBuilder, TestSuiteBuilder};

use super::{Report, console};
use crate::validate::{Outcome, Verdict};

/// Writes the report as XML.
///
/// # Errors
/// What the XML writer says.
pub fn write(report: &Report<'_>, now: OffsetDateTime) -> Result<Vec<u8>, junit_report::Error> {
    let mut suite = TestSuiteBuilder::new("hilbench");
    suite.set_timestamp(now);
    suite.add_testcases(report.outcomes.iter().map(|outcome| case(report, outcome)));
    let mut xml = Vec::new();
    ReportBuilder::new().add_testsuite(suite.build()).build().write_xml(&mut xml)?;
    Ok(xml)
}

fn case(report: &Report<'_>, outcome: &Outcome) -> TestCase {
    let name = format!("{} on {}", report.model.name, outcome.board.name);
    let seconds = outcome.build_time + outcome.run_time;
    let time = Duration::try_from(seconds).unwrap_or(Duration::ZERO);
    let word = outcome.verdict.word();
    let said = plain(&console::explain(&outcome.verdict));
    let mut case = match &outcome.verdict {
        Verdict::Match => TestCaseBuilder::success(&name, time),
        Verdict::Differs(_) => {
            let mut lines = console::differences(outcome);
            lines.push(said);
            TestCaseBuilder::failure(&name, time, word, &plain(&lines.join("\n")))
        }
        Verdict::NotBuilt(_) | Verdict::Unreachable(_) => TestCaseBuilder::error(&name, time, word, &said),
        Verdict::Skipped(_) => TestCaseBuilder::skipped_with_cause(&name, word, &said),
    };
    case.set_classname(&outcome.board.name);
    case.set_filepath(&report.model.path.display().to_string());
    case.set_system_out(&plain(&console::board_lines(report, outcome).join("\n")));
    case.build()
}

/// Text that XML can hold: control characters that a board may have sent are shown, not sent on.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}
