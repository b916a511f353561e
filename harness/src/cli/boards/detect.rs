//! `hilbench boards detect`: debug probes and serial ports, side by side where they are one device. Touches neither.

use std::fmt::Write;

use comfy_table::Row;
use probe_rs::probe::list::Lister;
use serialport::{SerialPortInfo, SerialPortType};

use crate::board::Board;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::report::console::table;

/// A probe, a port, or both of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Device {
    /// What it calls itself.
    name: String,
    /// USB ids and serial number, as `--probe` takes them.
    usb: String,
    serial: Option<String>,
    is_probe: bool,
    port: Option<String>,
}

/// Lists what is plugged in.
///
/// # Errors
/// A desk that is not accepted; ports that cannot be listed; standard output that cannot be written.
pub fn run() -> Result<()> {
    let (boards, desk) = super::desk()?;
    let probes = Lister::new().list_all().into_iter().map(|probe| Device {
        usb: usb(probe.vendor_id, probe.product_id, probe.serial_number.as_deref()),
        name: probe.identifier,
        serial: probe.serial_number,
        is_probe: true,
        port: None,
    });
    let ports = serialport::available_ports()
        .map_err(|e| Error::Input(format!("serial ports cannot be listed: {}", e.description)))?;
    super::print(&told(&paired(probes.collect(), ports), &boards, &desk))
}

fn usb(vendor: u16, product: u16, serial: Option<&str>) -> String {
    serial.map_or(format!("{vendor:04x}:{product:04x}"), |serial| format!("{vendor:04x}:{product:04x}:{serial}"))
}

/// A debugger's own port has the serial number of the debugger.
fn paired(mut devices: Vec<Device>, ports: Vec<SerialPortInfo>) -> Vec<Device> {
    for port in ports {
        let SerialPortType::UsbPort(info) = port.port_type else { continue };
        let same = |d: &&mut Device| d.serial.is_some() && d.serial == info.serial_number && d.port.is_none();
        match devices.iter_mut().find(same) {
            Some(device) => device.port = Some(port.port_name),
            None => devices.push(Device {
                name: info.product.unwrap_or_else(|| "serial port".into()),
                usb: usb(info.vid, info.pid, info.serial_number.as_deref()),
                serial: info.serial_number,
                is_probe: false,
                port: Some(port.port_name),
            }),
        }
    }
    devices
}

fn told(devices: &[Device], boards: &[Board], desk: &Desk) -> String {
    if devices.is_empty() {
        return "no debug probe and no USB serial port is plugged in\n".to_string();
    }
    let seated = |device: &Device| {
        boards.iter().find(|board| {
            let place = desk.place(&board.name);
            let probe = device.is_probe && place.probe.is_some() && place.probe == device.serial;
            probe || (place.port.is_some() && place.port == device.port)
        })
    };
    let mut table = table(&["device", "USB", "debug probe", "serial port", "board"], 5);
    let mut lines = String::new();
    for device in devices {
        let board = seated(device);
        let is_probe = if device.is_probe { "yes" } else { "" };
        let port = device.port.as_deref().unwrap_or_default();
        let name = board.map_or("none of the desk", |board| &board.name);
        table.add_row(Row::from([&device.name, &device.usb, is_probe, port, name]));
        if board.is_none() {
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "[boards.NAME]");
            let key = |key: &str, value: &Option<String>| {
                value.as_ref().map_or(String::new(), |value| format!("{key} = {}\n", toml::Value::from(&**value)))
            };
            let probe = if device.is_probe { key("probe", &device.serial) } else { String::new() };
            let _ = write!(lines, "{probe}{}", key("port", &device.port));
        }
    }
    let advice = match &desk.file {
        _ if lines.is_empty() => String::new(),
        Some(file) => format!("for {}, with the board's name for NAME:\n{lines}", file.display()),
        None => format!("for a desk file (hilbench.toml), with the board's name for NAME:\n{lines}"),
    };
    format!("{table}\n{advice}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serialport::UsbPortInfo;

    use super::*;

    fn port(name: &str, serial: Option<&str>) -> SerialPortInfo {
        let usb = UsbPortInfo {
            vid: 0x0483,
            pid: 0x374E,
            serial_number: serial.map(str::to_string),
            manufacturer: None,
            product: Some("STLINK-V3".into()),
            interface: None,
        };
        SerialPortInfo { port_name: name.into(), port_type: SerialPortType::UsbPort(usb) }
    }

    fn probe(serial: &str) -> Device {
        let serial = Some(serial.to_string());
        Device {
            name: "STLink V3".into(),
            usb: usb(0x0483, 0x374E, serial.as_deref()),
            serial,
            is_probe: true,
            port: None,
        }
    }

    #[test]
    fn a_probe_and_its_own_port_are_one_device() {
        let ports = vec![port("/dev/ttyACM1", Some("B")), port("/dev/ttyACM0", Some("A")), port("/dev/ttyUSB0", None)];
        let devices = paired(vec![probe("A"), probe("B")], ports);
        let found: Vec<_> = devices.iter().map(|d| (d.is_probe, d.serial.as_deref(), d.port.as_deref())).collect();
        assert_eq!(
            found,
            [
                (true, Some("A"), Some("/dev/ttyACM0")),
                (true, Some("B"), Some("/dev/ttyACM1")),
                (false, None, Some("/dev/ttyUSB0")),
            ]
        );
    }

    #[test]
    fn boards_of_the_desk_are_named_and_lines_are_given_for_the_others() {
        let boards = crate::board::boards().expect("sound");
        let names: Vec<&str> = boards.iter().map(|b| &*b.name).collect();
        let text = "[boards.nucleo-h563zi]\nprobe = \"A\"\n";
        let desk = Desk::parse(Path::new("desk.toml"), text, &names).expect("sound");
        let devices = paired(vec![probe("A"), probe("B")], vec![port("/dev/ttyACM1", Some("B"))]);
        let told = told(&devices, &boards, &desk);
        for part in ["0483:374e:A", "nucleo-h563zi", "none of the desk", "for desk.toml"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(told.ends_with("[boards.NAME]\nprobe = \"B\"\nport = \"/dev/ttyACM1\"\n"), "{told}");
    }
}
