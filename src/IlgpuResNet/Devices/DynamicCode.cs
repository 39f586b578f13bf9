namespace IlgpuResNet.Devices;

/// <summary>The reason why a session cannot run in an app that is trimmed or compiled without a JIT.</summary>
internal static class DynamicCode
{
    /// <summary>The text of the compiler's warning.</summary>
    public const string Reason =
        "ILGPU reads the IL of kernels and of its own intrinsics by reflection and emits their launchers at run time. "
        + "Publish without PublishAot and PublishTrimmed.";
}
