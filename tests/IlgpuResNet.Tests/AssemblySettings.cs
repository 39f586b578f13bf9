// Tests share accelerators, and an accelerator takes one caller at a time.
[assembly: DoNotParallelize]
