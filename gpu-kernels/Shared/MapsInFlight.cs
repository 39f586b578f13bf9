namespace IlgpuResNet.Kernels;

/// <summary>
/// Number of images processed between writing and reading each tensor of a step; decides whether the tensor is still cached when it is
/// read.
/// </summary>
/// <param name="Input">
/// Images processed between writing the input and reading it: as many as are processed at a time, or the whole batch when another segment
/// wrote it.
/// </param>
/// <param name="Residual">Images processed between writing the residual and reading it.</param>
/// <param name="Output">Images processed between writing the output and reading it.</param>
/// <param name="Waiting">Floats per image in tensors that the step does not touch and a later step reads.</param>
internal readonly record struct MapsInFlight(int Input, int Residual, int Output, long Waiting)
{
    /// <summary>For a step between steps that process as many images at a time, while no tensor waits.</summary>
    public static MapsInFlight Of(int images) => new(images, images, images, 0);
}
