"""Train the digits example and write its two quantized models.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make.py

Pinned (requirements.txt): Python 3.11, tensorflow-cpu 2.21.0, scikit-learn
1.9.1, onnx 1.20.1, onnxruntime 1.32.0, tf2onnx 1.17.0, numpy 2.4.6.

Writes next to this file:

    digits_int8.tflite    TFLite converter, full-integer int8, int8 in and out
    digits_qdq.onnx       ONNX Runtime static quantization, QDQ, S8S8, per channel
    digits_test.npz       the 360 held-out samples as int8 inputs, and labels
    digits_qdq_test.npz   the same as float32, with ONNX Runtime's answers

The answers in digits_test.npz are added by ../record.py, which runs in the
interpreter's own environment. Seeds are fixed; a different CPU may still round
the training differently, so the committed files are the reference.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_DETERMINISTIC_OPS"] = "1"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import pathlib
import tempfile

import keras
import numpy as np
import onnx
import onnxruntime as ort
import tensorflow as tf
import tf2onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20
HELD_OUT = 360
EPOCHS = 60


def data():
    bunch = load_digits()
    images = bunch.images.astype(np.uint8)[..., None]
    return train_test_split(
        images, bunch.target.astype(np.int64),
        test_size=HELD_OUT, random_state=SEED, stratify=bunch.target)


def scaled(images):
    """0..16 to [0, 1]; exact in float32."""
    return images.astype(np.float32) / np.float32(16)


def network():
    layers = keras.layers
    return keras.Sequential([
        keras.Input((8, 8, 1), name="image"),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.DepthwiseConv2D(3, padding="same", activation="relu"),
        layers.Conv2D(16, 1, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(10),
        layers.Softmax(),
    ])


def train(x, y):
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    model = network()
    steps = EPOCHS * (len(x) // 32 + 1)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=32, epochs=EPOCHS, verbose=0)
    return model


def concrete(model):
    """The network at batch 1, so that no shape arithmetic enters the graph."""
    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 1), tf.float32, name="image")])
    def run(image):
        return model(image, training=False)
    return run


def to_tflite(model, calibration):
    frozen = convert_variables_to_constants_v2(concrete(model).get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([s[None]] for s in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter.convert()


class Calibration(CalibrationDataReader):
    def __init__(self, name, samples):
        self.feeds = iter([{name: s[None]} for s in samples])

    def get_next(self):
        return next(self.feeds, None)


def to_onnx(model, calibration, out):
    run = concrete(model)
    proto, _ = tf2onnx.convert.from_function(
        run, input_signature=run.input_signature, opset=17,
        inputs_as_nchw=["image"])
    with tempfile.TemporaryDirectory() as tmp:
        plain, prepared = f"{tmp}/float.onnx", f"{tmp}/prepared.onnx"
        onnx.save(proto, plain)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        name = onnx.load(prepared).graph.input[0].name
        quantize_static(
            prepared, str(out), Calibration(name, calibration.transpose(0, 3, 1, 2)),
            quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"ActivationSymmetric": False})
    final = onnx.load(str(out))
    onnx.checker.check_model(final, full_check=True)
    return proto


def quantized(tflite, x):
    """`x` in the model's input type, as the interpreter's own QUANTIZE rounds it."""
    detail = tf.lite.Interpreter(model_content=tflite).get_input_details()[0]
    scale, zero = detail["quantization"]
    ratio = x / np.float32(scale)
    rounded = np.sign(ratio) * np.floor(np.abs(ratio) + np.float32(0.5))
    return np.clip(rounded + zero, -128, 127).astype(np.int8)


def run_onnx(path_or_bytes, x):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path_or_bytes, options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: s[None]})[0] for s in x])


def accuracy(scores, labels):
    right = int((scores.argmax(-1) == labels).sum())
    return f"{right}/{len(labels)} = {100 * right / len(labels):.2f} %"


def main():
    train_images, held_images, train_labels, held_labels = data()
    x, held = scaled(train_images), scaled(held_images)
    model = train(x, train_labels)
    print("float           ", accuracy(model.predict(held, verbose=0), held_labels))

    calibration = x[:400]
    tflite = to_tflite(model, calibration)
    (HERE / "digits_int8.tflite").write_bytes(tflite)
    np.savez_compressed(HERE / "digits_test.npz",
                        m_inputs_1=quantized(tflite, held), labels=held_labels)

    proto = to_onnx(model, calibration, HERE / "digits_qdq.onnx")

    planes = np.ascontiguousarray(held.transpose(0, 3, 1, 2))
    print("float ONNX      ", accuracy(run_onnx(proto.SerializeToString(), planes), held_labels))
    answers = run_onnx(str(HERE / "digits_qdq.onnx"), planes)
    print("digits_qdq.onnx ", accuracy(answers, held_labels))
    np.savez_compressed(HERE / "digits_qdq_test.npz",
                        m_inputs_1=planes, m_outputs_1=answers, labels=held_labels)


if __name__ == "__main__":
    main()
