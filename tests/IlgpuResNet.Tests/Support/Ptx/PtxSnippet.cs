using System.Runtime.InteropServices;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>
/// Short kernels written by hand. %rd0 has the address of the buffer <c>data</c>, %rd1 the address of the thread's own word in it, %rd2 the
/// address of the shared array <c>tile</c>, %rd3 the address of the thread's own word there, and %r0 the thread's number.
/// </summary>
internal static class PtxSnippet
{
    /// <summary>Words of <c>data</c> and of <c>tile</c>.</summary>
    public const int Words = 64;

    /// <summary>The kernel around some statements.</summary>
    public static string Kernel(string body) => $$"""
        .version 7.0
        .target sm_80
        .address_size 64
        .visible .entry Snippet(
            .param .align 8 .b8 _data[16]
        )
        {
            .shared .align 16 .b8 tile[{{4 * Words}}];
            .local .align 4 .b8 scratch[8];
            .reg .pred %p<4>;
            .reg .b16 %rs<4>;
            .reg .b32 %r<8>;
            .reg .f32 %f<8>;
            .reg .b64 %rd<8>;
            ld.param.b64 %rd0, [_data];
            mov.b32 %r0, %tid.x;
            mul.wide.u32 %rd7, %r0, 4;
            add.u64 %rd1, %rd0, %rd7;
            mov.b64 %rd2, tile;
            add.u64 %rd3, %rd2, %rd7;
        {{body}}
        }
        """;

    /// <summary>Runs it under one policy and returns what <c>data</c> holds then; it starts with zeros.</summary>
    public static int[] Run(string body, Scheduler scheduler, int threads = 2, int ctas = 1, bool contracts = false) =>
        Run(body, launch => launch.Run(scheduler), threads, ctas, contracts);

    /// <summary>Runs it warp by warp.</summary>
    public static int[] RunWarps(string body, int threads = 2, int ctas = 1) => Run(body, WarpEngine.Run, threads, ctas, contracts: false);

    /// <summary>Runs it under every policy and returns the message of the error that each of them must meet.</summary>
    public static IEnumerable<string> Errors(string body, int threads = 2, int ctas = 1) => Scheduler.All.Select(scheduler =>
        Assert.ThrowsExactly<PtxException>(() => Run(body, scheduler, threads, ctas), $"scheduled {scheduler}").Message);

    private static int[] Run(string body, Action<PtxLaunch> run, int threads, int ctas, bool contracts)
    {
        PtxProgram program = PtxParser.Parse(Kernel(body), contracts);
        AddressSpace memory = AddressSpace.Global(program);
        Region data = memory.Add("data", new byte[4 * Words], alignment: 16);
        byte[] argument = new byte[16];
        BitConverter.TryWriteBytes(argument, data.Address);
        run(new PtxLaunch(program, new Dim3(ctas), new Dim3(threads), memory, [argument]));
        return MemoryMarshal.Cast<byte, int>(data.Data).ToArray();
    }
}
