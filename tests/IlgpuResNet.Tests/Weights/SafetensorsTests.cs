using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class SafetensorsTests : IDisposable
{
    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Reads_names_shapes_values_and_metadata_in_header_order()
    {
        // The second tensor of the header lies first in the data; one is a scalar, one is empty, the header is padded.
        string path = folder.WriteSafetensors(
            """{"__metadata__":{"format":"pt","note":"a\nb"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]}"""
            + ""","a\u00e9":{"dtype":"I16","shape":[2],"data_offsets":[0,4],"later":{"x":[1]}}"""
            + ""","scalar":{"dtype":"U8","shape":[],"data_offsets":[12,13]}"""
            + ""","empty":{"dtype":"F16","shape":[3,0],"data_offsets":[13,13]}}   """,
            [.. MemoryMarshal.AsBytes<short>([-3, 9]), .. MemoryMarshal.AsBytes<float>([1.5f, -2]), 200]);
        using StateDict weights = StateDict.Load(path);
        Assert.AreEqual("b, aé, scalar, empty", string.Join(", ", weights.Keys));
        Assert.AreEqual("1.5, -2", string.Join(", ", weights["b"].ToArray()));
        Assert.AreEqual("-3, 9", string.Join(", ", weights["aé"].ToArray()));
        Assert.AreEqual("200", string.Join(", ", weights["scalar"].ToArray()));
        Assert.IsEmpty(weights["empty"].ToArray());
        Assert.AreEqual("[2, 1]", FileText.Shape(weights["b"].Shape));
        Assert.AreEqual(0, weights["scalar"].Shape.Length);
        Assert.AreEqual(DataType.Int16, weights["aé"].DataType);
        Assert.AreEqual("a\nb", weights.Metadata["note"]);
        Assert.AreEqual(path, weights.Source);
    }

    [TestMethod]
    [DataRow("{}", 0)]
    [DataRow("""{"__metadata__":{}}""", 0)]
    public void Reads_a_file_without_tensors(string header, int data)
    {
        using StateDict weights = StateDict.Load(folder.WriteSafetensors(header, new byte[data]));
        Assert.IsEmpty(weights);
    }

    [TestMethod]
    [DataRow("", 0, "does not start with '{'")]
    [DataRow(" {}", 0, "does not start with '{'")]
    [DataRow("[]", 0, "does not start with '{'")]
    [DataRow("{", 0, "not valid JSON")]
    [DataRow("{} x", 0, "not valid JSON")]
    [DataRow("""{"a":}""", 0, "not valid JSON")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}""", 4, "not valid JSON")]
    [DataRow("""{"a":/**/{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "not valid JSON")]
    [DataRow("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "not valid Unicode")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8,
        "the key a twice")]
    [DataRow("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "described twice")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}""", 4, "described twice")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]}}""", 4, "described twice")]
    [DataRow("""{"__metadata__":{"k":"1","k":"2"}}""", 0, "__metadata__ has the key k twice")]
    [DataRow("""{"__metadata__":{"k":1}}""", 0, "entry k is not a text")]
    [DataRow("""{"__metadata__":[]}""", 0, "__metadata__ is not an object")]
    [DataRow("""{"a":4}""", 0, "not described by an object")]
    [DataRow("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4, "no dtype")]
    [DataRow("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 4, "no shape")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "no data_offsets")]
    [DataRow("""{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}""", 4, "tensor a has dtype F99")]
    [DataRow("""{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""", 4, "tensor a has dtype F8_E4M3, which is not supported")]
    [DataRow("""{"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}}""", 4, "dtype that is not a text")]
    [DataRow("""{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", 4, "shape that is not a list")]
    [DataRow("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "not a whole number")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "not a whole number")]
    [DataRow("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "not a whole number")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2147483648],"data_offsets":[0,4]}}""", 4, "not a whole number from 0 to 2147483647")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "needs 8 bytes, but its data_offsets span 4")]
    [DataRow("""{"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}""", 0, "needs 4 bytes, but its data_offsets span 0")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}""", 4, "overflows")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1073741824,1073741824,4],"data_offsets":[0,0]}}""", 0, "overflows")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "not two ascending")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4, "not two ascending")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "not two ascending")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", 4, "not two ascending")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}""", 4, "not two ascending")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "a hole of 4 bytes lies before tensor a")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[6,10]}}""", 10,
        "a hole of 2 bytes lies before tensor b")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8,
        "tensor b overlaps")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4,
        "tensor b overlaps")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "need 4 bytes, but only 3 follow")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "1 bytes follow the last tensor")]
    [DataRow("{}", 1, "1 bytes follow the last tensor")]
    public void Refuses_each_defect_of_the_header(string header, int data, string part) =>
        WeightsFolder.Refused(folder.WriteSafetensors(header, new byte[data]), part);

    [TestMethod]
    public void Refuses_more_dimensions_than_any_framework_has()
    {
        string sizes = string.Join(',', Enumerable.Repeat(1, 65));
        WeightsFolder.Refused(folder.WriteSafetensors(
            $$$"""{"a":{"dtype":"F32","shape":[{{{sizes}}}],"data_offsets":[0,4]}}""", new byte[4]), "more than 64 dimensions");
    }

    [TestMethod]
    [DataRow(100_000_001L, "more than the format's limit of 100000000")]
    [DataRow(long.MaxValue, "more than the format's limit")]
    [DataRow(-1L, "claims 18446744073709551615 bytes")]
    [DataRow(3L, "but only 2 follow")]
    [DataRow(100_000_000L, "but only 2 follow")]
    [DataRow(1L, "not valid JSON")]
    public void Refuses_a_wrong_header_length(long length, string part) =>
        WeightsFolder.Refused(folder.Write("length.safetensors", [.. BitConverter.GetBytes(length), (byte)'{', (byte)'}']), part);

    [TestMethod]
    public void Refuses_text_that_is_not_UTF8() =>
        WeightsFolder.Refused(
            folder.Write("utf8.safetensors", WeightsFolder.Safetensors([.. "{\""u8, 0xFF, .. "\":1}"u8], [])), "not valid UTF-8");

    [TestMethod]
    public void Refuses_a_file_shorter_than_the_length_field() =>
        WeightsFolder.Refused(folder.Write("short.safetensors", [1, 0, 0]), "too few");

    [TestMethod]
    public void Keeps_hostile_names_on_one_short_line()
    {
        string name = "x\\n\\u2028" + new string('y', 10_000);
        WeightsException error = WeightsFolder.Refused(folder.WriteSafetensors($$"""{"{{name}}":4}""", []), "tensor x??yyy");
        Assert.DoesNotContain('\u2028', error.Message);
    }

    [TestMethod]
    [DataRow("{", "\"{0}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", "}", DisplayName = "tensors")]
    [DataRow("{", "\"{0}\":{{\"dtype\":\"F32\",\"shape\":[0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,0]}}", "}",
        DisplayName = "sizes")]
    [DataRow("{\"__metadata__\":{", "\"{0}\":\"\"", "}}", DisplayName = "metadata")]
    public void Spends_no_more_memory_than_the_file_justifies(string start, string entry, string end)
    {
        CompositeFormat format = CompositeFormat.Parse(entry);
        string header = start + string.Join(',', Enumerable.Range(0, 100_000).Select(i => string.Format(null, format, i))) + end;
        string path = folder.WriteSafetensors(header, []);

        long before = GC.GetAllocatedBytesForCurrentThread();
        WeightsFolder.Refused(path, "more memory than a file of its size justifies");
        Assert.IsLessThan(2L * header.Length + (16 << 20), GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Written_files_read_back_bit_for_bit()
    {
        Gen<string> name = Gen.String[Gen.Char['!', '~'], 1, 20];
        Gen<(ImmutableArray<int> Shape, float[] Values)> tensor = Gen.Int[0, 4].Array[0, 4].SelectMany(
            shape => Gen.Int.Select(BitConverter.Int32BitsToSingle).Array[shape.Aggregate(1, (a, b) => a * b)],
            (shape, values) => (shape.ToImmutableArray(), values));
        Gen.Select(Gen.Dictionary(name, tensor)[0, 6], Gen.Dictionary(Gen.String, Gen.String)[0, 3]).Sample((tensors, metadata) =>
        {
            // A lone half of a surrogate pair is not text; JSON cannot carry it.
            var texts = metadata.Where(pair => IsText(pair.Key) && IsText(pair.Value)).ToDictionary();
            string path = folder.PathOf("roundtrip.safetensors");
            using (StateDict made = StateDict.Create(tensors.Select(pair => (pair.Key, pair.Value.Shape, pair.Value.Values)))) made.Save(
                path, texts);
            using StateDict read = StateDict.Load(path);
            CollectionAssert.AreEqual(tensors.Keys.ToArray(), read.Keys.ToArray());
            CollectionAssert.AreEquivalent(texts, read.Metadata.ToDictionary());
            foreach ((string key, (ImmutableArray<int> shape, float[] values)) in tensors)
            {
                Assert.AreSequenceEqual(shape, read[key].Shape);
                Assert.IsTrue(MemoryMarshal.AsBytes<float>(values).SequenceEqual(MemoryMarshal.AsBytes<float>(read[key].ToArray())), key);
            }
        }, iter: 200, threads: 1);
    }

    private static bool IsText(string text) => Encoding.Unicode.GetString(Encoding.Unicode.GetBytes(text)) == text;
}
