"""iSNSP as the tests need it (RFC 4171): messages to and from bytes, and a server of our own that does
what it is told to do, also wrongly."""
import socket
import struct
import threading

REGISTER, QUERY, GET_NEXT, DEREGISTER, REGISTER_SCN, SCN = 1, 2, 3, 4, 5, 8
RESPONSE = 0x8000
LAST, FIRST = 0x0800, 0x0400
ENTITY, ENTITY_PROTOCOL, PERIOD = 1, 2, 6
PORTAL_ADDRESS, PORTAL_PORT, SCN_PORT = 16, 17, 23
NAME, NODE_TYPE, ALIAS, SCN_BITMAP = 32, 33, 34, 35
GROUP_NAME, GROUP_ADDRESS, GROUP_PORT, GROUP_TAG = 48, 49, 50, 51
NO_SUCH_ENTRY, INTERNAL_ERROR = 9, 11


def attribute(tag, value=b""):
    if isinstance(value, int):
        value = struct.pack(">I", value)
    if isinstance(value, str):
        value = value.encode() + b"\0"
    value += bytes(-len(value) % 4)
    return struct.pack(">II", tag, len(value)) + value


def address(text):
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return bytes(10) + b"\xff\xff" + socket.inet_aton(text)


def attributes(data):
    """As (tag, value) pairs."""
    at = 0
    while at < len(data):
        tag, length = struct.unpack_from(">II", data, at)
        yield tag, data[at + 8:at + 8 + length]
        at += 8 + length


def text(value):
    return value.rstrip(b"\0").decode()


def message(function, xid, payload, flags=0, piece=0xfffc, version=1):
    """In as many PDUs as it takes."""
    pieces = [payload[at:at + piece] for at in range(0, len(payload), piece)] or [b""]
    out = b""
    for seq, part in enumerate(pieces):
        mark = (FIRST if seq == 0 else 0) | (LAST if seq == len(pieces) - 1 else 0)
        out += struct.pack(">HHHHHH", version, function, len(part), flags | mark, xid, seq) + part
    return out


def receive(stream):
    """(function, xid, flags, payload), or None at the end."""
    payload = b""
    while True:
        header = stream.read(12)
        if len(header) < 12:
            return None
        _, function, length, flags, xid, _ = struct.unpack(">HHHHHH", header)
        payload += stream.read(length)
        if flags & LAST:
            return function, xid, flags, payload


def node(name, alias=None, groups=(), portals=()):
    """A target as an answer to a query tells it; groups are (address, port, tag), portals without tag."""
    out = attribute(NAME, name) + attribute(NODE_TYPE, 1)
    if alias:
        out += attribute(ALIAS, alias)
    for host, port in portals:
        out += attribute(PORTAL_ADDRESS, address(host)) + attribute(PORTAL_PORT, port)
    for host, port, tag in groups:
        out += attribute(GROUP_NAME, name) + attribute(GROUP_ADDRESS, address(host))
        out += attribute(GROUP_PORT, port)
        out += attribute(GROUP_TAG, tag) if tag is not None else attribute(GROUP_TAG)
    return out


class Server:
    """`nodes` is what it tells of, in order: name to bytes, as `node` makes them."""

    def __init__(self, port=0, nodes=None):
        self.nodes = nodes or {}
        self.piece = 0xfffc
        self.asked = []       # (function, payload) in the order of arrival
        self.override = {}    # function to what makes the whole answer, from xid and payload
        self.most = None      # with more nodes than that a query gets an internal error
        self.dumb = False     # about single nodes
        self.links = []
        self.scn = {}         # name to (host, port) where it wants to be told of changes
        self.open(port)

    def open(self, port):
        self.listener = socket.create_server(("127.0.0.1", port), reuse_port=True)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        """As a server that dies: it hangs up on all and forgets all."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.links, self.scn = [], {}

    def accept(self, listener):
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        with link, link.makefile("rb") as stream:
            try:
                while got := receive(stream):
                    function, xid, _, payload = got
                    self.asked.append((function, payload))
                    make = self.override.get(function)
                    link.sendall(make(xid, payload) if make else self.answer(function, xid, payload))
            except OSError:
                pass

    def answer(self, function, xid, payload):
        status, out = 0, b""
        given = list(attributes(payload))
        if function == REGISTER:
            out = attribute(ENTITY, b"x\0\0\0") + attribute(0) + attribute(PERIOD, 600)
            ports = [struct.unpack(">I", v)[0] for t, v in given if t == SCN_PORT]
            hosts = [socket.inet_ntoa(v[12:]) for t, v in given if t == PORTAL_ADDRESS]
            if ports:
                self.scn[text(given[0][1])] = (hosts[0], ports[0] & 0xffff)
        elif function == QUERY:
            status, out = self.query(given)
        elif function == GET_NEXT:
            status, out = self.next(text(given[1][1]))
        return message(function | RESPONSE, xid, struct.pack(">I", status) + out, 0x4000, self.piece)

    def query(self, given):
        if given[1][0] == NAME:
            if self.dumb:
                return INTERNAL_ERROR, b""
            return 0, attribute(0) + self.nodes.get(text(given[1][1]), b"")
        if self.most is not None and len(self.nodes) > self.most:
            return INTERNAL_ERROR, b""
        return 0, attribute(NODE_TYPE, 1) + attribute(0) + b"".join(self.nodes.values())

    def next(self, name):
        names = list(self.nodes)
        at = names.index(name) + 1 if name else 0
        if at == len(names):
            return NO_SUCH_ENTRY, b""
        return 0, (attribute(NAME, names[at]) + attribute(0) + attribute(NAME, names[at]) +
                   attribute(NODE_TYPE, 1))

    def notify(self, name, *changed):
        """Tells of changed nodes; true if that was acknowledged."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            s.settimeout(5)
            s.sendto(message(SCN, 77, attribute(NAME, name) + attribute(4, bytes(8)) +
                             b"".join(attribute(SCN_BITMAP, 8) + attribute(NAME, node)
                                      for node in changed)), self.scn[name])
            answer = s.recv(4096)
        return answer[2:4] == b"\x80\x08" and answer[8:10] == b"\0\x4d" and answer[12:16] == bytes(4)

    def saw(self, function):
        return [payload for asked, payload in self.asked if asked == function]
