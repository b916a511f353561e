//! Plan to firmware source, one language a file.

pub mod rust;

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
