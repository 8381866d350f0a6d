"""crc - digests alone: bytes per second by length."""
ABOUT = "CRC32C as the engine computes it, and by a table of 256 entries"

SIZES = {"48 bytes": 48, "512 bytes": 512, "4 KiB": 4096, "64 KiB": 1 << 16, "1 MiB": 1 << 20}


def run(bench):
    for name, size in SIZES.items():
        ours, table = (bench.load("crc", "--warm-up", "0.05", "--portal", "-:1", "--iqn", which,
                                  size=size, seconds=bench.seconds if bench.full else 0.2)
                       for which in ("ours", "table"))
        yield from bench.pairs("crc", name, ["bytes per second"], ours, table, "table", repeat=3)
