namespace IlgpuResNet.SimulatedCuda;

/// <summary>Races between streams.</summary>
internal sealed partial class SimulatedDriver
{
    private void Touch(Operation operation, Allocation allocation, ulong first, long bytes, bool isWrite)
    {
        foreach (Operation other in allocation.Accesses.Add(operation, first, first + (ulong)bytes, isWrite))
            Report(
                FindingKind.StreamRace,
                operation,
                $"the {operation} and the {other} touch the same bytes of {allocation.Name}, and nothing orders them");
    }
}
