//! What a board says of itself, in the host's terms.

use crate::proto;

/// A board and its networks.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardInfo {
    /// Protocol version, major and minor.
    pub protocol: (u32, u32),
    /// Device id of the chip.
    pub device_id: u32,
    /// Core clock in Hz.
    pub core_clock: u32,
    /// Bus clock in Hz.
    pub bus_clock: u32,
    /// The networks it can run.
    pub networks: Vec<NetworkInfo>,
}

/// A network on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkInfo {
    /// Its name.
    pub name: String,
    /// Digest of plan, kernels and toolchain; firmware that is not this project's has none.
    pub digest: Option<String>,
    /// A number that another start of the board would not repeat.
    pub boot_nonce: Option<u32>,
    /// The generator's signature of the model.
    pub signature: String,
    /// When the firmware was compiled.
    pub compiled: String,
    /// The runtime in words.
    pub runtime: String,
    /// Multiply-accumulates of an inference.
    pub macs: u64,
    /// Number of steps.
    pub nodes: u32,
    /// Inputs in order.
    pub inputs: Vec<TensorInfo>,
    /// Outputs in order.
    pub outputs: Vec<TensorInfo>,
    /// Bytes of all activation areas; 0 where the board does not say.
    pub activation_bytes: u64,
    /// Bytes of all constants; 0 where the board does not say.
    pub constant_bytes: u64,
}

/// A tensor on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// Element type.
    pub data_type: DataType,
    /// Dimensions, batch first and channel last.
    pub dims: Vec<u32>,
    /// Quantization scale; 0 where it is not quantized.
    pub scale: f32,
    /// Quantization zero point.
    pub zero_point: i32,
    /// Size in bytes.
    pub bytes: usize,
}

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// IEEE single precision.
    F32,
    /// Signed 8 bit.
    I8,
    /// Unsigned 8 bit.
    U8,
    /// Signed 16 bit.
    I16,
    /// Unsigned 16 bit.
    U16,
    /// Signed 32 bit.
    I32,
    /// One byte, 0 or 1.
    Bool,
    /// A format word that is not known here.
    Other(u32),
}

impl DataType {
    /// The type that a format word means. Flags of how the memory is held are not part of it.
    #[must_use]
    pub fn from_format(word: u32) -> Self {
        // Bits 6..0 fraction, 13..7 width, 20..17 type, 23 sign; 24 marks floats and old firmware leaves it out.
        const MEANING: u32 = 0x00FE_3FFF;
        match word & MEANING {
            0x0082_1040 => DataType::F32,
            0x0084_0440 => DataType::I8,
            0x0004_0440 => DataType::U8,
            0x0084_0840 => DataType::I16,
            0x0004_0840 => DataType::U16,
            0x0084_1040 => DataType::I32,
            0x0006_0440 => DataType::Bool,
            _ => DataType::Other(word),
        }
    }
}

impl BoardInfo {
    /// Puts the answers of a connect together.
    #[must_use]
    pub fn new(hello: &proto::Hello, system: proto::SystemInfo, networks: Vec<NetworkInfo>) -> Self {
        BoardInfo {
            protocol: (hello.version >> 8, hello.version & 0xFF),
            device_id: system.device_id,
            core_clock: system.core_clock,
            bus_clock: system.bus_clock,
            networks,
        }
    }
}

impl TryFrom<proto::NetworkInfo> for NetworkInfo {
    type Error = String;

    fn try_from(info: proto::NetworkInfo) -> Result<Self, String> {
        let tensors = |count: u32, tensors: Vec<proto::TensorDescription>, what: &str| {
            if count as usize != tensors.len() {
                return Err(format!("`{}` has {count} {what} and describes {}", info.name, tensors.len()));
            }
            tensors.into_iter().map(TensorInfo::try_from).collect::<Result<Vec<_>, _>>()
        };
        Ok(NetworkInfo {
            inputs: tensors(info.input_count, info.inputs, "inputs")?,
            outputs: tensors(info.output_count, info.outputs, "outputs")?,
            activation_bytes: area_bytes(&info.activations),
            constant_bytes: area_bytes(&info.params),
            name: info.name,
            digest: info.plan_digest,
            boot_nonce: info.boot_nonce,
            signature: info.signature,
            compiled: info.compile_datetime,
            runtime: info.runtime_description,
            macs: info.macs,
            nodes: info.nodes,
        })
    }
}

impl TryFrom<proto::TensorDescription> for TensorInfo {
    type Error = String;

    fn try_from(tensor: proto::TensorDescription) -> Result<Self, String> {
        let bytes = usize::try_from(description_bytes(&tensor)).map_err(|e| e.to_string())?;
        Ok(TensorInfo {
            data_type: DataType::from_format(tensor.format),
            dims: host_order(tensor.rank >> 24, tensor.dims),
            scale: tensor.scale,
            zero_point: tensor.zero_point,
            bytes,
            name: tensor.name,
        })
    }
}

/// Dimensions batch first and channel last. Only the order `batch, channel, width, height` is turned: it names
/// the memory layout of the others backwards.
fn host_order(order: u32, dims: Vec<u32>) -> Vec<u32> {
    const BATCH_CHANNEL_WIDTH_HEIGHT: u32 = 1;
    match (order, dims.as_slice()) {
        (BATCH_CHANNEL_WIDTH_HEIGHT, &[b, c, w, h]) => vec![b, h, w, c],
        _ => dims,
    }
}

fn description_bytes(tensor: &proto::TensorDescription) -> u64 {
    let bits = u64::from(tensor.format >> 7 & 0x7F);
    (u64::from(tensor.elements) * bits).div_ceil(8)
}

fn area_bytes(areas: &[proto::TensorDescription]) -> u64 {
    areas.iter().map(description_bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_words() {
        let rows = [
            (0x0182_1040, DataType::F32),
            (0x0082_1040, DataType::F32),
            (0x0084_0440, DataType::I8),
            (0x0004_0440, DataType::U8),
            (0x0084_0840, DataType::I16),
            (0x0004_0840, DataType::U16),
            (0x0084_1040, DataType::I32),
            (0x0006_0440, DataType::Bool),
            (0x0084_00c0, DataType::Other(0x0084_00c0)),
        ];
        for (word, expect) in rows {
            assert_eq!(DataType::from_format(word), expect, "{word:#010x}");
        }
    }

    #[test]
    fn a_tensor_has_the_bytes_of_its_elements() {
        let tensor = proto::TensorDescription {
            format: 0x0084_0840,
            elements: 5,
            rank: 2,
            dims: vec![1, 5],
            ..Default::default()
        };
        assert_eq!(TensorInfo::try_from(tensor).map(|t| t.bytes), Ok(10));
    }
}
