using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Util;

namespace IlgpuResNet.Devices;

/// <summary>Destroys an accelerator whose driver fails.</summary>
/// <remarks>
/// <c>Accelerator.Dispose</c> stops at the first kernel or buffer that the driver does not free, before it destroys the context, cannot be
/// called again, and leaves a context that keeps the device's memory until the process ends. ILGPU's finaliser ignores such errors, but
/// never runs, because a thread of ILGPU's holds the accelerator. Its path is taken here; ILGPU has no public way to it.
/// </remarks>
internal static class AcceleratorDisposal
{
    /// <summary>Frees all that an accelerator has on its device, and its ILGPU context. No thread may use them.</summary>
    public static void Destroy(Accelerator? accelerator, Context? context)
    {
        if (accelerator is not null)
        {
            // A binding that fails leaves the accelerator current, so that ILGPU does not ask for it again below.
            Try(accelerator.Bind);
            Try(() => DisposeDriver(accelerator, disposing: false));
            // Objects that are collected later must not bind the context any more: what a finaliser throws ends the process.
            MarkDisposed(accelerator);
        }
        Try(() => context?.Dispose());
    }

    private static void Try(Action step)
    {
        try
        {
            step();
        }
        catch (Exception e) when (e is AcceleratorException or MissingMethodException)
        {
            // The driver has failed before, and the device is given up; or this version of ILGPU has no such method.
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "DisposeDriver")]
    private static extern void DisposeDriver(DisposeBase instance, bool disposing);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "MarkDisposed_Unsafe")]
    private static extern bool MarkDisposed(DisposeBase instance);
}
