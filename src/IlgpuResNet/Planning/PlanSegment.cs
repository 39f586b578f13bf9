namespace IlgpuResNet.Planning;

/// <summary>
/// Steps that are walked for some images of the batch after the others: all of the segment's steps for the first images, then for the next, so that
/// what they pass to each other stays in a cache, and takes room for those images alone.
/// </summary>
/// <param name="First">The first step.</param>
/// <param name="Count">Steps.</param>
/// <param name="Images">Images at a time; the plan's largest batch where nothing is gained by fewer.</param>
public readonly record struct PlanSegment(int First, int Count, int Images)
{
    /// <summary>The step after the last.</summary>
    public int End => First + Count;
}
