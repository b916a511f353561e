//! Plan to firmware source, one language a file.

pub mod rust;

/// Longest tensor, operator or network name that the board protocol carries, in bytes.
const NAME_BYTES: usize = 63;

/// The end of a name, as much of it as the board protocol carries.
#[must_use]
pub fn carried_name(name: &str) -> &str {
    let start = (name.len().saturating_sub(NAME_BYTES)..name.len()).find(|&i| name.is_char_boundary(i));
    &name[start.unwrap_or(0)..]
}

/// Files to lay side by side; the first is the one that includes the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Name and content of each file.
    pub files: Vec<(String, Vec<u8>)>,
}

/// What the firmware says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the network.
    pub name: String,
    /// Digest of plan, kernels and toolchain, in lower-case hexadecimal.
    pub digest: String,
}
