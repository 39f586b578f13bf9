using System.Numerics;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// The computing instructions that kernels execute often, in vectors; <see cref="Arithmetic"/> says what they mean. All others are computed
/// lane by lane, as the interpreter does it.
/// </summary>
internal static unsafe class WarpArithmetic
{
    private const int WordBits = 32;

    /// <summary>The effect of an opcode; null where it has no vector form.</summary>
    public static delegate*<Warp, WarpInstruction*, void> Find(string opcode) => opcode switch
    {
        "add.s32" or "add.u32" => &Two<Add>,
        "sub.s32" or "sub.u32" => &Two<Subtract>,
        "mul.lo.s32" or "mul.lo.u32" => &Two<Multiply>,
        "mad.lo.s32" or "mad.lo.u32" => &Three<MultiplyAdd>,
        "and.b32" or "and.pred" => &Two<And>,
        "or.b32" or "or.pred" => &Two<Or>,
        "xor.b32" or "xor.pred" => &Two<Xor>,
        "not.b32" => &One<Not>,
        "not.pred" => &One<NotPredicate>,
        "min.s32" => &Two<MinSigned>,
        "max.s32" => &Two<MaxSigned>,
        "mov.b32" or "mov.s32" or "mov.u32" or "mov.f32" or "mov.pred" => &One<Move>,
        "selp.b32" or "selp.s32" or "selp.u32" or "selp.f32" => &Three<Select>,
        "add.f32" or "add.rn.f32" => &Two<AddFloats>,
        "sub.f32" or "sub.rn.f32" => &Two<SubtractFloats>,
        "mul.f32" or "mul.rn.f32" => &Two<MultiplyFloats>,
        "fma.rn.f32" => &Three<FusedMultiplyAdd>,
        "min.f32" => &Two<MinFloats>,
        "max.f32" => &Two<MaxFloats>,
        "min.NaN.f32" => &Two<MinWithNaN>,
        "max.NaN.f32" => &Two<MaxWithNaN>,
        "setp.eq.s32" or "setp.eq.u32" => &Two<AreEqual>,
        "setp.ne.s32" or "setp.ne.u32" => &Two<AreNotEqual>,
        "setp.lt.s32" => &Two<IsLessSigned>,
        "setp.le.s32" => &Two<IsAtMostSigned>,
        "setp.gt.s32" => &Two<Swapped<IsLessSigned>>,
        "setp.ge.s32" => &Two<Swapped<IsAtMostSigned>>,
        "setp.lt.u32" or "setp.lo.u32" => &Two<IsLess>,
        "setp.le.u32" or "setp.ls.u32" => &Two<IsAtMost>,
        "setp.gt.u32" or "setp.hi.u32" => &Two<Swapped<IsLess>>,
        "setp.ge.u32" or "setp.hs.u32" => &Two<Swapped<IsAtMost>>,
        "setp.eq.f32" => &Two<AreEqualFloats>,
        "setp.ne.f32" => &Two<DifferFloats>,
        "setp.lt.f32" => &Two<IsLessFloat>,
        "setp.le.f32" => &Two<IsAtMostFloat>,
        "setp.gt.f32" => &Two<Swapped<IsLessFloat>>,
        "setp.ge.f32" => &Two<Swapped<IsAtMostFloat>>,
        "setp.equ.f32" => &Two<Denied<DifferFloats>>,
        "setp.neu.f32" => &Two<Denied<AreEqualFloats>>,
        "setp.ltu.f32" => &Two<Denied<Swapped<IsAtMostFloat>>>,
        "setp.leu.f32" => &Two<Denied<Swapped<IsLessFloat>>>,
        "setp.gtu.f32" => &Two<Denied<IsAtMostFloat>>,
        "setp.geu.f32" => &Two<Denied<IsLessFloat>>,
        "setp.num.f32" => &Two<AreNumbers>,
        "setp.nan.f32" => &Two<Denied<AreNumbers>>,
        "testp.notanumber.f32" => &One<IsNaN>,
        "shl.b32" => &Shift<ShiftLeft>,
        "shr.u32" => &Shift<ShiftRight>,
        "shr.s32" => &Shift<ShiftRightSigned>,
        "div.s32" => &Divide<Quotient>,
        "rem.s32" => &Divide<Remainder>,
        "add.s64" or "add.u64" => &Wide<AddWide>,
        "sub.s64" or "sub.u64" => &Wide<SubtractWide>,
        "mul.lo.s64" or "mul.lo.u64" => &Wide<MultiplyWide>,
        "mov.b64" or "mov.s64" or "mov.u64" or "cvta.to.global.u64" => &MoveWide,
        "mul.wide.u32" => &MultiplyToWide,
        "mul.wide.s32" => &MultiplySignedToWide,
        "mad.wide.u32" => &MultiplyAddToWide,
        "cvt.u64.u32" => &Widen,
        "cvt.s64.s32" => &WidenSigned,
        "cvt.u32.u64" => &Narrow,
        _ => null,
    };

    /// <summary>Computes as the interpreter does, one lane after the other.</summary>
    public static void LaneByLane(Warp warp, WarpInstruction* i)
    {
        Instruction instruction = warp.Cta.Program.Lanewise(i->Index);
        OperandWidths widths = warp.Cta.Program.WidthsOf(i->Index);
        ulong[] slots = warp.Cta.Slots;
        for (uint left = warp.Mask; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            slots[1] = Read(warp, i->A, widths.A, lane);
            if (i->Count > 1) slots[2] = Read(warp, i->B, widths.B, lane);
            if (i->Count > 2) slots[3] = Read(warp, i->C, widths.C, lane);
            instruction.Compute!(slots, instruction);
            if (widths.D) ((ulong*)(warp.Registers + i->D))[lane] = slots[0];
            else ((uint*)(warp.Registers + i->D))[lane] = (uint)slots[0];
        }
    }

    private static ulong Read(Warp warp, int place, bool isWide, int lane) =>
        isWide ? ((ulong*)(warp.Registers + place))[lane] : ((uint*)(warp.Registers + place))[lane];

    private static void One<T>(Warp warp, WarpInstruction* i)
        where T : IWordOperation => WarpVectors.Put(
            warp, i->D,
            T.Apply(WarpVectors.Get(warp, i->A, 0), default, default),
            T.Apply(WarpVectors.Get(warp, i->A, 1), default, default));

    private static void Two<T>(Warp warp, WarpInstruction* i)
        where T : IWordOperation => WarpVectors.Put(
            warp, i->D,
            T.Apply(WarpVectors.Get(warp, i->A, 0), WarpVectors.Get(warp, i->B, 0), default),
            T.Apply(WarpVectors.Get(warp, i->A, 1), WarpVectors.Get(warp, i->B, 1), default));

    private static void Three<T>(Warp warp, WarpInstruction* i)
        where T : IWordOperation => WarpVectors.Put(
            warp, i->D,
            T.Apply(WarpVectors.Get(warp, i->A, 0), WarpVectors.Get(warp, i->B, 0), WarpVectors.Get(warp, i->C, 0)),
            T.Apply(WarpVectors.Get(warp, i->A, 1), WarpVectors.Get(warp, i->B, 1), WarpVectors.Get(warp, i->C, 1)));

    private static void Wide<T>(Warp warp, WarpInstruction* i)
        where T : IWideOperation
    {
        for (int part = 0; part < WarpVectors.WideParts; part++)
            WarpVectors.PutWide(
                warp, i->D, part, T.Apply(WarpVectors.GetWide(warp, i->A, part), WarpVectors.GetWide(warp, i->B, part)));
    }

    /// <summary>Shifts all lanes by one number, as kernels nearly always do.</summary>
    private static void Shift<T>(Warp warp, WarpInstruction* i)
        where T : IShift
    {
        uint by = *(uint*)(warp.Registers + i->B);
        Vector512<uint> same = Vector512.Create(by), low = WarpVectors.Get(warp, i->A, 0), high = WarpVectors.Get(warp, i->A, 1);
        if (by >= WordBits || WarpVectors.Get(warp, i->B, 0) != same || WarpVectors.Get(warp, i->B, 1) != same) LaneByLane(warp, i);
        else WarpVectors.Put(warp, i->D, T.Apply(low, (int)by), T.Apply(high, (int)by));
    }

    /// <summary>Divides in double, whose 53 bits hold each quotient well enough to be cut off.</summary>
    private static void Divide<T>(Warp warp, WarpInstruction* i)
        where T : IDivision
    {
        for (int part = 0; part < WarpVectors.Parts; part++)
        {
            Vector512<int> b = WarpVectors.Get(warp, i->B, part).AsInt32();
            // The interpreter knows what it refuses to divide.
            if (!Vector512.EqualsAny(b, default) && !Vector512.EqualsAny(b, Vector512<int>.AllBitsSet)) continue;
            LaneByLane(warp, i);
            return;
        }
        WarpVectors.Put(warp, i->D, Divide<T>(warp, i, 0), Divide<T>(warp, i, 1));
    }

    private static Vector512<uint> Divide<T>(Warp warp, WarpInstruction* i, int part)
        where T : IDivision
    {
        Vector512<int> a = WarpVectors.Get(warp, i->A, part).AsInt32(), b = WarpVectors.Get(warp, i->B, part).AsInt32();
        return T.Apply(a, b, Vector512.Create(Quotients(a.GetLower(), b.GetLower()), Quotients(a.GetUpper(), b.GetUpper()))).AsUInt32();
    }

    private static Vector256<int> Quotients(Vector256<int> a, Vector256<int> b)
    {
        (Vector256<long> a0, Vector256<long> a1) = Vector256.Widen(a);
        (Vector256<long> b0, Vector256<long> b1) = Vector256.Widen(b);
        Vector512<double> dividends = Vector512.ConvertToDouble(Vector512.Create(a0, a1));
        Vector512<double> quotients = dividends / Vector512.ConvertToDouble(Vector512.Create(b0, b1));
        Vector512<long> whole = Vector512.ConvertToInt64(quotients);
        return Vector256.Narrow(whole.GetLower(), whole.GetUpper());
    }

    private static void MoveWide(Warp warp, WarpInstruction* i)
    {
        for (int part = 0; part < WarpVectors.WideParts; part++)
            WarpVectors.PutWide(warp, i->D, part, WarpVectors.GetWide(warp, i->A, part));
    }

    private static void MultiplyToWide(Warp warp, WarpInstruction* i)
    {
        for (int part = 0; part < WarpVectors.WideParts; part++)
            WarpVectors.PutWide(warp, i->D, part, Product(warp, i, part));
    }

    private static void MultiplyAddToWide(Warp warp, WarpInstruction* i)
    {
        for (int part = 0; part < WarpVectors.WideParts; part++)
            WarpVectors.PutWide(warp, i->D, part, Product(warp, i, part) + WarpVectors.GetWide(warp, i->C, part));
    }

    private static void MultiplySignedToWide(Warp warp, WarpInstruction* i)
    {
        for (int part = 0; part < WarpVectors.WideParts; part++)
            WarpVectors.PutWide(
                warp, i->D, part,
                WidenSigned(WarpVectors.GetQuarter(warp, i->A, part)) * WidenSigned(WarpVectors.GetQuarter(warp, i->B, part)));
    }

    private static void Widen(Warp warp, WarpInstruction* i)
    {
        for (int part = 0; part < WarpVectors.WideParts; part++)
            WarpVectors.PutWide(warp, i->D, part, Widen(WarpVectors.GetQuarter(warp, i->A, part)));
    }

    private static void WidenSigned(Warp warp, WarpInstruction* i)
    {
        for (int part = 0; part < WarpVectors.WideParts; part++)
            WarpVectors.PutWide(warp, i->D, part, WidenSigned(WarpVectors.GetQuarter(warp, i->A, part)));
    }

    private static void Narrow(Warp warp, WarpInstruction* i) => WarpVectors.Put(
        warp, i->D,
        Vector512.Narrow(WarpVectors.GetWide(warp, i->A, 0), WarpVectors.GetWide(warp, i->A, 1)),
        Vector512.Narrow(WarpVectors.GetWide(warp, i->A, 2), WarpVectors.GetWide(warp, i->A, 3)));

    private static Vector512<ulong> Product(Warp warp, WarpInstruction* i, int part) =>
        Widen(WarpVectors.GetQuarter(warp, i->A, part)) * Widen(WarpVectors.GetQuarter(warp, i->B, part));

    private static Vector512<ulong> Widen(Vector256<uint> words)
    {
        (Vector256<ulong> lower, Vector256<ulong> upper) = Vector256.Widen(words);
        return Vector512.Create(lower, upper);
    }

    private static Vector512<ulong> WidenSigned(Vector256<uint> words)
    {
        (Vector256<long> lower, Vector256<long> upper) = Vector256.Widen(words.AsInt32());
        return Vector512.Create(lower, upper).AsUInt64();
    }
}
