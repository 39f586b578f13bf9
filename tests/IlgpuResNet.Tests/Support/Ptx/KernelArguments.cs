using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Kernels;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>
/// A kernel's arguments as ILGPU lays them out for PTX: each parameter's bytes as they lie in the struct, with an array view as its
/// address and its length. The views are those of a CPU accelerator; what they show is copied to global memory and back.
/// </summary>
internal sealed unsafe class KernelArguments
{
    /// <summary>The largest vector access; device memory is aligned to more, but slices of it need not be.</summary>
    private const int Alignment = 16;

    private readonly List<(nint Host, int Length, string Name)> views = [];
    private readonly List<Action<BinaryWriter, AddressSpace>> parameters = [];

    /// <summary>Appends the next parameter.</summary>
    public void Add<T>(T argument)
        where T : struct
    {
        switch (argument)
        {
            case ArrayView<float> view: AddViews(AddView(view, $"parameter {parameters.Count}")); break;
            case ArrayView<int> view: AddViews(AddView(view, $"parameter {parameters.Count}")); break;
            case ArrayView<byte> view: AddViews(AddView(view, $"parameter {parameters.Count}")); break;
            case Operands o:
                AddViews(
                    AddView(o.Input, "input"), AddView(o.Filter, "filter"), AddView(o.Scale, "scale"),
                    AddView(o.Shift, "shift"), AddView(o.Residual, "residual"), AddView(o.Output, "output"));
                break;
            default:
                // Throws for a struct with references in it, whose bytes say nothing to a device.
                byte[] bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in argument)).ToArray();
                parameters.Add((writer, _) => writer.Write(bytes));
                break;
        }
    }

    /// <summary>
    /// Runs the kernel thread by thread under every policy, and once by warps, from the same memory each time, and wants the same bits of
    /// all.
    /// </summary>
    public void Launch(PtxProgram program, KernelConfig config)
    {
        Dim3 grid = new(config.GridDim.X, config.GridDim.Y, config.GridDim.Z);
        Dim3 block = new(config.GroupDim.X, config.GroupDim.Y, config.GroupDim.Z);
        AddressSpace? first = null;
        foreach (Scheduler scheduler in Scheduler.All)
        {
            AddressSpace memory = Upload(program);
            new PtxLaunch(program, grid, block, memory, Marshal(memory)).Run(scheduler);
            first ??= memory;
            if (Difference(memory, first) is { } view)
                throw new PtxException(
                    $"{program.Name}: {view} depends on the order of threads: it is another one when scheduled {scheduler}");
        }
        AddressSpace ofWarps = Upload(program);
        WarpEngine.Run(new PtxLaunch(program, grid, block, ofWarps, Marshal(ofWarps)));
        if (Difference(ofWarps, first!) is { } different)
            throw new PtxException($"{program.Name}: the engine of warps computes another {different} than the interpreter");
        for (int v = 0; v < views.Count; v++)
            first!.Regions[v].Data.CopyTo(new Span<byte>((void*)views[v].Host, views[v].Length));
    }

    /// <summary>Name of a view that is not the same in two memories; null where all are.</summary>
    private string? Difference(AddressSpace one, AddressSpace other)
    {
        int view = Enumerable.Range(0, views.Count).FirstOrDefault(
            v => !one.Regions[v].Data.AsSpan().SequenceEqual(other.Regions[v].Data), -1);
        return view < 0 ? null : views[view].Name;
    }

    private AddressSpace Upload(PtxProgram program)
    {
        AddressSpace memory = AddressSpace.Global(program);
        foreach ((nint host, int length, string name) in views)
            memory.Add(name, new ReadOnlySpan<byte>((void*)host, length).ToArray(), Alignment);
        return memory;
    }

    private byte[][] Marshal(AddressSpace memory) => [.. parameters.Select(write =>
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        write(writer, memory);
        return stream.ToArray();
    })];

    /// <summary>Views of one parameter, as they follow each other in it.</summary>
    private void AddViews(params (int View, long Elements)[] fields) => parameters.Add((writer, memory) =>
    {
        foreach ((int view, long elements) in fields)
        {
            writer.Write(memory.Regions[view].Address);
            writer.Write(elements);
        }
    });

    /// <summary>The view's number among those with memory of their own, as two arguments may show the same memory.</summary>
    private (int View, long Elements) AddView<T>(ArrayView<T> view, string name)
        where T : unmanaged
    {
        var host = (nint)Unsafe.AsPointer(ref view[0]);
        int length = checked((int)view.Length * sizeof(T));
        int known = views.FindIndex(other => other.Host == host && other.Length == length);
        if (known >= 0) return (known, view.Length);
        if (views.FindIndex(other => host < other.Host + other.Length && other.Host < host + length) is >= 0 and int overlapped)
            throw new NotSupportedException($"{name} overlaps {views[overlapped].Name} without being the same.");
        views.Add((host, length, name));
        return (views.Count - 1, view.Length);
    }
}
