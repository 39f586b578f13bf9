using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>
/// The interpreter reports what a GPU would silently do wrong: kernels written by hand, each with one mistake, and what they look like
/// without.
/// </summary>
[TestClass]
public sealed class PtxInterpreterTests
{
    /// <summary>Two threads hand a word to each other, twice, as the convolution hands slices.</summary>
    private const string Exchange = """
        mov.b32 %r1, 0;
        xor.b32 %r5, %r0, 1;
        mul.wide.u32 %rd4, %r5, 4;
        add.u64 %rd4, %rd2, %rd4;
        LOOP:
        add.s32 %r2, %r0, %r1;
        st.shared.b32 [%rd3], %r2;
        bar.sync 0;
        {0}
        add.s32 %r1, %r1, 10;
        setp.lt.s32 %p0, %r1, 20;
        @%p0 bra.uni LOOP;
        st.global.b32 [%rd1], %r3;
        ret;
        """;

    private const string Load = "ld.shared.b32 %r3, [%rd4];";
    private const string Barrier = "bar.sync 0;";

    [TestMethod]
    public void A_barrier_on_both_sides_of_the_load_is_right()
    {
        foreach (Scheduler scheduler in Scheduler.All)
            CollectionAssert.AreEqual(new[] { 11, 10 }, Run(Exchange, [Load, Barrier], scheduler)[..2], $"scheduled {scheduler}");
    }

    /// <summary>
    /// ILGPU's optimiser once made this of the convolution's prototype: the load sunk below the barrier that parts it from the next store.
    /// </summary>
    [TestMethod]
    public void A_load_that_sank_below_the_second_barrier_is_a_race() => AllContain(Errors(Exchange, [Barrier, Load]), "races at tile + ");

    [TestMethod]
    public void A_missing_second_barrier_is_a_race() => AllContain(Errors(Exchange, [Load]), "races at tile + ");

    [TestMethod]
    public void Stores_of_two_threads_to_one_word_are_a_race() =>
        AllContain(Errors("st.shared.b32 [%rd2], %r0; | ret;"), "races at tile + 0");

    /// <summary>Two readers are remembered, so that a store by one of them still meets the other.</summary>
    [TestMethod]
    public void A_store_to_what_another_thread_has_read_is_a_race() => AllContain(Errors("""
        setp.eq.s32 %p0, %r0, 0;
        @%p0 st.shared.b32 [%rd2], %r0;
        bar.sync 0;
        ld.shared.b32 %r1, [%rd2];
        @%p0 st.shared.b32 [%rd2], %r0;
        ret;
        """, threads: 3), "races at tile + 0");

    [TestMethod]
    [DataRow(2, 1)]
    [DataRow(1, 2)]
    public void Threads_must_not_share_a_word_of_global_memory(int threads, int ctas) =>
        AllContain(Errors("st.global.b32 [%rd0], %r0; | ret;", threads, ctas), "races at data + 0");

    [TestMethod]
    public void Neighbouring_bytes_of_global_memory_may_be_stored_by_different_threads()
    {
        const string Body = """
            cvt.u64.u32 %rd4, %r0;
            add.u64 %rd4, %rd0, %rd4;
            add.s32 %r1, %r0, 1;
            cvt.u8.u32 %rs0, %r1;
            st.global.b8 [%rd4], %rs0;
            ret;
            """;
        foreach (Scheduler scheduler in Scheduler.All)
            Assert.AreEqual(0x04030201, PtxSnippet.Run(Body, scheduler, threads: 4)[0], $"scheduled {scheduler}");
    }

    [TestMethod]
    public void Shared_and_local_memory_must_be_written_before_it_is_read()
    {
        AllContain(Errors("ld.shared.b32 %r1, [%rd3+8]; | ret;"), "that nobody wrote");
        AllContain(Errors("mov.b64 %rd4, scratch; | ld.local.b32 %r1, [%rd4]; | ret;"), "that nobody wrote");
    }

    [TestMethod]
    public void Each_thread_has_local_memory_of_its_own()
    {
        const string Body =
            "mov.b64 %rd4, scratch; | st.local.b32 [%rd4+4], %r0; | bar.sync 0; | "
            + "ld.local.b32 %r1, [%rd4+4]; | st.global.b32 [%rd1], %r1; | ret;";
        foreach (Scheduler scheduler in Scheduler.All)
            CollectionAssert.AreEqual(new[] { 0, 1, 2 }, PtxSnippet.Run(Lines(Body), scheduler, threads: 3)[..3]);
    }

    [TestMethod]
    [DataRow("ld.global.f32 %f0, [%rd0+256];", "byte 256 of the 256 of data")]
    [DataRow("ld.global.f32 %f0, [%rd0+-4];", "byte -4 of the 256 of data")]
    [DataRow("st.global.v4.f32 [%rd0+252], {%f0, %f1, %f2, %f3};", "byte 252 of the 256 of data")]
    [DataRow("st.shared.f32 [%rd2+256], %f0;", "byte 256 of the 256 of tile")]
    [DataRow("st.local.f32 [scratch+8], %f0;", "byte 8 of the 8 of scratch")]
    [DataRow("ld.global.f32 %f0, [%rd6];", "out of bounds: 4 bytes at global address 0x7FC51ABE7FC51ABE")]
    public void An_access_outside_is_reported(string access, string where) => AllContain(Errors($"{access} | ret;"), where);

    [TestMethod]
    [DataRow("ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd0+4];", "data + 4")]
    [DataRow("ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd0+8];", "data + 8")]
    [DataRow("st.global.v2.f32 [%rd0+4], {%f0, %f1};", "data + 4")]
    [DataRow("ld.global.b32 %r1, [%rd0+2];", "data + 2")]
    [DataRow("st.shared.v4.f32 [%rd2+4], {%f0, %f1, %f2, %f3};", "tile + 4")]
    public void A_misaligned_access_is_reported(string access, string where)
    {
        foreach (string error in Errors($"{access} | ret;"))
        {
            Assert.Contains("is misaligned", error);
            Assert.Contains(where, error);
        }
    }

    [TestMethod]
    public void An_error_names_kernel_line_instruction_thread_and_address()
    {
        string body = Lines("add.u64 %rd4, %rd1, 512; | ld.global.f32 %f0, [%rd4]; | ret;");
        int line = Array.FindIndex(PtxSnippet.Kernel(body).Split('\n'), text => text.Contains("[%rd4]")) + 1;
        Assert.AreEqual(
            $"Snippet, line {line}: ld.global.f32 %f0, [%rd4]; -- thread (0, 0, 0) of CTA (0, 0, 0) is out of bounds: "
            + "4 bytes at global address 0x100000210, byte 512 of the 256 of data",
            PtxSnippet.Errors(body).First());
    }

    [TestMethod]
    public void A_thread_that_exits_before_a_barrier_is_reported() => AllContain(
        Errors("setp.eq.s32 %p0, %r0, 1; | @%p0 ret; | bar.sync 0; | ret;"),
        "bar.sync 0; -- thread (0, 0, 0) of CTA (0, 0, 0) waits for ever: thread (1, 0, 0) of CTA (0, 0, 0) has exited");

    [TestMethod]
    public void Threads_at_different_barriers_are_reported() => AllContain(
        Errors("setp.eq.s32 %p0, %r0, 1; | @%p0 bra OTHER; | bar.sync 0; | ret; | OTHER: | bar.sync 0; | ret;"), "waits for ever");

    /// <summary>Threads of different warps may part at a uniform branch, those of one warp may not.</summary>
    [TestMethod]
    public void A_uniform_branch_at_which_a_warp_parts_is_reported()
    {
        const string Body = "setp.lt.s32 %p0, %r0, {0}; | @%p0 bra.uni END; | st.global.b32 [%rd1], %r0; | END: | ret;";
        AllContain(Errors(Body.Replace("{0}", "31"), threads: 64), "at a branch that says it is uniform");
        foreach (Scheduler scheduler in Scheduler.All)
            Assert.AreEqual(32, PtxSnippet.Run(Lines(Body.Replace("{0}", "32")), scheduler, threads: 64)[32]);
    }

    [TestMethod]
    public void An_endless_loop_is_reported() => AllContain(Errors("LOOP: | bra.uni LOOP;", threads: 1), "seems to loop for ever");

    [TestMethod]
    public void A_launch_that_does_not_fit_the_kernel_is_refused()
    {
        PtxProgram program = PtxParser.Parse(PtxSnippet.Kernel("ret;").Replace(")\n", ")\n.maxntid 32, 1, 1\n"));
        Assert.ThrowsExactly<PtxException>(
            () => new PtxLaunch(program, new Dim3(1), new Dim3(33), AddressSpace.Global(program), [new byte[16]]));
        Assert.ThrowsExactly<PtxException>(
            () => new PtxLaunch(program, new Dim3(1), new Dim3(32), AddressSpace.Global(program), [new byte[8]]));
        Assert.ThrowsExactly<PtxException>(() => new PtxLaunch(program, new Dim3(1), new Dim3(32), AddressSpace.Global(program), []));
        new PtxLaunch(program, new Dim3(1), new Dim3(32), AddressSpace.Global(program), [new byte[16]]).Run(Scheduler.All[0]);
    }

    private static int[] Run(string format, string[] lines, Scheduler scheduler) =>
        PtxSnippet.Run(format.Replace("{0}", string.Join('\n', lines)), scheduler);

    private static IEnumerable<string> Errors(string format, string[] lines) => Errors(format.Replace("{0}", string.Join('\n', lines)));

    private static IEnumerable<string> Errors(string body, int threads = 2, int ctas = 1) => PtxSnippet.Errors(Lines(body), threads, ctas);

    private static void AllContain(IEnumerable<string> errors, string expected)
    {
        foreach (string error in errors) Assert.Contains(expected, error);
    }

    /// <summary>Statements stand on lines of their own.</summary>
    private static string Lines(string body) => body.Replace(" | ", "\n");
}
