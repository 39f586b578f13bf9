"""Makes the expected values of the imaging tests with Pillow 9.4 and torchvision 0.14.

preprocess.csv  images made from a seed, run through torchvision's ImageClassification preset steps; per case the
                SHA-256 of the float32 result [crop, crop, 3] in little endian, for small results also its bytes in hex.
files/          small image files of every kind that is read.
files.csv       per file the size and SHA-256 of what Pillow decodes: convert("RGB"), and the same after exif_transpose.

Run in this folder: python3 make_imaging_goldens.py
"""
import csv
import hashlib
import os
import random
import struct
import zlib

import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from seeded_image import seeded_image

MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]
# (resize, crop): torchvision's own, equal sizes, odd differences (half-to-even offsets), crops larger than the image.
PRESETS = [(256, 224), (232, 224), (224, 224), (64, 56), (40, 32), (37, 32), (33, 32), (32, 49), (8, 8), (1, 4)]
FULL_RESULT_MAX_CROP = 8


def preprocess(image, resize, crop, bicubic):
    mode = InterpolationMode.BICUBIC if bicubic else InterpolationMode.BILINEAR
    image = F.center_crop(F.resize(image, [resize], interpolation=mode), [crop])
    tensor = F.normalize(F.convert_image_dtype(F.pil_to_tensor(image), torch.float), MEAN, STD)
    return np.asarray(image), tensor.permute(1, 2, 0).contiguous().numpy()


def preprocess_cases():
    random.seed(20221122)
    cases = [(1, 1), (1, 2), (2, 1), (3, 2), (1, 600), (600, 1), (1, 3000), (3000, 1), (256, 256), (232, 300),
             (224, 224), (64, 200), (200, 64), (40, 40), (32, 32), (8, 8), (7, 9), (3000, 2000), (2000, 3000)]
    while len(cases) < 300:
        kind = random.random()
        limit_w, limit_h = (3000, 2000) if kind < 0.02 else (700, 600) if kind < 0.3 else (160, 160) if kind < 0.7 else (40, 40)
        cases.append((random.randint(1, limit_w), random.randint(1, limit_h)))
    for index, (width, height) in enumerate(cases):
        resize, crop = PRESETS[index % len(PRESETS)]
        if max(width, height) / min(width, height) * resize > 70000:
            resize, crop = 8, 8  # Pillow makes the whole long side
        yield index + 1, width, height, resize, crop, random.random() < 0.5


def make_preprocess():
    with open("preprocess.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seed", "width", "height", "resize", "crop", "filter", "sha256", "bytes"])
        for seed, width, height, resize, crop, bicubic in preprocess_cases():
            pixels, floats = preprocess(Image.fromarray(seeded_image(seed, width, height)), resize, crop, bicubic)
            full = pixels.tobytes().hex() if crop <= FULL_RESULT_MAX_CROP else ""
            writer.writerow([seed, width, height, resize, crop, "bicubic" if bicubic else "bilinear",
                             hashlib.sha256(floats.astype("<f4").tobytes()).hexdigest(), full])


def picture(width, height, seed):
    """Something like a photo: smooth gradients, edges and a little noise."""
    rng = np.random.RandomState(seed)
    y, x = np.mgrid[0:height, 0:width]
    r = 128 + 100 * np.sin(x / 9.0 + seed) * np.cos(y / 13.0)
    g = 255.0 * x / width
    b = 255.0 * y / height + 60 * ((x // 16 + y // 16) % 2)
    rgb = np.stack([r, g, b], axis=2) + rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def png16(array, color_type):
    """A 16-bit PNG; Pillow cannot write RGB with 16 bits."""
    height, width = array.shape[:2]

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + array[y].astype(">u2").tobytes() for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def make_files():
    os.makedirs("files", exist_ok=True)
    rgb = picture(61, 43, 1)
    gray = picture(50, 37, 2).convert("L")

    def save(image, name, **options):
        image.save("files/" + name, **options)

    for quality in (10, 75, 100):
        save(rgb, f"baseline-q{quality}.jpg", quality=quality)
    save(rgb, "444.jpg", quality=90, subsampling=0)
    save(rgb, "422.jpg", quality=90, subsampling=1)
    save(rgb, "progressive.jpg", quality=85, progressive=True)
    save(gray, "gray.jpg", quality=80)
    save(gray, "gray-progressive.jpg", quality=80, progressive=True)
    save(rgb.convert("CMYK"), "cmyk.jpg", quality=90)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(picture(29, 18, 3), f"orientation-{orientation}.jpg", quality=90, exif=exif)

    save(rgb, "rgb.png")
    save(gray, "gray.png")
    save(gray.convert("1"), "bilevel.png")
    save(rgb.quantize(200), "palette.png")
    save(rgb.quantize(5), "palette-5.png", bits=4)
    alpha = rgb.copy()
    alpha.putalpha(Image.fromarray(np.random.RandomState(4).randint(0, 256, (43, 61)).astype(np.uint8)))
    save(alpha, "alpha.png")
    gray_alpha = gray.copy()
    gray_alpha.putalpha(Image.linear_gradient("L").resize(gray.size))
    save(gray_alpha, "gray-alpha.png")
    save(rgb.quantize(16), "palette-transparent.png", transparency=3)
    save(rgb, "rgb-transparent.png", transparency=rgb.getpixel((5, 5)))
    wide = np.random.RandomState(5).randint(0, 65536, (21, 33, 3))
    with open("files/rgb16.png", "wb") as file:
        file.write(png16(wide, 2))
    with open("files/gray16.png", "wb") as file:
        file.write(png16(wide[:, :, 0], 0))

    save(rgb, "lossy.webp", quality=80)
    save(rgb, "lossless.webp", lossless=True)
    save(alpha, "alpha.webp", lossless=True, exact=True)
    save(rgb, "rgb.bmp")
    save(gray, "gray.bmp")
    save(rgb.quantize(64), "palette.bmp")
    save(rgb.quantize(64), "still.gif")
    frames = [picture(40, 30, seed).quantize(32) for seed in (6, 7, 8)]
    save(frames[0], "animated.gif", save_all=True, append_images=frames[1:], duration=50)

    with open("files.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "width", "height", "sha256", "uprightWidth", "uprightHeight", "uprightSha256"])
        for name in sorted(os.listdir("files")):
            if name == "gray16.png":
                # Pillow clips such an image at 255, which makes it white. Expected is the high byte, as for RGB.
                image = Image.fromarray((wide[:, :, 0] >> 8).astype(np.uint8)).convert("RGB")
                upright = image
            else:
                image = Image.open("files/" + name).convert("RGB")
                upright = ImageOps.exif_transpose(Image.open("files/" + name)).convert("RGB")
            row = [name]
            for decoded in (image, upright):
                row += [decoded.width, decoded.height, hashlib.sha256(decoded.tobytes()).hexdigest()]
            writer.writerow(row)


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_preprocess()
    make_files()
