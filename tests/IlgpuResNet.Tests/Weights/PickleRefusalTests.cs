using System.Text;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;
using IlgpuResNet.Weights.Torch;

namespace IlgpuResNet.Tests;

/// <summary>Pickles written by hand, opcode by opcode, that no PyTorch would write.</summary>
[TestClass]
public sealed class PickleRefusalTests : IDisposable
{
    private readonly WeightsFolder folder = new(inMemory: true);

    public void Dispose() => folder.Dispose();

    private const string Global = "ctorch._utils\n_rebuild_tensor_v2\n";

    // A storage of 6 floats, key "0".
    private const string Storage = "(U\u0007storagectorch\nFloatStorage\nU\u00010U\u0003cpuK\u0006tQ";

    [TestMethod]
    [DataRow("cos\nsystem\n.", "os.system")]
    [DataRow("cos\nsystem\n(U\u0002lstR.", "os.system")]
    [DataRow("cposix\nsystem\n.", "os.system")]
    [DataRow("cnt\nsystem\n.", "os.system")]
    [DataRow("csubprocess\nPopen\n.", "subprocess.Popen")]
    [DataRow("cbuiltins\neval\n.", "builtins.eval")]
    [DataRow("c__builtin__\ngetattr\n.", "__builtin__.getattr")]
    [DataRow("(U\u0002lsios\nsystem\n.", "os.system")]
    [DataRow("(cos\nsystem\nU\u0002lso.", "os.system")]
    [DataRow("cos\nsystem\n)}\u0092.", "os.system")]
    [DataRow("cos\nsystem\n)R)R.", "os.system")]
    [DataRow("U\u0005posixU\u0006system\u0093.", "os.system")]
    [DataRow("ctorch\nload\n.", "torch.load")]
    [DataRow("ctorch._utils\n_rebuild_tensor_v2.__globals__\n.", "torch._utils._rebuild_tensor_v2.__globals__")]
    [DataRow("(U\u0006modulecos\nsystem\nU\u0001fU\u0001stQ.", "os.system")]
    public void A_name_is_kept_as_a_name_and_its_call_is_not_made(string pickle, string name)
    {
        PickleValue value = Read(Encoding.Latin1.GetBytes(pickle), new ReadBudget("a.pth", pickle.Length));
        TorchGlobal kept = value as TorchGlobal ?? ((PickleObject)value).Class;
        Assert.AreEqual(TorchGlobalKind.Opaque, kept.Kind);
        Assert.AreEqual(name, kept.Full);
    }

    [TestMethod]
    [DataRow("(U\u0001\nios\n.", "ends inside a name")]
    [DataRow("U\u0005posixK\u0001\u0093.", "a name that is not a text")]
    [DataRow("\u0082\u0001.", "opcode 0x82")]
    [DataRow("S'x'\n.", "opcode 0x53")]
    [DataRow("\u0080\u0006.", "unknown protocol 6")]
    [DataRow("", "ends inside a value")]
    [DataRow("X\u00ff\u00ff\u00ff\u007f", "ends inside a value")]
    [DataRow("B\u00ff\u00ff\u00ff\u00ff", "ends inside a value")]
    [DataRow("\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", "ends inside a value")]
    [DataRow("\u008c\u0001\u00ff.", "not valid UTF-8")]
    [DataRow(".", "stack is empty")]
    [DataRow("(.", "stack is empty")]
    [DataRow("K\u0001(\u0086.", "stack is empty")]
    [DataRow("t.", "a mark is missing")]
    [DataRow("h\u0000.", "used before it is stored")]
    [DataRow("K\u0001K\u0002a.", "not a list")]
    [DataRow("]K\u0001K\u0002s.", "not a dict")]
    [DataRow("}(K\u0001u.", "a key without a value")]
    [DataRow("K\u0001)R.", "not a function")]
    [DataRow("]}b.", "attributes are set on")]
    [DataRow("K\u0001Q.", "a storage is not described")]
    [DataRow("(U\u0007storageccollections\nOrderedDict\nU\u00010U\u0003cpuK\u0006tQ.", "a storage is not described")]
    [DataRow("(U\u0007storagectorch\nFloatStorage\nU\u00010U\u0003cpuJ\u00ff\u00ff\u00ff\u00fftQ.", "a storage is not described")]
    [DataRow("(U\u0007storagectorch\nFloatStorage\nU\u00010U\u0003cpu\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007ftQ.",
        "a storage is not described")]
    [DataRow("(U\u0007storagectorch\nFloatStorage\nU\u00010U\u0003cpuK\u0006(U\u00011K\u0004K\u0003ttQ.",
        "a view of a storage lies outside")]
    [DataRow("(" + Storage + "(U\u0007storagectorch\nHalfStorage\nU\u00010U\u0003cpuK\u0006tQt.", "described in two ways")]
    [DataRow("ccollections\nOrderedDict\nK\u0001\u0085R.", "unexpected arguments")]
    [DataRow("ccollections\nOrderedDict\n]K\u0001a\u0085R.", "not a pair")]
    [DataRow(Global + ")R.", "a tensor is not described")]
    [DataRow(Global + "(" + Storage + "K\u0000K\u0006\u0085)tR.", "do not fit")]
    [DataRow(Global + "(" + Storage + "K\u0000K\u0007\u0085K\u0001\u0085tR.", "shape [7] reaches outside its storage of 6 elements")]
    [DataRow(Global + "(" + Storage + "K\u0001K\u0006\u0085K\u0001\u0085tR.", "reaches outside")]
    [DataRow(Global + "(" + Storage + "K\u0000K\u0003K\u0002\u0086K\u0002K\u0002\u0086tR.", "shape [3, 2] reaches outside")]
    [DataRow(Global + "(" + Storage + "J\u00ff\u00ff\u00ff\u00ffK\u0001\u0085K\u0001\u0085tR.", "reaches outside")]
    [DataRow(Global + "(" + Storage + "K\u0000J\u00ff\u00ff\u00ff\u00ff\u0085K\u0001\u0085tR.", "0 or more")]
    [DataRow(Global + "(" + Storage + "K\u0000K\u0002\u0085J\u00ff\u00ff\u00ff\u00ff\u0085tR.", "0 or more")]
    [DataRow(Global + "(" + Storage
        + "K\u0000J\u00ff\u00ff\u00ff\u007f\u0085\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f\u0085tR.", "reaches outside")]
    public void Refuses(string pickle, string part)
    {
        WeightsException error =
            Assert.ThrowsExactly<WeightsException>(() => Read(Encoding.Latin1.GetBytes(pickle), new ReadBudget("a.pth", pickle.Length)));
        StringAssert.StartsWith(error.Message, "a.pth: ", StringComparison.Ordinal);
        StringAssert.Contains(error.Message, part, StringComparison.Ordinal);
    }

    [TestMethod]
    [DataRow("}", DisplayName = "empty dicts")]
    [DataRow("]", DisplayName = "empty lists")]
    [DataRow("(", DisplayName = "marks")]
    [DataRow("N", DisplayName = "stack")]
    [DataRow("N\u0085", DisplayName = "nested tuples")]
    [DataRow("]2a", DisplayName = "list in itself")]
    [DataRow("K\u0001\u0094", DisplayName = "memo")]
    [DataRow("U\u0000", DisplayName = "texts")]
    [DataRow("ccollections\nOrderedDict\n)R", DisplayName = "ordered dicts")]
    public void Spends_no_more_memory_than_the_file_justifies(string repeated)
    {
        const int Length = 4 << 20;
        byte[] unit = Encoding.Latin1.GetBytes(repeated);
        byte[] pickle = new byte[Length];
        for (int i = 0; i < Length; i++) pickle[i] = unit[i % unit.Length];

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.ThrowsExactly<WeightsException>(() => Read(pickle, new ReadBudget("a.pth", Length)));
        Assert.IsLessThan(2L * Length + (16 << 20), GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Reads_an_ordered_dict_of_Python_2_and_a_storage_view_of_early_torch()
    {
        // OrderedDict([["a", tensor of storage 0 from element 2 on]])
        string pickle =
            "ccollections\nOrderedDict\n]]U\u0001aa" + Global
                + "((U\u0007storagectorch\nFloatStorage\nU\u00010U\u0003cpuK\u0006("
                + "U\u00011K\u0002K\u0004ttQK\u0001K\u0003\u0085K\u0001\u0085tRaa\u0085R.";
        var dict = (PickleDict)Read(Encoding.Latin1.GetBytes(pickle), new ReadBudget("a.pth", pickle.Length));
        var tensor = (TensorReference)dict.Find("a")!;
        Assert.AreEqual(3, tensor.Offset);
        Assert.AreEqual("[3]", FileText.Shape(tensor.Shape));
        Assert.IsTrue(tensor.Strides.IsDefault);
    }

    [TestMethod]
    public void A_long_name_is_cut_in_the_message()
    {
        string pickle = "c" + new string('m', 100_000) + "\n" + new string('n', 100_000) + "\n.";
        var name = (TorchGlobal)Read(Encoding.Latin1.GetBytes(pickle), new ReadBudget("a.pth", pickle.Length));
        Assert.IsLessThan(600, name.Full.Length);
    }

    [TestMethod]
    public void Pop_takes_away_a_mark_on_top() =>
        Assert.AreEqual(new PickleInteger(7), Read("K\u0007(0."u8.ToArray(), new ReadBudget("a.pth", 5)));

    private PickleValue Read(byte[] pickle, ReadBudget budget)
    {
        using WeightsFile file = WeightsFile.Open(folder.Write("a.pth", [.. "<"u8, .. pickle, .. ">"u8]));
        using WeightsFile.Lease lease = file.Borrow();
        return new PickleReader(new FileWindow(lease, budget), 1, pickle.Length, budget, new TorchObjects(budget)).Read();
    }
}
