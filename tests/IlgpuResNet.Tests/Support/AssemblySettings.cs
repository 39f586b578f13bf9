// Tests share accelerators, and an accelerator takes one caller at a time.
[assembly: DoNotParallelize]
// Test methods whose parameters are internal types of the kernels are internal, too.
[assembly: DiscoverInternals]
