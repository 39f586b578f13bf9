"""Makes the ONNX files beside this script and expected.json, with onnx 1.12.

Run: python3 make_onnx_goldens.py
"""
import json
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

HERE = Path(__file__).parent
expected = {}
random = numpy.random.default_rng(3)


def save(name, graph, **fields):
    model = helper.make_model(graph, producer_name="golden", opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, value in fields.items():
        setattr(model, key, value)
    (HERE / name).write_bytes(model.SerializeToString())
    return model


def value(name, shape, element=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, element, shape)


def identity(name="y"):
    return helper.make_node("Identity", ["x"], [name])


def entry(tensor, values):
    """Integers beyond 2^53 would be rounded by a reader of JSON, so all values are texts."""
    return {"name": tensor.name, "type": tensor.data_type, "shape": list(tensor.dims), "values": [repr(v) for v in values]}


# Every element type, as numbers in typed fields and as raw_data.
FLOATS = [0.0, -0.0, 1.5, -2.25, 65504.0, 6e-8]
samples = {
    TensorProto.FLOAT: [1 / 3, -1e-38, 3e38, float("inf")],
    TensorProto.DOUBLE: [1 / 3, -1e-300, 1e300, float("-inf")],
    TensorProto.FLOAT16: [float(numpy.float16(v)) for v in FLOATS],
    TensorProto.BFLOAT16: [0.0, 1.5, -2.25, 3.0],
    TensorProto.INT8: [-128, -1, 0, 127],
    TensorProto.INT16: [-32768, -1, 0, 32767],
    TensorProto.INT32: [-2 ** 31, -1, 0, 2 ** 31 - 1],
    TensorProto.INT64: [-2 ** 63, -1, 2 ** 53 + 1, 2 ** 63 - 1],
    TensorProto.UINT8: [0, 1, 128, 255],
    TensorProto.BOOL: [True, False, True, True],
}
NUMPY = {
    TensorProto.FLOAT: "<f4", TensorProto.DOUBLE: "<f8", TensorProto.FLOAT16: "<f2", TensorProto.INT8: "i1", TensorProto.INT16: "<i2",
    TensorProto.INT32: "<i4", TensorProto.INT64: "<i8", TensorProto.UINT8: "u1", TensorProto.BOOL: "?",
}


def bytes_of(kind, values):
    if kind == TensorProto.BFLOAT16:  # the upper halves of float32
        return numpy.array(values, "<f4").view("<u2")[1::2].tobytes()
    return numpy.array(values, NUMPY[kind]).tobytes()


def stored(kind, values):
    if kind == TensorProto.BFLOAT16:
        return [float(v) for v in values]
    return numpy.array(values, NUMPY[kind]).astype("f8" if "f" in NUMPY[kind] else "i8").tolist()


tensors, entries = [], []
for kind, values in samples.items():
    name = TensorProto.DataType.Name(kind).lower()
    shape = [len(values) // 2, 2]
    tensors += [helper.make_tensor(f"typed_{name}", kind, shape, values),
                helper.make_tensor(f"raw_{name}", kind, shape, bytes_of(kind, values), raw=True)]
    entries += [entry(tensor, stored(kind, values)) for tensor in tensors[-2:]]
for tensor, values in ((helper.make_tensor("scalar", TensorProto.INT64, [], [7]), [7]),
                       (helper.make_tensor("empty", TensorProto.FLOAT, [3, 0], []), []),
                       (helper.make_tensor("empty_raw", TensorProto.FLOAT, [0], b"", raw=True), [])):
    tensors.append(tensor)
    entries.append(entry(tensor, values))
save("types.onnx", helper.make_graph([identity()], "types", [value("x", [1])], [value("y", [1])], tensors))
expected["types.onnx"] = entries

# Every type of attribute.
sub = helper.make_graph([identity()], "sub", [value("x", [1])], [value("y", [1])])
sparse = helper.make_sparse_tensor(helper.make_tensor("s", TensorProto.FLOAT, [1], [2.0]), helper.make_tensor("i", TensorProto.INT64, [1], [3]), [5])
node = helper.make_node(
    "Everything", ["x", "", "w"], ["y", ""], name="every\u00e9", domain="test.domain", f=1.5, i=-2, s="text\u00e9",
    t=helper.make_tensor("t", TensorProto.INT64, [2], [5, -6]), g=sub, floats=[0.5, -0.25], ints=[2 ** 62, -1, 0], strings=["a", "", "b\u00e9"],
    tensors=[helper.make_tensor("u", TensorProto.FLOAT, [1], [1.0])], graphs=[sub, sub], sparse=sparse, kind=helper.make_tensor_type_proto(1, [2]),
    words=helper.make_tensor("words", TensorProto.STRING, [2], [b"p", b"q"]))
graph = helper.make_graph(
    [node, helper.make_node("Relu", ["y"], ["z"], domain="ai.onnx")], "attributes",
    [value("x", ["batch", 3, None, 224]), helper.make_tensor_value_info("w", TensorProto.FLOAT16, None), helper.make_tensor_sequence_value_info("q", 1, [2])],
    [value("z", [])])
model = save("attributes.onnx", graph)
model.opset_import.append(helper.make_opsetid("ai.onnx", 13))
model.opset_import.append(helper.make_opsetid("test.domain", 2))
helper.set_model_props(model, {"note": "text\u00e9", "empty": ""})
(HERE / "attributes.onnx").write_bytes(model.SerializeToString())

# A file of IR version 3: initializers are among the inputs, and attributes have no type.
weight = numpy_helper.from_array(random.standard_normal((2, 3, 1, 1)).astype("f4"), "w")
node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[1, 1], group=1, auto_pad="NOTSET", alpha=0.5, scales=[1.0, 2.0], names=["a"], value=weight)
for attribute in node.attribute:
    attribute.ClearField("type")
save("ir3.onnx", helper.make_graph([node], "ir3", [value("x", [1, 3, 4, 4]), value("w", [2, 3, 1, 1])], [value("y", [1, 2, 4, 4])], [weight]), ir_version=3)
expected["ir3.onnx"] = [entry(weight, numpy_helper.to_array(weight).astype("f8").flatten().tolist())]

# Weights beside the model, in its folder and in one inside it.
HERE.joinpath("part").mkdir(exist_ok=True)
first = random.standard_normal(6).astype("<f4")
second = random.integers(-9, 9, 4).astype("<i8")
(HERE / "external.bin").write_bytes(b"\x7f" * 16 + first.tobytes())
(HERE / "part" / "external.bin").write_bytes(second.tobytes())


def external(name, kind, shape, location, **place):
    tensor = TensorProto(name=name, data_type=kind, dims=shape, raw_data=b"")
    set_external_data(tensor, location, **place)
    tensor.ClearField("raw_data")
    return tensor


outside = [external("first", TensorProto.FLOAT, [2, 3], "external.bin", offset=16, length=24), external("tail", TensorProto.FLOAT, [2], "./external.bin", offset=32),
           external("second", TensorProto.INT64, [4], "part/external.bin")]
save("external.onnx", helper.make_graph([identity()], "external", [value("x", [1])], [value("y", [1])], outside))
expected["external.onnx"] = [entry(outside[0], first.astype("f8").tolist()), entry(outside[1], first[4:].astype("f8").tolist()), entry(outside[2], second.tolist())]

# Single tensors, as the data of ONNX's operator tests has them.
(HERE / "tensor.pb").write_bytes(numpy_helper.from_array(first.reshape(3, 2), "input_0").SerializeToString())
expected["tensor.pb"] = [{"name": "input_0", "type": 1, "shape": [3, 2], "values": [repr(v) for v in first.astype("f8").tolist()]}]
(HERE / "words.pb").write_bytes(helper.make_tensor("words", TensorProto.STRING, [1], [b"p"]).SerializeToString())

# What OnnxWriterTest describes; the library must write the same bytes.
written = helper.make_graph(
    [helper.make_node("Conv", ["x", "w", ""], ["c"], name="conv", group=1, pads=[0, 1, 2, 3]),
     helper.make_node("Custom", ["c"], ["y"], domain="test", f=-1.5, floats=[0.5, 2.0], s="\u00e9", strings=["p", ""],
                      t=helper.make_tensor("t", TensorProto.INT64, [2], numpy.array([-1, 300], "<i8").tobytes(), raw=True))],
    "graph", [value("x", ["N", 1, None, 2])], [value("y", []), helper.make_tensor_value_info("z", TensorProto.FLOAT16, None)],
    [helper.make_tensor("w", TensorProto.FLOAT, [1, 1, 1, 2], numpy.array([1, -2.5], "<f4").tobytes(), raw=True),
     helper.make_tensor("h", TensorProto.FLOAT16, [3], numpy.array([1, 2, 3], "<f2").tobytes(), raw=True)])
model = helper.make_model(written, producer_name="IlgpuResNet", opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
helper.set_model_props(model, {"key": "value"})
(HERE / "written.onnx").write_bytes(model.SerializeToString())

(HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
