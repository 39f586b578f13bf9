namespace IlgpuResNet.SimulatedCuda;

/// <summary>Results of driver calls, with the values of <c>CUresult</c> in cuda.h.</summary>
internal enum CudaResult
{
    Success = 0,
    InvalidValue = 1,
    OutOfMemory = 2,
    NotInitialized = 3,
    InvalidDevice = 101,
    InvalidContext = 201,
    InvalidPtx = 218,
    InvalidHandle = 400,
    NotFound = 500,
    NotReady = 600,
    IllegalAddress = 700,
    LaunchOutOfResources = 701,
    PeerAccessNotEnabled = 705,
    ContextIsDestroyed = 709,
    HostMemoryAlreadyRegistered = 712,
    HostMemoryNotRegistered = 713,
    MisalignedAddress = 716,
    LaunchFailed = 719,
    Unknown = 999,
}

internal static class CudaResults
{
    /// <summary>True of errors after which a context accepts no further work: it can only be destroyed.</summary>
    public static bool IsSticky(this CudaResult result) =>
        result is CudaResult.IllegalAddress or CudaResult.MisalignedAddress or CudaResult.LaunchFailed or CudaResult.Unknown;
}
