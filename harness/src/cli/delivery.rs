//! Arguments that say how an image comes onto a board and how the board is spoken to; the same for every command.

use std::str::FromStr;

use clap::Args;
use probe_rs::probe::DebugProbeSelector;

use crate::deploy::Method;
use crate::link::endpoint::Endpoint;
use crate::target::Delivery;

/// How an image comes onto a board.
#[derive(Debug, Args)]
pub struct DeliveryArgs {
    /// How an image comes onto the board: `probe` erases, programs, verifies and starts it through a debug probe; `none`
    /// finds it there (an emulator starts with it); `command=LINE` runs a flasher of yours, with `{elf}` and `{board}` in it.
    #[arg(long, value_name = "probe|none|command=LINE", default_value = "probe", value_parser = method)]
    deploy: Method,
    /// Debug probe, as `probe-rs list` names it; the only one there is if not given.
    #[arg(long, value_name = "VENDOR:PRODUCT[:SERIAL]", value_parser = DebugProbeSelector::from_str)]
    probe: Option<DebugProbeSelector>,
    /// How the board is spoken to: `rtt` (through the probe, the fastest), `serial[:PATH[:BAUD]]`,
    /// `serial:VENDOR:PRODUCT[:SERIAL[:BAUD]]`, `tcp:HOST:PORT`, `rfc2217:HOST:PORT[:BAUD]`. The board's own best if not given.
    #[arg(long, value_name = "LINK", value_parser = Endpoint::from_str)]
    link: Option<Endpoint>,
}

/// A board that runs something already.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// Validate what a board runs already, this project's firmware or another's of the same protocol (3.x), without building
    /// or writing anything: `serial:PATH[:BAUD]`, `serial:VENDOR:PRODUCT[:SERIAL[:BAUD]]`, `tcp:HOST:PORT`,
    /// `rfc2217:HOST:PORT[:BAUD]`, `rtt[:CHIP[:VENDOR:PRODUCT[:SERIAL]]]`. With --board, firmware of this project must have
    /// been built from this model for that board.
    #[arg(long, value_name = "LINK", value_parser = Endpoint::from_str, conflicts_with_all = ["deploy", "link", "probe"])]
    pub attach: Option<Endpoint>,
    /// The network to validate, where the board has several and none is called as the model is.
    #[arg(long, value_name = "NAME", requires = "attach")]
    pub network: Option<String>,
}

impl DeliveryArgs {
    /// What they say.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        Delivery { method: self.deploy.clone(), probe: self.probe.clone(), link: self.link.clone() }
    }
}

fn method(text: &str) -> Result<Method, String> {
    match text.split_once('=') {
        None if text == "probe" => Ok(Method::Probe),
        None if text == "none" => Ok(Method::None),
        Some(("command", line)) if !line.trim().is_empty() => Ok(Method::Command(line.to_string())),
        _ => Err("`probe`, `none` and `command=LINE` are accepted".to_string()),
    }
}
