//! The operators of ONNX that are read, one row each. Refuses the others by name.

mod arithmetic;
mod movement;
mod normalization;
mod quantized;
mod recurrent;
mod selection;
mod windows;

use super::reader::Reader;
use crate::Result;
use crate::graph::onnx::{Binary, Codes, Reduction, Unary};

type Read = fn(&mut Reader<'_, '_>) -> Result<()>;

/// Domain of the operators that ONNX Runtime adds.
pub(super) const MICROSOFT: &str = "com.microsoft";

/// Reads one operator of the file.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Result<()> {
    let (domain, kind) = reader.kind();
    let list = match domain {
        "" | "ai.onnx" => OPERATORS,
        MICROSOFT => MICROSOFT_OPERATORS,
        other => return Err(reader.unsupported(format!("domain {other:?}; ONNX and {MICROSOFT} are accepted"))),
    };
    let Some((name, read)) = list.iter().find(|(name, _)| *name == kind) else {
        return Err(reader.unsupported("no rule for this operator; `hilbench supported-ops` lists those that have one"));
    };
    reader.op_name = name;
    if !matches!(*name, "QuantizeLinear" | "DequantizeLinear") {
        refuse_codes(reader)?;
    }
    read(reader)
}

/// Codes that their type does not tell are only quantized and dequantized; integers of few bits are numbers as well.
fn refuse_codes(r: &Reader<'_, '_>) -> Result<()> {
    for i in 0..r.input_count() {
        let Some(id) = r.optional(i)? else { continue };
        let Some(element) = r.element(id) else { continue };
        match element.codes {
            Codes::Whole => {}
            Codes::Bits(_) if r.op_name == "Cast" => {}
            Codes::Bits(_) | Codes::Float(_) => {
                let (name, element) = (&r.of(id).name, element.name);
                let reason = format!("tensor {name:?} is {element}; only QuantizeLinear and DequantizeLinear take it");
                return Err(r.unsupported(reason));
            }
        }
    }
    Ok(())
}

/// Operators of ONNX, by name.
pub const OPERATORS: &[(&str, Read)] = &[
    ("Abs", |r| arithmetic::unary(r, Unary::Abs)),
    ("Acos", |r| arithmetic::unary(r, Unary::Acos)),
    ("Acosh", |r| arithmetic::unary(r, Unary::Acosh)),
    ("Add", |r| arithmetic::binary(r, Binary::Add)),
    ("And", |r| arithmetic::logical(r, Binary::And)),
    ("ArgMax", |r| arithmetic::arg_extreme(r, true)),
    ("ArgMin", |r| arithmetic::arg_extreme(r, false)),
    ("Asin", |r| arithmetic::unary(r, Unary::Asin)),
    ("Asinh", |r| arithmetic::unary(r, Unary::Asinh)),
    ("Atan", |r| arithmetic::unary(r, Unary::Atan)),
    ("Atanh", |r| arithmetic::unary(r, Unary::Atanh)),
    ("AveragePool", windows::average_pool),
    ("BatchNormalization", normalization::batch_normalization),
    ("Cast", movement::cast),
    ("CastLike", movement::cast_like),
    ("Ceil", |r| arithmetic::unary(r, Unary::Ceil)),
    ("Celu", |r| {
        let alpha = r.float("alpha", 1.0)?;
        arithmetic::unary(r, Unary::Celu(alpha))
    }),
    ("Clip", arithmetic::clip),
    ("Concat", movement::concat),
    ("Constant", movement::constant),
    ("ConstantOfShape", movement::constant_of_shape),
    ("Conv", windows::conv),
    ("ConvInteger", windows::conv_integer),
    ("ConvTranspose", windows::conv_transpose),
    ("Cos", |r| arithmetic::unary(r, Unary::Cos)),
    ("Cosh", |r| arithmetic::unary(r, Unary::Cosh)),
    ("DepthToSpace", movement::depth_to_space),
    ("DequantizeLinear", quantized::dequantize),
    ("Div", |r| arithmetic::binary(r, Binary::Div)),
    ("Dropout", movement::dropout),
    ("DynamicQuantizeLinear", quantized::dynamic_quantize),
    ("Elu", |r| {
        let alpha = r.float("alpha", 1.0)?;
        arithmetic::unary(r, Unary::Elu(alpha))
    }),
    ("Equal", |r| arithmetic::comparison(r, Binary::Equal)),
    ("Erf", |r| arithmetic::unary(r, Unary::Erf)),
    ("Exp", |r| arithmetic::unary(r, Unary::Exp)),
    ("Expand", movement::expand),
    ("Flatten", movement::flatten),
    ("Floor", |r| arithmetic::unary(r, Unary::Floor)),
    ("GRU", recurrent::gru),
    ("Gather", selection::gather),
    ("GatherElements", selection::gather_elements),
    ("GatherND", selection::gather_nd),
    ("Gelu", |r| {
        let by_tanh = r.text("approximate", "none")? == "tanh";
        arithmetic::unary(r, Unary::Gelu(by_tanh))
    }),
    ("Gemm", arithmetic::gemm),
    ("GlobalAveragePool", windows::global_average_pool),
    ("GlobalMaxPool", windows::global_max_pool),
    ("Greater", |r| arithmetic::comparison(r, Binary::Greater)),
    ("GreaterOrEqual", |r| arithmetic::comparison(r, Binary::GreaterOrEqual)),
    ("GroupNormalization", normalization::group_normalization),
    ("HardSigmoid", |r| {
        let (alpha, beta) = (r.float("alpha", 0.2)?, r.float("beta", 0.5)?);
        arithmetic::unary(r, Unary::HardSigmoid(alpha, beta))
    }),
    ("HardSwish", |r| arithmetic::unary(r, Unary::HardSwish)),
    ("Hardmax", selection::hardmax),
    ("Identity", movement::identity),
    ("InstanceNormalization", normalization::instance_normalization),
    ("LRN", normalization::lrn),
    ("LSTM", recurrent::lstm),
    ("LayerNormalization", normalization::layer_normalization),
    ("LeakyRelu", |r| {
        let alpha = r.float("alpha", 0.01)?;
        arithmetic::unary(r, Unary::LeakyRelu(alpha))
    }),
    ("Less", |r| arithmetic::comparison(r, Binary::Less)),
    ("LessOrEqual", |r| arithmetic::comparison(r, Binary::LessOrEqual)),
    ("Log", |r| arithmetic::unary(r, Unary::Log)),
    ("LogSoftmax", |r| arithmetic::softmax(r, true)),
    ("LpNormalization", normalization::lp_normalization),
    ("MatMul", arithmetic::mat_mul),
    ("MatMulInteger", arithmetic::mat_mul_integer),
    ("Max", |r| arithmetic::variadic(r, Binary::Max)),
    ("MaxPool", windows::max_pool),
    ("Mean", arithmetic::mean),
    ("MeanVarianceNormalization", normalization::mean_variance_normalization),
    ("Min", |r| arithmetic::variadic(r, Binary::Min)),
    ("Mish", |r| arithmetic::unary(r, Unary::Mish)),
    ("Mod", |r| {
        let kind = if r.flag("fmod", false)? { Binary::Fmod } else { Binary::Mod };
        arithmetic::binary(r, kind)
    }),
    ("Mul", |r| arithmetic::binary(r, Binary::Mul)),
    ("Neg", |r| arithmetic::unary(r, Unary::Neg)),
    ("Not", |r| arithmetic::unary(r, Unary::Not)),
    ("Or", |r| arithmetic::logical(r, Binary::Or)),
    ("PRelu", arithmetic::p_relu),
    ("Pad", movement::pad),
    ("Pow", arithmetic::pow),
    ("QLinearConv", quantized::q_linear_conv),
    ("QLinearMatMul", quantized::q_linear_mat_mul),
    ("QuantizeLinear", quantized::quantize),
    ("RMSNormalization", normalization::rms_normalization),
    ("Range", movement::range),
    ("Reciprocal", |r| arithmetic::unary(r, Unary::Reciprocal)),
    ("ReduceL1", |r| arithmetic::reduce(r, Reduction::L1, 18)),
    ("ReduceL2", |r| arithmetic::reduce(r, Reduction::L2, 18)),
    ("ReduceLogSum", |r| arithmetic::reduce(r, Reduction::LogSum, 18)),
    ("ReduceLogSumExp", |r| arithmetic::reduce(r, Reduction::LogSumExp, 18)),
    ("ReduceMax", |r| arithmetic::reduce(r, Reduction::Max, 18)),
    ("ReduceMean", |r| arithmetic::reduce(r, Reduction::Mean, 18)),
    ("ReduceMin", |r| arithmetic::reduce(r, Reduction::Min, 18)),
    ("ReduceProd", |r| arithmetic::reduce(r, Reduction::Prod, 18)),
    ("ReduceSum", |r| arithmetic::reduce(r, Reduction::Sum, 13)),
    ("ReduceSumSquare", |r| arithmetic::reduce(r, Reduction::SumSquare, 18)),
    ("Relu", |r| arithmetic::unary(r, Unary::Relu)),
    ("Reshape", movement::reshape),
    ("Resize", windows::resize),
    ("Round", |r| arithmetic::unary(r, Unary::Round)),
    ("Selu", |r| {
        let (alpha, gamma) = (r.float("alpha", 1.673_263_2)?, r.float("gamma", 1.050_701)?);
        arithmetic::unary(r, Unary::Selu(alpha, gamma))
    }),
    ("Shape", movement::shape),
    ("Sigmoid", |r| arithmetic::unary(r, Unary::Sigmoid)),
    ("Sign", |r| arithmetic::unary(r, Unary::Sign)),
    ("Sin", |r| arithmetic::unary(r, Unary::Sin)),
    ("Sinh", |r| arithmetic::unary(r, Unary::Sinh)),
    ("Size", movement::size),
    ("Slice", movement::slice),
    ("Softmax", |r| arithmetic::softmax(r, false)),
    ("Softplus", |r| arithmetic::unary(r, Unary::Softplus)),
    ("Softsign", |r| arithmetic::unary(r, Unary::Softsign)),
    ("SpaceToDepth", movement::space_to_depth),
    ("Split", movement::split),
    ("Sqrt", |r| arithmetic::unary(r, Unary::Sqrt)),
    ("Squeeze", movement::squeeze),
    ("Sub", |r| arithmetic::binary(r, Binary::Sub)),
    ("Sum", |r| arithmetic::variadic(r, Binary::Add)),
    ("Swish", arithmetic::swish),
    ("Tan", |r| arithmetic::unary(r, Unary::Tan)),
    ("Tanh", |r| arithmetic::unary(r, Unary::Tanh)),
    ("ThresholdedRelu", |r| {
        let alpha = r.float("alpha", 1.0)?;
        arithmetic::unary(r, Unary::ThresholdedRelu(alpha))
    }),
    ("Tile", movement::tile),
    ("TopK", selection::top_k),
    ("Transpose", movement::transpose),
    ("Trilu", selection::trilu),
    ("Unsqueeze", movement::unsqueeze),
    ("Upsample", windows::upsample),
    ("Where", selection::select),
    ("Xor", |r| arithmetic::logical(r, Binary::Xor)),
];

/// Operators of ONNX Runtime, by name.
pub const MICROSOFT_OPERATORS: &[(&str, Read)] = &[
    ("DequantizeLinear", quantized::dequantize),
    ("QGemm", quantized::q_gemm),
    ("QLinearAdd", |r| quantized::q_linear_binary(r, Binary::Add)),
    ("QLinearAveragePool", quantized::q_linear_average_pool),
    ("QLinearConcat", quantized::q_linear_concat),
    ("QLinearConv", quantized::q_linear_conv),
    ("QLinearGlobalAveragePool", quantized::q_linear_global_average_pool),
    ("QLinearLeakyRelu", |r| {
        let alpha = r.float("alpha", 0.01)?;
        quantized::q_linear_unary(r, Unary::LeakyRelu(alpha))
    }),
    ("QLinearMul", |r| quantized::q_linear_binary(r, Binary::Mul)),
    ("QLinearSigmoid", |r| quantized::q_linear_unary(r, Unary::Sigmoid)),
    ("QLinearSoftmax", quantized::q_linear_softmax),
    ("QuantizeLinear", quantized::quantize),
];
