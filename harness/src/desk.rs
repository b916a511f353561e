//! The user's own facts: which probe and port a board hangs at, and how fast its line may be. Refuses boards that there
//! are not and keys that mean nothing; finds no probe and opens no port.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::board::{self, Board, BoardError};

/// Names the file; it goes before all other places.
const VARIABLE: &str = "HILBENCH_DESK";
/// A file of this name in the working folder comes next.
const LOCAL: &str = "hilbench.toml";
/// Below the user's folder of settings comes last.
const PERSONAL: &str = "hilbench/desk.toml";

/// Where a board is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Serial number of the debug probe.
    pub probe: Option<String>,
    /// Path of the serial port, e.g. `/dev/ttyACM0`.
    pub port: Option<String>,
    /// Line rate, where cable or adapter do not make the board's own.
    pub baud: Option<u32>,
}

/// All boards of a desk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desk {
    /// The file it was read from; `None` for an empty desk.
    pub file: Option<PathBuf>,
    places: BTreeMap<String, Place>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDesk {
    #[serde(default)]
    boards: BTreeMap<String, Place>,
}

impl Desk {
    /// Reads the file that `HILBENCH_DESK` names, or else `hilbench.toml` here, or else `hilbench/desk.toml` in the user's
    /// folder of settings. `known` are the names of all boards. Without a file the desk is empty.
    ///
    /// # Errors
    /// The file cannot be read or is not accepted; the variable names one that is not there.
    pub fn find(known: &[&str]) -> Result<Desk, BoardError> {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        if let Some(named) = set(VARIABLE) {
            return Desk::read(&named, known).and_then(|desk| {
                desk.ok_or_else(|| failure(&named, format!("is not there, and {VARIABLE} names it")))
            });
        }
        let settings = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        let places = [Some(PathBuf::from(LOCAL)), settings.map(|folder| folder.join(PERSONAL))];
        for place in places.into_iter().flatten() {
            if let Some(desk) = Desk::read(&place, known)? {
                return Ok(desk);
            }
        }
        Ok(Desk::default())
    }

    fn read(path: &Path, known: &[&str]) -> Result<Option<Desk>, BoardError> {
        match fs::read_to_string(path) {
            Ok(text) => Desk::parse(path, &text, known).map(Some),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failure(path, e.to_string())),
        }
    }

    /// Reads a desk. `path` is for messages, `known` are the names of all boards.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(path: &Path, text: &str, known: &[&str]) -> Result<Desk, BoardError> {
        let raw: RawDesk = toml::from_str(text).map_err(|e| failure(path, e.to_string()))?;
        for (name, place) in &raw.boards {
            let fail = |why: String| Err(failure(path, format!("boards.{name}: {why}")));
            if !known.contains(&name.as_str()) {
                return fail(format!("no board is called so; there are {}", known.join(", ")));
            }
            for (key, value) in [("probe", &place.probe), ("port", &place.port)] {
                if value.as_ref().is_some_and(|v| v.trim().is_empty()) {
                    return fail(format!("`{key}` is empty; leave it out where there is none"));
                }
            }
        }
        // Two boards at one port would answer for each other.
        for (key, of) in
            [("probe", (|p| p.probe.as_ref()) as fn(&Place) -> Option<&String>), ("port", |p| p.port.as_ref())]
        {
            let mut seen = BTreeMap::new();
            for (name, value) in raw.boards.iter().filter_map(|(name, place)| Some((name, of(place)?))) {
                if let Some(other) = seen.insert(value, name) {
                    return Err(failure(path, format!("`{other}` and `{name}` are both at {key} `{value}`")));
                }
            }
        }
        Ok(Desk { file: Some(path.to_path_buf()), places: raw.boards })
    }

    /// Where the board of this name is.
    #[must_use]
    pub fn place(&self, name: &str) -> Place {
        self.places.get(name).cloned().unwrap_or_default()
    }

    /// Puts a board at its place.
    ///
    /// # Errors
    /// The board's port cannot make the line rate.
    pub fn seat(&self, board: Board) -> Result<Board, BoardError> {
        let place = self.place(&board.name);
        let file = self.file.clone().unwrap_or_default();
        let name = board.name.clone();
        board.at(place).map_err(|why| failure(&file, format!("boards.{name}: {why}")))
    }
}

/// The boards of these names or files, each where the user has it.
///
/// # Errors
/// A board that there is not, or whose description is not accepted; a desk that is not.
pub fn boards(names: &[String]) -> Result<Vec<Board>, BoardError> {
    let found = names.iter().map(|name| Board::find(name)).collect::<Result<Vec<_>, _>>()?;
    let carried = board::boards()?;
    let known: Vec<&str> = carried.iter().chain(&found).map(|b| &*b.name).collect();
    let desk = Desk::find(&known)?;
    found.into_iter().map(|board| desk.seat(board)).collect()
}

fn failure(path: &Path, reason: String) -> BoardError {
    BoardError::File { file: path.display().to_string(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["nucleo-f446re", "nucleo-h563zi"];

    fn desk(text: &str) -> Result<Desk, BoardError> {
        Desk::parse(Path::new("desk.toml"), text, &KNOWN)
    }

    #[track_caller]
    fn check(text: &str, says: &str) {
        let error = desk(text).expect_err("not accepted").to_string();
        assert!(error.starts_with("desk.toml: ") && error.contains(says), "{error}");
    }

    #[test]
    fn boards_are_put_at_their_places() {
        let text = "[boards.nucleo-f446re]\nprobe = \"066C\"\nport = \"/dev/ttyACM0\"\nbaud = 460800\n";
        let desk = desk(text).expect("sound");
        let board = desk.seat(Board::find("nucleo-f446re").expect("carried")).expect("a rate that can be made");
        assert_eq!((board.baud, board.uart.divisor), (460_800, 98));
        assert_eq!(board.place, desk.place("nucleo-f446re"));
        assert_eq!(desk.place("nucleo-h563zi"), Place::default());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        check("[boards.nucleo-f4]\nport = \"x\"\n", "no board is called so");
        check("[boards.nucleo-f446re]\nprot = \"x\"\n", "prot");
        check("[board.nucleo-f446re]\n", "board");
        check("[boards.nucleo-f446re]\nport = \" \"\n", "`port` is empty");
        check("[boards.nucleo-f446re]\nport = \"a\"\n[boards.nucleo-h563zi]\nport = \"a\"\n", "both at port `a`");
        let fast = desk("[boards.nucleo-f446re]\nbaud = 40000000\n").expect("only a board knows what it can make");
        let error = fast.seat(Board::find("nucleo-f446re").expect("carried")).expect_err("too fast").to_string();
        assert!(error.contains("boards.nucleo-f446re") && error.contains("40000000 baud"), "{error}");
    }
}
