using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Writes the structure of a state dict as the pickle that <c>torch.save</c> stores beside the storages (protocol 2, without a memo).
/// </summary>
internal sealed class PickleWriter
{
    private const byte Protocol = 2;

    private readonly ArrayBufferWriter<byte> bytes = new();

    private PickleWriter()
    {
    }

    /// <summary>Writes an <c>OrderedDict</c> of tensors; the tensor of index k has the storage with key k.</summary>
    public static ReadOnlyMemory<byte> StateDict(IEnumerable<StateTensor> tensors)
    {
        var pickle = new PickleWriter();
        pickle.Opcode(PickleOpcode.Proto);
        pickle.Byte(Protocol);
        pickle.EmptyOrderedDict();
        pickle.Opcode(PickleOpcode.Mark);
        int key = 0;
        foreach (StateTensor tensor in tensors)
        {
            pickle.Text(tensor.Name);
            pickle.Tensor(tensor, key++);
        }
        pickle.Opcode(PickleOpcode.SetItems);
        pickle.Opcode(PickleOpcode.Stop);
        return pickle.bytes.WrittenMemory;
    }

    /// <summary><c>_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)</c>.</summary>
    private void Tensor(StateTensor tensor, int key)
    {
        long[] strides = new long[tensor.Shape.Length];
        long stride = 1;
        for (int d = strides.Length - 1; d >= 0; d--)
        {
            strides[d] = stride;
            // PyTorch treats an empty dimension like one of size 1 here.
            stride *= Math.Max(tensor.Shape[d], 1);
        }

        Global("torch._utils", "_rebuild_tensor_v2");
        Opcode(PickleOpcode.Mark);
        Storage(tensor, key);
        Int(0);
        Ints([.. tensor.Shape]);
        Ints(strides);
        Opcode(PickleOpcode.NewFalse);
        EmptyOrderedDict();
        Opcode(PickleOpcode.Tuple);
        Opcode(PickleOpcode.Reduce);
    }

    /// <summary>The persistent id <c>("storage", class, key, device, count)</c>.</summary>
    private void Storage(StateTensor tensor, int key)
    {
        Opcode(PickleOpcode.Mark);
        Text("storage");
        Global("torch", TorchGlobals.StorageName(tensor.DataType));
        Text($"{key}");
        Text("cpu");
        Int(tensor.Count);
        Opcode(PickleOpcode.Tuple);
        Opcode(PickleOpcode.BinPersId);
    }

    private void EmptyOrderedDict()
    {
        Global("collections", "OrderedDict");
        Opcode(PickleOpcode.EmptyTuple);
        Opcode(PickleOpcode.Reduce);
    }

    private void Ints(long[] values)
    {
        Opcode(PickleOpcode.Mark);
        foreach (long value in values) Int(value);
        Opcode(PickleOpcode.Tuple);
    }

    private void Int(long value)
    {
        if (value <= int.MaxValue)
        {
            Opcode(PickleOpcode.BinInt);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.GetSpan(sizeof(int)), (int)value);
            bytes.Advance(sizeof(int));
            return;
        }
        Opcode(PickleOpcode.Long1);
        Byte(sizeof(long));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.GetSpan(sizeof(long)), value);
        bytes.Advance(sizeof(long));
    }

    private void Text(string text)
    {
        Opcode(PickleOpcode.BinUnicode);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.GetSpan(sizeof(int)), Encoding.UTF8.GetByteCount(text));
        bytes.Advance(sizeof(int));
        Encoding.UTF8.GetBytes(text, bytes);
    }

    private void Global(string module, string name)
    {
        Opcode(PickleOpcode.Global);
        Encoding.ASCII.GetBytes($"{module}\n{name}\n", bytes);
    }

    private void Opcode(PickleOpcode code) => Byte((byte)code);

    private void Byte(byte value) => bytes.Write([value]);
}
