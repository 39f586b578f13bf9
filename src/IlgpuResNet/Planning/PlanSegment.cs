namespace IlgpuResNet.Planning;

/// <summary>
/// Steps that are walked for some images of the batch at a time: all steps of the segment for the first images, then for the next images,
/// so that the tensors between these steps stay in a cache and need room only for those images.
/// </summary>
/// <param name="First">Number of the first step.</param>
/// <param name="Count">Number of steps.</param>
/// <param name="Images">Number of images at a time; the plan's largest batch where fewer images gain nothing.</param>
public readonly record struct PlanSegment(int First, int Count, int Images)
{
    /// <summary>Number of the step after the last.</summary>
    public int End => First + Count;
}
