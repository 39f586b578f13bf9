namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>Extents of a grid or a block.</summary>
internal readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    public int Count => checked(X * Y * Z);

    /// <summary>The position of a number counted along x first.</summary>
    public (int X, int Y, int Z) At(int index) => (index % X, index / X % Y, index / (X * Y));
}

/// <summary>One launch of a program: its grid, its arguments and the device's memory.</summary>
internal sealed class PtxLaunch
{
    private const int MostThreads = 1024;

    private readonly byte[][] arguments;

    /// <param name="program">The kernel.</param>
    /// <param name="grid">CTAs.</param>
    /// <param name="block">Threads of a CTA.</param>
    /// <param name="memory">What global addresses lead to.</param>
    /// <param name="arguments">The bytes of each parameter.</param>
    public PtxLaunch(PtxProgram program, Dim3 grid, Dim3 block, AddressSpace memory, byte[][] arguments)
    {
        (Program, Grid, Block, Memory, this.arguments) = (program, grid, block, memory, arguments);
        if (block.Count < 1 || block.Count > Math.Min(MostThreads, program.MaxThreads) || grid.Count < 1)
            throw new PtxException($"{program.Name} cannot be launched with {grid} CTAs of {block} threads");
        if (!arguments.Select(bytes => bytes.Length).SequenceEqual(program.Parameters.Select(parameter => parameter.Length)))
            throw new PtxException(
                $"{program.Name} takes parameters of {string.Join(", ", program.Parameters.Select(p => p.Length))} bytes, "
                + $"not {string.Join(", ", arguments.Select(a => a.Length))}");
    }

    public PtxProgram Program { get; }

    public Dim3 Grid { get; }

    public Dim3 Block { get; }

    public AddressSpace Memory { get; }

    /// <summary>Room for the registers of each thread, used by one CTA after the other.</summary>
    public ulong[][] Registers { get; private set; } = [];

    /// <summary>Runs every CTA, thread by thread.</summary>
    public void Run(Scheduler scheduler)
    {
        Registers = [.. Enumerable.Range(0, Block.Count).Select(_ => new ulong[Program.Slots.Length])];
        foreach (int index in scheduler.Order(Grid.Count)) new Cta(this, index).Run(scheduler);
    }

    /// <summary>Says where a thread lies, given its number in the launch.</summary>
    public string Describe(int thread) => $"thread {Block.At(thread % Block.Count)} of CTA {Grid.At(thread / Block.Count)}";

    /// <summary>An error of a thread, given its number in the launch, at an instruction.</summary>
    public PtxException Fault(int thread, Instruction i, string what, PtxFault fault = PtxFault.Undefined) =>
        new($"{Program.Name}, {i} -- {Describe(thread)} {what}", fault);

    /// <summary>The value of the parameter space that an instruction loads.</summary>
    public ulong LoadParameter(int thread, Instruction i)
    {
        byte[] argument = arguments[i.Parameter];
        if (i.Offset < 0 || i.Offset + i.ElementBytes > argument.Length || i.Offset % i.ElementBytes != 0)
            throw Fault(thread, i, $"reads {i.ElementBytes} bytes at {i.Offset} of a parameter of {argument.Length}");
        return AddressSpace.Read(argument.AsSpan((int)i.Offset), i);
    }

    public void SetSpecialRegisters(ulong[] registers, int cta, int thread)
    {
        foreach ((string name, int slot) in Program.SpecialRegisters) registers[slot] = Special(name, cta, thread);
    }

    /// <summary>The value of a special register.</summary>
    public uint Special(string name, int cta, int thread) => (uint)(name switch
    {
        "%tid.x" => Block.At(thread).X,
        "%tid.y" => Block.At(thread).Y,
        "%tid.z" => Block.At(thread).Z,
        "%ctaid.x" => Grid.At(cta).X,
        "%ctaid.y" => Grid.At(cta).Y,
        "%ctaid.z" => Grid.At(cta).Z,
        "%ntid.x" => Block.X,
        "%ntid.y" => Block.Y,
        "%ntid.z" => Block.Z,
        "%nctaid.x" => Grid.X,
        "%nctaid.y" => Grid.Y,
        "%nctaid.z" => Grid.Z,
        _ => throw new PtxException($"{Program.Name}: {name} is no special register that is known here"),
    });
}
