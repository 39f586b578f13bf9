using System.Globalization;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>
/// Makes a driver call fail. An error after which a real context is lost (<see cref="CudaResults.IsSticky"/>) is lost here, too: every
/// later call in that context returns it.
/// </summary>
/// <param name="Function">Driver function, such as <c>cuMemAlloc_v2</c>.</param>
/// <param name="Use">Which call of it fails, counted from 1 since the rule was added.</param>
/// <param name="Result">What the call returns instead of being executed.</param>
/// <param name="Times">How many calls fail from there on.</param>
internal sealed record FaultRule(string Function, int Use, CudaResult Result, int Times = 1)
{
    /// <summary>Reads <c>function:use:result</c>, with the result by name or number.</summary>
    public static FaultRule Parse(string text) => text.Split(':') is [var function, var use, var result]
        ? new FaultRule(function, int.Parse(use, CultureInfo.InvariantCulture), Enum.Parse<CudaResult>(result, ignoreCase: true))
        : throw new FormatException($"'{text}' must be function:use:result, such as cuMemAlloc_v2:3:OutOfMemory.");
}
