namespace IlgpuResNet.Kernels;

/// <summary>Estimates what the steps of a network cost in one kernel family on one device. Pure.</summary>
internal interface ICostModel
{
    /// <summary>Modelled times that differ by a smaller share are taken as equal.</summary>
    double Indifference { get; }

    /// <summary>Cost of one convolution.</summary>
    /// <param name="shape">The convolution of as many images as are processed at a time.</param>
    /// <param name="method">How it is computed.</param>
    /// <param name="hasResidual">True when a tensor of the output's shape is added.</param>
    /// <param name="maps">How long its tensors wait in the cache; null when each is read right after it is written.</param>
    /// <exception cref="ArgumentException">The family does not have the method.</exception>
    StepCost OfConv2d(in Conv2dShape shape, in Conv2dMethod method, bool hasResidual, MapsInFlight? maps = null);

    /// <summary>Cost of a step that reads and writes tensors and computes little, such as a pool.</summary>
    /// <param name="input">Floats that it reads.</param>
    /// <param name="residual">Floats that it adds.</param>
    /// <param name="output">Floats that it writes.</param>
    /// <param name="images">Images that these floats belong to.</param>
    /// <param name="maps">How long its tensors wait in the cache; null when each is read right after it is written.</param>
    StepCost OfPass(long input, long residual, long output, int images, MapsInFlight? maps = null);

    /// <summary>The method to take among some for one convolution, by their costs and by what the costs do not tell.</summary>
    /// <param name="methods">At least one method.</param>
    /// <param name="cost">The cost of a method where it is used.</param>
    Conv2dMethod Fastest(IEnumerable<Conv2dMethod> methods, Func<Conv2dMethod, StepCost> cost);
}
