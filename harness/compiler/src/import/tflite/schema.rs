//! The part of the TFLite flatbuffer schema that is read, table by table.
//!
//! Field numbers are the byte offsets in a table's vtable: 4 for the first field of the schema, 2 more for each next.
//! Every table is verified before it is read: offsets, alignment, nesting and sizes.

use flatbuffers::{Follow, ForwardsUOffset, InvalidFlatbuffer, Table, Vector, Verifiable, Verifier, VerifierOptions};

macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident { $($field:ident $number:literal: $kind:ident $type:tt $(= $default:expr)?;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $table<'a>(Table<'a>);

        impl<'a> Follow<'a> for $table<'a> {
            type Inner = $table<'a>;
            unsafe fn follow(buf: &'a [u8], loc: usize) -> Self::Inner {
                // SAFETY: the caller vouches for a table at `loc`.
                $table(unsafe { Table::new(buf, loc) })
            }
        }

        impl Verifiable for $table<'_> {
            fn run_verifier(v: &mut Verifier<'_, '_>, pos: usize) -> Result<(), InvalidFlatbuffer> {
                v.visit_table(pos)?
                    $(.visit_field::<tables!(@wire $kind $type)>(stringify!($field), $number, false)?)*
                    .finish();
                Ok(())
            }
        }

        impl<'a> $table<'a> {
            $(tables!(@accessor $field $number $kind $type $(= $default)?);)*
        }
    )*};
    (@wire scalar $type:tt) => { $type };
    (@wire text $type:tt) => { ForwardsUOffset<&$type> };
    (@wire vector $type:tt) => { ForwardsUOffset<Vector<'_, $type>> };
    (@wire table $type:tt) => { ForwardsUOffset<$type> };
    (@wire tables $type:tt) => { ForwardsUOffset<Vector<'_, ForwardsUOffset<$type>>> };
    (@accessor $field:ident $number:literal scalar $type:tt = $default:expr) => {
        pub(super) fn $field(&self) -> $type {
            // SAFETY: the verifier has seen this field with this type.
            unsafe { self.0.get::<$type>($number, Some($default)) }.unwrap_or($default)
        }
    };
    (@accessor $field:ident $number:literal text $type:tt) => {
        pub(super) fn $field(&self) -> Option<&'a str> {
            // SAFETY: the verifier has seen this field with this type.
            unsafe { self.0.get::<ForwardsUOffset<&'a str>>($number, None) }
        }
    };
    (@accessor $field:ident $number:literal vector $type:tt) => {
        pub(super) fn $field(&self) -> Option<Vector<'a, $type>> {
            // SAFETY: the verifier has seen this field with this type.
            unsafe { self.0.get::<ForwardsUOffset<Vector<'a, $type>>>($number, None) }
        }
    };
    (@accessor $field:ident $number:literal table $type:tt) => {
        pub(super) fn $field(&self) -> Option<$type<'a>> {
            // SAFETY: the verifier has seen this field with this type.
            unsafe { self.0.get::<ForwardsUOffset<$type<'a>>>($number, None) }
        }
    };
    (@accessor $field:ident $number:literal tables $type:tt) => {
        pub(super) fn $field(&self) -> Vec<$type<'a>> {
            // SAFETY: the verifier has seen this field with this type.
            unsafe { self.0.get::<ForwardsUOffset<Vector<'a, ForwardsUOffset<$type<'a>>>>>($number, None) }
                .map(|v| v.iter().collect())
                .unwrap_or_default()
        }
    };
}

tables! {
    /// The file.
    Model {
        version 4: scalar u32 = 0;
        operator_codes 6: tables OperatorCode;
        subgraphs 8: tables SubGraph;
        buffers 12: tables Buffer;
    }
    /// Bytes of constants.
    Buffer {
        data 4: vector u8;
        offset 6: scalar u64 = 0;
        size 8: scalar u64 = 0;
    }
    /// Which operator a number stands for.
    OperatorCode {
        deprecated_builtin_code 4: scalar i8 = 0;
        custom_code 6: text str;
        builtin_code 10: scalar i32 = 0;
    }
    /// One network.
    SubGraph {
        tensors 4: tables Tensor;
        inputs 6: vector i32;
        outputs 8: vector i32;
        operators 10: tables Operator;
        name 12: text str;
    }
    /// One tensor.
    Tensor {
        shape 4: vector i32;
        element_type 6: scalar i8 = 0;
        buffer 8: scalar u32 = 0;
        name 10: text str;
        quantization 12: table QuantizationParameters;
        is_variable 14: scalar bool = false;
        sparsity 16: table Opaque;
    }
    /// Affine quantization.
    QuantizationParameters {
        scale 8: vector f32;
        zero_point 10: vector i64;
        details_type 12: scalar u8 = 0;
        quantized_dimension 16: scalar i32 = 0;
    }
    /// A table of which only the presence counts.
    Opaque {}
    /// One operator. The options are a union: which table they are follows from the operator.
    Operator {
        opcode_index 4: scalar u32 = 0;
        inputs 6: vector i32;
        outputs 8: vector i32;
        options 12: table Opaque;
    }
    /// Options of CONV_2D.
    Conv2DOptions {
        padding 4: scalar i8 = 0;
        stride_w 6: scalar i32 = 0;
        stride_h 8: scalar i32 = 0;
        activation 10: scalar i8 = 0;
        dilation_w 12: scalar i32 = 1;
        dilation_h 14: scalar i32 = 1;
    }
    /// Options of DEPTHWISE_CONV_2D.
    DepthwiseConv2DOptions {
        padding 4: scalar i8 = 0;
        stride_w 6: scalar i32 = 0;
        stride_h 8: scalar i32 = 0;
        depth_multiplier 10: scalar i32 = 0;
        activation 12: scalar i8 = 0;
        dilation_w 14: scalar i32 = 1;
        dilation_h 16: scalar i32 = 1;
    }
    /// Options of the pools.
    Pool2DOptions {
        padding 4: scalar i8 = 0;
        stride_w 6: scalar i32 = 0;
        stride_h 8: scalar i32 = 0;
        filter_w 10: scalar i32 = 0;
        filter_h 12: scalar i32 = 0;
        activation 14: scalar i8 = 0;
    }
    /// Options of FULLY_CONNECTED.
    FullyConnectedOptions {
        activation 4: scalar i8 = 0;
        weights_format 6: scalar i8 = 0;
        keep_num_dims 8: scalar bool = false;
        asymmetric_quantize_inputs 10: scalar bool = false;
    }
    /// Options of ADD, SUB, MUL, DIV and L2_NORMALIZATION.
    ArithmeticOptions {
        activation 4: scalar i8 = 0;
    }
    /// Options of CONCATENATION.
    ConcatenationOptions {
        axis 4: scalar i32 = 0;
        activation 6: scalar i8 = 0;
    }
    /// Options of SOFTMAX.
    SoftmaxOptions {
        beta 4: scalar f32 = 0.0;
    }
    /// Options of RESHAPE.
    ReshapeOptions {
        new_shape 4: vector i32;
    }
    /// Options of SQUEEZE.
    SqueezeOptions {
        squeeze_dims 4: vector i32;
    }
    /// Options of STRIDED_SLICE.
    StridedSliceOptions {
        begin_mask 4: scalar i32 = 0;
        end_mask 6: scalar i32 = 0;
        ellipsis_mask 8: scalar i32 = 0;
        new_axis_mask 10: scalar i32 = 0;
        shrink_axis_mask 12: scalar i32 = 0;
        offset 14: scalar bool = false;
    }
    /// Options of MEAN and the other reductions.
    ReducerOptions {
        keep_dims 4: scalar bool = false;
    }
    /// Options of PACK.
    PackOptions {
        values_count 4: scalar i32 = 0;
        axis 6: scalar i32 = 0;
    }
    /// Options of SPLIT.
    SplitOptions {
        num_splits 4: scalar i32 = 0;
    }
    /// Options of LEAKY_RELU.
    LeakyReluOptions {
        alpha 4: scalar f32 = 0.0;
    }
    /// Options of BATCH_MATMUL.
    BatchMatMulOptions {
        adj_x 4: scalar bool = false;
        adj_y 6: scalar bool = false;
    }
    /// Options of SPACE_TO_DEPTH and DEPTH_TO_SPACE.
    BlockOptions {
        block_size 4: scalar i32 = 0;
    }
    /// Options of CALL_ONCE.
    CallOnceOptions {
        init_subgraph_index 4: scalar i32 = 0;
    }
    /// Options of VAR_HANDLE.
    VarHandleOptions {
        container 4: text str;
        shared_name 6: text str;
    }
    /// Options of GATHER.
    GatherOptions {
        axis 4: scalar i32 = 0;
        batch_dims 6: scalar i32 = 0;
    }
    /// Options of GELU.
    GeluOptions {
        approximate 4: scalar bool = false;
    }
    /// Options of MIRROR_PAD.
    MirrorPadOptions {
        mode 4: scalar i8 = 0;
    }
    /// Options of RESIZE_BILINEAR.
    ResizeBilinearOptions {
        align_corners 8: scalar bool = false;
        half_pixel_centers 10: scalar bool = false;
    }
    /// Options of UNIDIRECTIONAL_SEQUENCE_LSTM.
    SequenceLstmOptions {
        activation 4: scalar i8 = 0;
        cell_clip 6: scalar f32 = 0.0;
        proj_clip 8: scalar f32 = 0.0;
        time_major 10: scalar bool = false;
    }
    /// Options of TRANSPOSE_CONV.
    TransposeConvOptions {
        padding 4: scalar i8 = 0;
        stride_w 6: scalar i32 = 0;
        stride_h 8: scalar i32 = 0;
        activation 10: scalar i8 = 0;
    }
    /// Options of UNPACK.
    UnpackOptions {
        num 4: scalar i32 = 0;
        axis 6: scalar i32 = 0;
    }
    /// Options of RESIZE_NEAREST_NEIGHBOR.
    ResizeNearestNeighborOptions {
        align_corners 4: scalar bool = false;
        half_pixel_centers 6: scalar bool = false;
    }
}

impl<'a> Operator<'a> {
    /// The options as a table of type `T`, verified. `file` is the whole file.
    pub(super) fn options_as<T>(&self, file: &'a [u8]) -> Result<Option<T>, InvalidFlatbuffer>
    where
        T: Verifiable + Follow<'a, Inner = T>,
    {
        let Some(Opaque(table)) = self.options() else { return Ok(None) };
        let options = VerifierOptions::default();
        T::run_verifier(&mut Verifier::new(&options, file), table.loc())?;
        // SAFETY: the verifier has just seen a `T` there.
        Ok(Some(unsafe { T::follow(file, table.loc()) }))
    }
}

/// Verifies a whole file and answers its root.
pub(super) fn root(file: &[u8]) -> Result<Model<'_>, InvalidFlatbuffer> {
    let options = VerifierOptions { max_apparent_size: usize::MAX, ..VerifierOptions::default() };
    flatbuffers::root_with_opts::<Model<'_>>(&options, file)
}
