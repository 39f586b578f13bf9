using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>
/// The engine of warps runs kernels whose threads part, wait and fail as the interpreter runs them thread by thread. For the product's
/// kernels <see cref="KernelArguments.Launch"/> compares the two at every launch of <see cref="BackEnd.Ptx"/>.
/// </summary>
[TestClass]
public sealed class WarpEngineTests
{
    /// <summary>Each thread goes round as often as its number says, and leaves early where the number is odd.</summary>
    private const string UnequalLoops = """
        mov.b32 %r1, 0;
        mov.b32 %r2, 0;
        LOOP:
        setp.ge.s32 %p0, %r1, %r0;
        @%p0 bra END;
        and.b32 %r3, %r1, 1;
        setp.eq.s32 %p1, %r3, 0;
        @%p1 bra EVEN;
        mad.lo.s32 %r2, %r2, 3, %r1;
        bra NEXT;
        EVEN:
        add.s32 %r2, %r2, 7;
        and.b32 %r4, %r0, 1;
        setp.eq.s32 %p2, %r4, 1;
        setp.gt.s32 %p3, %r1, 10;
        and.pred %p2, %p2, %p3;
        @%p2 bra END;
        NEXT:
        add.s32 %r1, %r1, 1;
        bra LOOP;
        END:
        st.global.b32 [%rd1], %r2;
        ret;
        """;

    /// <summary>Half of the threads exits; the others swap words, one of which lies in the gap that the exited would have filled.</summary>
    private const string ExitAndLocalMemory = """
        mov.b64 %rd4, scratch;
        st.local.b32 [%rd4+4], %r0;
        xor.b32 %r1, %r0, 3;
        st.local.b8 [%rd4], %r1;
        setp.gt.s32 %p0, %r0, 20;
        @%p0 ret;
        ld.local.s8 %r2, [%rd4];
        ld.local.b32 %r3, [%rd4+4];
        mad.lo.s32 %r3, %r2, 100, %r3;
        st.global.b32 [%rd1], %r3;
        ret;
        """;

    /// <summary>All threads pass words through shared memory in every width.</summary>
    private const string Widths = """
        xor.b32 %r1, %r0, 5;
        mul.wide.u32 %rd4, %r1, 4;
        add.u64 %rd4, %rd2, %rd4;
        neg.s32 %r2, %r0;
        st.shared.b8 [%rd3], %r2;
        st.shared.b8 [%rd3+1], %r0;
        st.shared.b16 [%rd3+2], %r2;
        bar.sync 0;
        ld.shared.s8 %r3, [%rd4];
        ld.shared.u8 %r4, [%rd4+1];
        ld.shared.s16 %r5, [%rd4+2];
        ld.shared.u16 %r6, [%rd4+2];
        mad.lo.s32 %r3, %r3, 1000, %r4;
        mad.lo.s32 %r5, %r5, 17, %r6;
        xor.b32 %r3, %r3, %r5;
        st.global.b32 [%rd1], %r3;
        ret;
        """;

    /// <summary>Quads of words that a part of the warp loads and stores.</summary>
    private const string Quads = """
        st.shared.b32 [%rd3], %r0;
        bar.sync 0;
        setp.lt.s32 %p0, %r0, 16;
        mul.wide.u32 %rd4, %r0, 16;
        add.u64 %rd5, %rd2, %rd4;
        add.u64 %rd6, %rd0, %rd4;
        @%p0 ld.shared.v4.b32 {%r1, %r2, %r3, %r4}, [%rd5];
        @%p0 st.global.v4.b32 [%rd6], {%r4, %r3, %r2, %r1};
        ret;
        """;

    [TestMethod]
    [DataRow(UnequalLoops, 64)]
    [DataRow(UnequalLoops, 45)]
    [DataRow(ExitAndLocalMemory, 64)]
    [DataRow(ExitAndLocalMemory, 7)]
    [DataRow(Widths, 64)]
    [DataRow(Quads, 64)]
    public void Threads_that_part_meet_again(string body, int threads)
    {
        int[] expected = PtxSnippet.Run(body, Scheduler.InOrder(), threads), actual = PtxSnippet.RunWarps(body, threads);
        Assert.IsTrue(expected.Any(word => word != 0));
        CollectionAssert.AreEqual(expected, actual);
    }

    /// <summary>Each mistake has the interpreter's words, of the first thread that makes it.</summary>
    [TestMethod]
    [DataRow("ld.global.f32 %f0, [%rd0+256]; | ret;", "byte 256 of the 256 of data")]
    [DataRow("ld.global.f32 %f0, [%rd6]; | ret;", "out of bounds: 4 bytes at global address 0x7FC51ABE7FC51ABE")]
    [DataRow("st.shared.f32 [%rd2+256], %f0; | ret;", "byte 256 of the 256 of tile")]
    [DataRow("st.local.f32 [scratch+8], %f0; | ret;", "byte 8 of the 8 of scratch")]
    [DataRow("ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd0+4]; | ret;", "is misaligned: 16 bytes")]
    [DataRow("add.u64 %rd4, %rd0, %rd7; | add.u64 %rd4, %rd4, %rd7; | add.u64 %rd4, %rd4, 120; | ld.global.b32 %r1, [%rd4]; | ret;",
        "thread (17, 0, 0) of CTA (0, 0, 0) is out of bounds: 4 bytes")]
    [DataRow("mul.wide.u32 %rd4, %r0, 9; | setp.lt.s32 %p0, %r0, 4; | @%p0 ret; | add.u64 %rd4, %rd0, %rd4; | "
        + "ld.global.b32 %r1, [%rd4]; | ret;",
        "thread (5, 0, 0) of CTA (0, 0, 0) is misaligned: 4 bytes")]
    [DataRow("setp.eq.s32 %p0, %r0, 1; | @%p0 ret; | bar.sync 0; | ret;",
        "waits for ever: thread (1, 0, 0) of CTA (0, 0, 0) has exited")]
    [DataRow("setp.eq.s32 %p0, %r0, 1; | @%p0 bra OTHER; | bar.sync 0; | ret; | OTHER: | bar.sync 0; | ret;", "waits for ever")]
    [DataRow("div.s32 %r1, %r0, 0; | ret;", "0 divided by 0")]
    public void A_mistake_is_reported_as_the_interpreter_does(string body, string part)
    {
        string lines = body.Replace(" | ", "\n");
        string expected = Assert.ThrowsExactly<PtxException>(() => PtxSnippet.Run(lines, Scheduler.InOrder(), threads: 32)).Message;
        string actual = Assert.ThrowsExactly<PtxException>(() => PtxSnippet.RunWarps(lines, threads: 32)).Message;
        Assert.Contains(part, actual);
        Assert.AreEqual(expected, actual);
    }

    [TestMethod]
    public void A_uniform_branch_at_which_a_warp_parts_is_reported()
    {
        const string Body = "setp.lt.s32 %p0, %r0, {0};\n@%p0 bra.uni END;\nst.global.b32 [%rd1], %r0;\nEND:\nret;";
        Assert.Contains(
            "at a branch that says it is uniform",
            Assert.ThrowsExactly<PtxException>(() => PtxSnippet.RunWarps(Body.Replace("{0}", "31"), threads: 64)).Message);
        Assert.AreEqual(32, PtxSnippet.RunWarps(Body.Replace("{0}", "32"), threads: 64)[32]);
    }

    /// <summary>Lanes that part within a loop may meet again in different turns of it; the loop's own branch is still uniform.</summary>
    [TestMethod]
    public void A_uniform_branch_of_a_loop_in_which_lanes_part_is_right()
    {
        const string Body = """
            mov.b32 %r1, 0;
            mov.b32 %r2, 0;
            LOOP:
            setp.ge.s32 %p0, %r1, 5;
            @%p0 bra.uni END;
            add.s32 %r1, %r1, 1;
            and.b32 %r3, %r0, %r1;
            setp.eq.s32 %p1, %r3, 0;
            @%p1 bra SKIP;
            bra LOOP;
            SKIP:
            mad.lo.s32 %r2, %r2, 3, %r1;
            bra LOOP;
            END:
            st.global.b32 [%rd1], %r2;
            ret;
            """;
        CollectionAssert.AreEqual(PtxSnippet.Run(Body, Scheduler.InOrder(), threads: 64), PtxSnippet.RunWarps(Body, threads: 64));
    }

    [TestMethod]
    public void An_endless_loop_is_reported()
    {
        string message = Assert.ThrowsExactly<PtxException>(() => PtxSnippet.RunWarps("LOOP:\nbra.uni LOOP;", threads: 1)).Message;
        Assert.Contains("seems to loop for ever", message);
    }

    /// <summary>CTAs run on all processors at once; what is reported must not depend on their order.</summary>
    [TestMethod]
    public void Of_several_faults_the_first_CTAs_is_reported()
    {
        const string Body = "mov.b32 %r1, %ctaid.x;\nsetp.gt.s32 %p0, %r1, 4;\n@%p0 ld.global.f32 %f0, [%rd0+256];\nret;";
        for (int n = 0; n < 20; n++)
            Assert.Contains(
                "of CTA (5, 0, 0)", Assert.ThrowsExactly<PtxException>(() => PtxSnippet.RunWarps(Body, threads: 1, ctas: 40)).Message);
    }
}
