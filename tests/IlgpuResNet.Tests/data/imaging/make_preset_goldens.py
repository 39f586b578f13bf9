"""Makes presets.csv: results of presets that torchvision's classifiers do not have, with Pillow and NumPy alone.

Every filter of Pillow, images that are stretched, crops that are not square, blue first, other scales. Per case the SHA-256 of the
float32 result [crop height, crop width, 3] in little endian.

Run in this folder: python3 make_preset_goldens.py
"""
import csv
import hashlib
import random

import numpy as np
from PIL import Image

from seeded_image import seeded_image

FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
# (resize, resize width or None, crop height, crop width), where None keeps the image's proportions.
SIZES = [(8, 8, 8, 8), (9, 7, 6, 5), (10, None, 8, 8), (10, None, 8, 6), (12, None, 6, 9), (40, None, 32, 24), (33, 47, 30, 40)]
# (order, scale, mean, std): Keras' modes caffe and tf, bytes as they are, a video's range.
NORMALISATIONS = [
    ("bgr", 1.0, (123.68, 116.779, 103.939), (1.0, 1.0, 1.0)),
    ("rgb", 1 / 127.5, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    ("rgb", 1 / 255.0, (0.5, 0.25, 0.125), (0.5, 0.25, 0.7)),
    ("bgr", 219 / 255.0, (-16.0, -16.0, -16.0), (1.0, 1.0, 1.0)),
]


def resized(width, height, resize, resize_width, crop_height, crop_width):
    if resize_width is not None:
        return resize_width, resize
    if crop_height == crop_width:  # torchvision's resize of the shorter side
        long = int(resize * max(width, height) / min(width, height))
        return (resize, long) if width <= height else (long, resize)
    box_width = round(resize * crop_width / crop_height)  # timm's ResizeKeepRatio
    ratio = min(height / resize, width / box_width)
    return max(1, round(width / ratio)), max(1, round(height / ratio))


def center_crop(pixels, crop_height, crop_width):
    """torchvision's center_crop."""
    height, width = pixels.shape[:2]
    left, top = max(0, (crop_width - width) // 2), max(0, (crop_height - height) // 2)
    padded = np.zeros((max(height, crop_height), max(width, crop_width), 3), np.uint8)
    padded[top:top + height, left:left + width] = pixels
    top, left = round((padded.shape[0] - crop_height) / 2), round((padded.shape[1] - crop_width) / 2)
    return padded[top:top + crop_height, left:left + crop_width]


def main():
    random.seed(17)
    with open("presets.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seed", "width", "height", "resize", "resize_width", "crop_height", "crop_width", "filter", "channels", "scale",
                         "mean", "std", "sha256"])
        for seed in range(1, 121):
            small = seed <= 60
            width, height = random.randint(1, 30 if small else 300), random.randint(1, 30 if small else 300)
            sizes = SIZES[seed % (5 if small else len(SIZES))]
            name = list(FILTERS)[seed % len(FILTERS)]
            order, scale, mean, std = random.choice(NORMALISATIONS)
            image = Image.fromarray(seeded_image(seed, width, height)).resize(resized(width, height, *sizes), FILTERS[name])
            values = (center_crop(np.asarray(image), *sizes[2:]) * scale).astype(np.float32)
            floats = (values - np.array(mean, np.float32)) / np.array(std, np.float32)
            if order == "bgr":
                floats = floats[:, :, ::-1]
            writer.writerow([seed, width, height, sizes[0], sizes[1] or "", sizes[2], sizes[3], name, order, repr(scale),
                             " ".join(map(str, mean)), " ".join(map(str, std)),
                             hashlib.sha256(np.ascontiguousarray(floats).astype("<f4").tobytes()).hexdigest()])


main()
