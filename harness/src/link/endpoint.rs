//! Links by name: `serial:/dev/ttyACM0:921600`, `serial:0483:374b`, `tcp:host:port`, `rfc2217:host:port`, `rtt`. Opens those
//! that need no debugger.

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use probe_rs::probe::DebugProbeSelector;
use serialport::{SerialPortInfo, SerialPortType};

use super::rfc2217::Rfc2217Link;
use super::serial::SerialLink;
use super::tcp::TcpLink;
use super::{Link, LinkError};
use crate::deploy::probe_name;

/// Which serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// By path.
    Path(String),
    /// By the USB ids of its adapter.
    Usb {
        /// Vendor.
        vendor: u16,
        /// Product.
        product: u16,
        /// Serial number, where several are plugged in.
        serial: Option<String>,
    },
}

/// Where a board is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A serial port; the board's own if none is named.
    Serial {
        /// Which.
        port: Option<Port>,
        /// Line rate; the board's own if not given.
        baud: Option<u32>,
    },
    /// A serial port server that passes bytes on as they are.
    Tcp {
        /// Host and port.
        address: String,
    },
    /// A serial port server that is told the line rate (RFC 2217).
    Rfc2217 {
        /// Host and port.
        address: String,
        /// Line rate; the board's own if not given.
        baud: Option<u32>,
    },
    /// Through the debug probe.
    Rtt {
        /// The chip, where no board says it.
        chip: Option<String>,
        /// The probe; the only one there is if not given.
        probe: Option<DebugProbeSelector>,
    },
}

impl Endpoint {
    /// Opens it. `baud` is the board's own line rate.
    ///
    /// # Errors
    /// It is not there, is in use, or needs a debugger.
    pub fn open(&self, baud: u32, deadline: Instant) -> Result<Box<dyn Link>, LinkError> {
        Ok(match self {
            Endpoint::Serial { port: Some(port), baud: asked } => {
                Box::new(SerialLink::open_until(&port.path()?, asked.unwrap_or(baud), deadline)?)
            }
            Endpoint::Tcp { address } => Box::new(TcpLink::open(address, deadline)?),
            Endpoint::Rfc2217 { address, baud: asked } => {
                Box::new(Rfc2217Link::open(TcpLink::open(address, deadline)?, asked.unwrap_or(baud), deadline)?)
            }
            Endpoint::Serial { port: None, .. } => {
                let reason = "say which port: serial:PATH or serial:VENDOR:PRODUCT".into();
                return Err(LinkError::Open { link: "serial port".into(), reason });
            }
            Endpoint::Rtt { .. } => {
                let reason = "it needs a debug probe".into();
                return Err(LinkError::Open { link: "RTT".into(), reason });
            }
        })
    }
}

impl Port {
    /// The port's path.
    ///
    /// # Errors
    /// No adapter has these ids, or several have.
    pub fn path(&self) -> Result<String, LinkError> {
        let (vendor, product, serial) = match self {
            Port::Path(path) => return Ok(path.clone()),
            Port::Usb { vendor, product, serial } => (vendor, product, serial),
        };
        let fail = |reason: String| LinkError::Open { link: format!("serial port {self}"), reason };
        let ports = serialport::available_ports().map_err(|e| fail(e.description))?;
        let fits = |port: &&SerialPortInfo| match &port.port_type {
            SerialPortType::UsbPort(usb) => {
                usb.vid == *vendor
                    && usb.pid == *product
                    && serial.as_ref().is_none_or(|wanted| usb.serial_number.as_ref() == Some(wanted))
            }
            _ => false,
        };
        match ports.iter().filter(fits).collect::<Vec<_>>().as_slice() {
            [one] => Ok(one.port_name.clone()),
            [] => Err(fail("no serial adapter with these USB ids is plugged in".into())),
            several => {
                let names: Vec<&str> = several.iter().map(|port| port.port_name.as_str()).collect();
                Err(fail(format!("several adapters have these USB ids: {}; add the serial number", names.join(", "))))
            }
        }
    }
}

/// What is accepted, for messages.
const FORMS: &str = "serial, serial:PATH[:BAUD], serial:VENDOR:PRODUCT[:SERIAL[:BAUD]], tcp:HOST:PORT, \
                     rfc2217:HOST:PORT[:BAUD], rtt[:CHIP[:VENDOR:PRODUCT[:SERIAL]]]";

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, rest) = text.split_once(':').map_or((text, None), |(kind, rest)| (kind, Some(rest)));
        let parsed = match (kind, rest) {
            ("serial", None) => Some(Endpoint::Serial { port: None, baud: None }),
            ("serial", Some(rest)) => serial(rest),
            ("tcp", Some(rest)) => address(rest).map(|address| Endpoint::Tcp { address }),
            ("rfc2217", Some(rest)) => match address(rest) {
                Some(address) => Some(Endpoint::Rfc2217 { address, baud: None }),
                None => rest.rsplit_once(':').and_then(|(rest, baud)| {
                    Some(Endpoint::Rfc2217 { address: address(rest)?, baud: Some(rate(baud)?) })
                }),
            },
            ("rtt", None) => Some(Endpoint::Rtt { chip: None, probe: None }),
            ("rtt", Some(rest)) => rtt(rest),
            _ => None,
        };
        parsed.ok_or_else(|| format!("`{text}` names no link; {FORMS} are accepted"))
    }
}

fn rate(text: &str) -> Option<u32> {
    text.parse().ok().filter(|&rate| rate > 0)
}

/// `host:port`; a host that is an IPv6 address stands in brackets.
fn address(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let plain = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    (plain && !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)).then(|| text.to_string())
}

fn usb_id(text: &str) -> Option<u16> {
    if text.len() == 4 { u16::from_str_radix(text, 16).ok() } else { None }
}

fn serial(rest: &str) -> Option<Endpoint> {
    let mut parts = rest.splitn(4, ':');
    if let (Some(vendor), Some(product)) = (parts.next().and_then(usb_id), parts.next().and_then(usb_id)) {
        let serial = parts.next().map(str::to_string);
        let baud = parts.next().map(|baud| rate(baud).ok_or(())).transpose().ok()?;
        let serial = serial.filter(|serial| !serial.is_empty());
        return Some(Endpoint::Serial { port: Some(Port::Usb { vendor, product, serial }), baud });
    }
    // A path may have colons of its own, so only a number behind the last one is a rate.
    let (path, baud) = match rest.rsplit_once(':') {
        Some((path, baud)) if rate(baud).is_some() => (path, rate(baud)),
        _ => (rest, None),
    };
    (!path.is_empty()).then(|| Endpoint::Serial { port: Some(Port::Path(path.to_string())), baud })
}

fn rtt(rest: &str) -> Option<Endpoint> {
    let (chip, probe) = rest.split_once(':').map_or((rest, None), |(chip, probe)| (chip, Some(probe)));
    let probe = probe.map(DebugProbeSelector::from_str).transpose().ok()?;
    let chip = (!chip.is_empty()).then(|| chip.to_string());
    (chip.is_some() || probe.is_some()).then_some(Endpoint::Rtt { chip, probe })
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |f: &mut fmt::Formatter<'_>, baud: &Option<u32>| baud.map_or(Ok(()), |baud| write!(f, ":{baud}"));
        match self {
            Endpoint::Serial { port: None, .. } => f.write_str("serial"),
            Endpoint::Serial { port: Some(port), baud } => {
                write!(f, "serial:{port}")?;
                rate(f, baud)
            }
            Endpoint::Tcp { address } => write!(f, "tcp:{address}"),
            Endpoint::Rfc2217 { address, baud } => {
                write!(f, "rfc2217:{address}")?;
                rate(f, baud)
            }
            Endpoint::Rtt { chip, probe } => {
                f.write_str("rtt")?;
                if chip.is_some() || probe.is_some() {
                    write!(f, ":{}", chip.as_deref().unwrap_or_default())?;
                }
                probe.as_ref().map_or(Ok(()), |probe| write!(f, ":{}", probe_name(probe)))
            }
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Port::Path(path) => f.write_str(path),
            Port::Usb { vendor, product, serial } => {
                write!(f, "{vendor:04x}:{product:04x}:{}", serial.as_deref().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &Endpoint, again: &str) {
        assert_eq!(text.parse().as_ref(), Ok(expect), "{text}");
        assert_eq!(expect.to_string(), again);
        assert_eq!(again.parse().as_ref(), Ok(expect), "{again}");
    }

    fn path(path: &str, baud: Option<u32>) -> Endpoint {
        Endpoint::Serial { port: Some(Port::Path(path.into())), baud }
    }

    #[test]
    fn links_by_name() {
        check("serial", &Endpoint::Serial { port: None, baud: None }, "serial");
        check("serial:/dev/ttyACM0", &path("/dev/ttyACM0", None), "serial:/dev/ttyACM0");
        check("serial:/dev/ttyACM0:921600", &path("/dev/ttyACM0", Some(921_600)), "serial:/dev/ttyACM0:921600");
        let by_path = "serial:/dev/serial/by-path/pci-0000:00:14.0-usb-0:3:1.2";
        check(by_path, &path("/dev/serial/by-path/pci-0000:00:14.0-usb-0:3:1.2", None), by_path);
        let usb = |serial: Option<&str>, baud| {
            let port = Port::Usb { vendor: 0x0483, product: 0x374B, serial: serial.map(str::to_string) };
            Endpoint::Serial { port: Some(port), baud }
        };
        check("serial:0483:374b", &usb(None, None), "serial:0483:374b:");
        check("serial:0483:374B:066D", &usb(Some("066D"), None), "serial:0483:374b:066D");
        check("serial:0483:374b::115200", &usb(None, Some(115_200)), "serial:0483:374b::115200");
        check("tcp:farm:4001", &Endpoint::Tcp { address: "farm:4001".into() }, "tcp:farm:4001");
        check("tcp:[::1]:4001", &Endpoint::Tcp { address: "[::1]:4001".into() }, "tcp:[::1]:4001");
        let telnet = Endpoint::Rfc2217 { address: "farm:4001".into(), baud: Some(921_600) };
        check("rfc2217:farm:4001:921600", &telnet, "rfc2217:farm:4001:921600");
        check("rtt", &Endpoint::Rtt { chip: None, probe: None }, "rtt");
        let probe = "0483:374b:066D".parse().ok();
        let rtt = Endpoint::Rtt { chip: Some("STM32F401RE".into()), probe };
        check("rtt:STM32F401RE:0483:374b:066D", &rtt, "rtt:STM32F401RE:0483:374b:066D");
    }

    #[test]
    fn what_names_no_link_is_refused_with_what_does() {
        for text in
            ["", "usb", "serial:", "tcp:", "tcp:farm", "tcp:farm:0", "tcp:::1:1", "rfc2217:a:1:x", "rtt:", "rtt::x"]
        {
            let error = text.parse::<Endpoint>().expect_err(text);
            assert!(error.contains(&format!("`{text}`")) && error.contains("tcp:HOST:PORT"), "{error}");
        }
    }

    #[test]
    fn an_adapter_that_is_not_plugged_in_is_named() {
        let port = Port::Usb { vendor: 0xFFFE, product: 0xFFFE, serial: None };
        let error = port.path().expect_err("nobody has this vendor").to_string();
        assert!(error.contains("fffe:fffe") && error.contains("plugged in"), "{error}");
    }
}
