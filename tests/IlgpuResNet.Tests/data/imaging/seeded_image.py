"""Images made from a seed, for the scripts beside this file."""
import numpy as np


def seeded_image(seed, width, height):
    """Noise in blocks of 1, 2, 4 or 8 pixels; every third image only black and white. The tests make the same bytes."""
    shift = seed % 4
    y, x, c = np.ogrid[0:height, 0:width, 0:3]
    v = (((y >> shift) * 4096 + (x >> shift)) * 3 + c + seed * 0x9E3779B9).astype(np.uint64) & 0xFFFFFFFF
    v = v.astype(np.uint32)
    v ^= v >> np.uint32(16)
    v *= np.uint32(0x7FEB352D)
    v ^= v >> np.uint32(15)
    v *= np.uint32(0x846CA68B)
    v ^= v >> np.uint32(16)
    b = (v >> np.uint32(24)).astype(np.uint8)
    return np.where(b >= 128, 255, 0).astype(np.uint8) if seed % 3 == 0 else b
