"""vici - a small client of strongSwan's control socket, for the peer's side and to look at ours.

A message is a dict: texts (str or bytes), lists of texts, dicts. Standard library only.
"""
import socket
import struct

REQUEST, RESPONSE, UNKNOWN_COMMAND, REGISTER, UNREGISTER, CONFIRMED, UNKNOWN_EVENT, EVENT = range(8)
SECTION, SECTION_END, VALUE, LIST, ITEM, LIST_END = range(1, 7)


class Error(Exception):
    """charon refuses, or is not there."""


def _name(text):
    return bytes([len(text)]) + text.encode()


def _text(value):
    value = value if isinstance(value, bytes) else str(value).encode()
    return struct.pack(">H", len(value)) + value


def encode(message):
    out = b""
    for key, value in message.items():
        if isinstance(value, dict):
            out += bytes([SECTION]) + _name(key) + encode(value) + bytes([SECTION_END])
        elif isinstance(value, (list, tuple)):
            items = b"".join(bytes([ITEM]) + _text(v) for v in value)
            out += bytes([LIST]) + _name(key) + items + bytes([LIST_END])
        else:
            out += bytes([VALUE]) + _name(key) + _text(value)
    return out


def decode(data):
    stack, items, at = [{}], None, 0

    def take(width):
        nonlocal at
        size = int.from_bytes(data[at:at + width], "big")
        text = data[at + width:at + width + size].decode("utf-8", "replace")
        at += width + size
        return text

    while at < len(data):
        kind, at = data[at], at + 1
        name = take(1) if kind in (SECTION, VALUE, LIST) else None
        if kind == SECTION:
            stack[-1][name] = {}
            stack.append(stack[-1][name])
        elif kind == SECTION_END:
            stack.pop()
        elif kind == VALUE:
            stack[-1][name] = take(2)
        elif kind == LIST:
            items = stack[-1][name] = []
        elif kind == ITEM:
            items.append(take(2))
    return stack[0]


class Vici:
    def __init__(self, path, seconds=20.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        try:
            self.socket.connect(path)
        except OSError as e:
            self.socket.close()
            raise Error(f"no charon at {path}: {e}") from e

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _send(self, kind, name, message=None):
        packet = bytes([kind]) + _name(name) + encode(message or {})
        self.socket.sendall(struct.pack(">I", len(packet)) + packet)

    def _bytes(self, count):
        out = b""
        while len(out) < count:
            part = self.socket.recv(count - len(out))
            if not part:
                raise Error("charon closed its socket")
            out += part
        return out

    def _receive(self):
        packet = self._bytes(struct.unpack(">I", self._bytes(4))[0])
        if packet[0] == EVENT:
            return EVENT, decode(packet[2 + packet[1]:])
        return packet[0], decode(packet[1:])

    def ask(self, command, message=None, event=None):
        """Sends a request; returns its answer and the messages of the event that came meanwhile."""
        events = []
        if event:
            self._send(REGISTER, event)
            if self._receive()[0] != CONFIRMED:
                raise Error(f"unknown event {event}")
        self._send(REQUEST, command, message)
        while True:
            kind, answer = self._receive()
            if kind == EVENT:
                events.append(answer)
                continue
            if kind != RESPONSE:
                raise Error(f"unknown command {command}")
            break
        if event:
            self._send(UNREGISTER, event)
            while self._receive()[0] == EVENT:
                pass
        return answer, events

    def do(self, command, message=None, event=None):
        """As ask, for what has to succeed; returns the answer."""
        answer, events = self.ask(command, message, event)
        if answer.get("success", "yes") != "yes":
            lines = [e.get("msg", "") for e in events][-3:]
            raise Error(f"{command}: {answer.get('errmsg')} {' / '.join(lines)}")
        return answer

    def sas(self):
        """The IKE SAs: a list of (name, what list-sas tells)."""
        return [pair for event in self.ask("list-sas", event="list-sa")[1] for pair in event.items()]

    def conns(self):
        return [pair for event in self.ask("list-conns", event="list-conn")[1]
                for pair in event.items()]
