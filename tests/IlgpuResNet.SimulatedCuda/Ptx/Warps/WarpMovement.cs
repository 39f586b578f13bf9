using System.Numerics;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>How values get from memory to a warp's registers, or back.</summary>
internal unsafe interface IWarpMovement
{
    /// <param name="warp">The warp.</param>
    /// <param name="i">The load or store.</param>
    /// <param name="data">A region's bytes.</param>
    /// <param name="offsets">Where in it each lane's access begins.</param>
    /// <param name="lanes">The lanes that take part.</param>
    static abstract void Move(Warp warp, WarpInstruction* i, byte* data, ulong* offsets, uint lanes);
}

/// <summary>Loads of one word of 32 bits.</summary>
internal readonly unsafe struct LoadWord : IWarpMovement
{
    public static void Move(Warp warp, WarpInstruction* i, byte* data, ulong* offsets, uint lanes)
    {
        var target = (uint*)(warp.Registers + i->Elements[0]);
        if (lanes == uint.MaxValue)
        {
            for (int lane = 0; lane < Warp.Lanes; lane++) target[lane] = *(uint*)(data + offsets[lane]);
            return;
        }
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            target[lane] = *(uint*)(data + offsets[lane]);
        }
    }
}

/// <summary>Stores of one word of 32 bits. Of lanes that store to one address the last one wins.</summary>
internal readonly unsafe struct StoreWord : IWarpMovement
{
    public static void Move(Warp warp, WarpInstruction* i, byte* data, ulong* offsets, uint lanes)
    {
        var source = (uint*)(warp.Registers + i->Elements[0]);
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            *(uint*)(data + offsets[lane]) = source[lane];
        }
    }
}

/// <summary>Loads of four words: the quads of four lanes are four columns of registers.</summary>
internal readonly unsafe struct LoadFourWords : IWarpMovement
{
    public static void Move(Warp warp, WarpInstruction* i, byte* data, ulong* offsets, uint lanes)
    {
        byte* r = warp.Registers;
        uint* x = (uint*)(r + i->Elements[0]), y = (uint*)(r + i->Elements[1]);
        uint* z = (uint*)(r + i->Elements[2]), w = (uint*)(r + i->Elements[3]);
        if (lanes == uint.MaxValue)
        {
            for (int lane = 0; lane < Warp.Lanes; lane += WarpVectors.Quad)
            {
                Vector512<uint> columns = WarpVectors.Transpose(
                    Vector128.Load((uint*)(data + offsets[lane])), Vector128.Load((uint*)(data + offsets[lane + 1])),
                    Vector128.Load((uint*)(data + offsets[lane + 2])), Vector128.Load((uint*)(data + offsets[lane + 3])));
                columns.GetLower().GetLower().Store(x + lane);
                columns.GetLower().GetUpper().Store(y + lane);
                columns.GetUpper().GetLower().Store(z + lane);
                columns.GetUpper().GetUpper().Store(w + lane);
            }
            return;
        }
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            var at = (uint*)(data + offsets[lane]);
            (x[lane], y[lane], z[lane], w[lane]) = (at[0], at[1], at[2], at[3]);
        }
    }
}

/// <summary>Stores of four words.</summary>
internal readonly unsafe struct StoreFourWords : IWarpMovement
{
    public static void Move(Warp warp, WarpInstruction* i, byte* data, ulong* offsets, uint lanes)
    {
        byte* r = warp.Registers;
        uint* x = (uint*)(r + i->Elements[0]), y = (uint*)(r + i->Elements[1]);
        uint* z = (uint*)(r + i->Elements[2]), w = (uint*)(r + i->Elements[3]);
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            var at = (uint*)(data + offsets[lane]);
            (at[0], at[1], at[2], at[3]) = (x[lane], y[lane], z[lane], w[lane]);
        }
    }
}

/// <summary>Loads of any width.</summary>
internal readonly unsafe struct LoadAny : IWarpMovement
{
    public static void Move(Warp warp, WarpInstruction* i, byte* data, ulong* offsets, uint lanes)
    {
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            Move(warp, i, data + offsets[lane], lane);
        }
    }

    /// <summary>The load of one lane.</summary>
    public static void Move(Warp warp, WarpInstruction* i, byte* at, int lane)
    {
        for (int e = 0; e < i->Count; e++, at += i->ElementBytes)
        {
            byte* target = warp.Registers + i->Elements[e];
            switch (i->ElementBytes, i->IsSigned)
            {
                case (sizeof(byte), false): ((uint*)target)[lane] = *at; break;
                case (sizeof(byte), true): ((uint*)target)[lane] = (uint)*(sbyte*)at; break;
                case (sizeof(ushort), false): ((uint*)target)[lane] = *(ushort*)at; break;
                case (sizeof(ushort), true): ((uint*)target)[lane] = (uint)*(short*)at; break;
                case (sizeof(uint), _): ((uint*)target)[lane] = *(uint*)at; break;
                default: ((ulong*)target)[lane] = *(ulong*)at; break;
            }
        }
    }
}

/// <summary>Stores of any width.</summary>
internal readonly unsafe struct StoreAny : IWarpMovement
{
    public static void Move(Warp warp, WarpInstruction* i, byte* data, ulong* offsets, uint lanes)
    {
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            Move(warp, i, data + offsets[lane], lane);
        }
    }

    /// <summary>The store of one lane.</summary>
    public static void Move(Warp warp, WarpInstruction* i, byte* at, int lane)
    {
        for (int e = 0; e < i->Count; e++, at += i->ElementBytes)
        {
            byte* source = warp.Registers + i->Elements[e];
            switch (i->ElementBytes)
            {
                case sizeof(byte): *at = (byte)((uint*)source)[lane]; break;
                case sizeof(ushort): *(ushort*)at = (ushort)((uint*)source)[lane]; break;
                case sizeof(uint): *(uint*)at = ((uint*)source)[lane]; break;
                default: *(ulong*)at = ((ulong*)source)[lane]; break;
            }
        }
    }
}
