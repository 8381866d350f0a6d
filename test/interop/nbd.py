"""nbd - a small client of our disks: parts of them, many requests at a time. Standard library only."""
import socket
import struct

from bed import Failed

GO, READ, WRITE, FLUSH, DISCONNECT = 7, 0, 1, 3, 2
REQUEST, REPLY = 0x25609513, 0x67446698


class Nbd:
    def __init__(self, path, seconds=60.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        if self.stream.read(18)[:16] != b"NBDMAGICIHAVEOPT":
            raise Failed("no NBD server there")
        # Fixed newstyle, no zeroes; then the default export, and nothing more to be told of it.
        self.socket.sendall(struct.pack(">I8sIIIH", 3, b"IHAVEOPT", GO, 6, 0, 0))
        while True:
            kind, size = struct.unpack(">QIII", self.stream.read(20))[2:]
            self.stream.read(size)
            if kind == 1:
                break
            if kind & 0x80000000:
                raise Failed(f"the NBD server refuses: {kind:#x}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._send(DISCONNECT, 0, 0, 0)
        self.stream.close()
        self.socket.close()

    def _send(self, kind, handle, offset, size, data=b""):
        self.socket.sendall(struct.pack(">IHHQQI", REQUEST, 0, kind, handle, offset, size) + data)

    def _reply(self):
        magic, error, handle = struct.unpack(">IIQ", self.stream.read(16))
        if magic != REPLY or error:
            raise Failed(f"the disk answers with error {error}")
        return handle

    def write(self, offset, data, block=65536, depth=16):
        """Writes, with several requests in flight, and flushes."""
        starts = list(range(0, len(data), block))
        for at in range(0, len(starts), depth):
            batch = starts[at:at + depth]
            for start in batch:
                part = data[start:start + block]
                self._send(WRITE, start, offset + start, len(part), part)
            for _ in batch:
                self._reply()
        self._send(FLUSH, 0, 0, 0)
        self._reply()

    def read(self, offset, size, block=65536, depth=16):
        parts, starts = {}, list(range(0, size, block))
        for at in range(0, len(starts), depth):
            batch = starts[at:at + depth]
            for start in batch:
                self._send(READ, start, offset + start, min(block, size - start))
            for _ in batch:
                start = self._reply()
                parts[start] = self.stream.read(min(block, size - start))
        return b"".join(parts[start] for start in starts)
