# SPDX-License-Identifier: MIT
"""A sender of the reliable feed, written from mixd(8) alone, that can also misbehave:
what the tests know of the protocol is here, and nothing of it comes from the project."""

import atexit
import collections
import struct

import zmq

import harness

HEADER = struct.Struct("<BBHIQQQQQII32s")
HELLO, WELCOME, DATA, ACK, NAK, ERR, BYE = range(1, 8)
Message = collections.namedtuple(
    "Message", "version type code count incarnation session a b c crc columns source")


def _table():
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
        yield value


TABLE = tuple(_table())


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def header(kind, *, version=1, code=0, count=0, incarnation=0, session=0, a=0, b=0, c=0,
           crc=0, columns=0, source=b""):
    return HEADER.pack(version, kind, code, count, incarnation, session, a, b, c, crc,
                       columns, source)


# Sockets are closed late, when they are the last but so many: libzmq 4.3.4 ends the program
# (session_base.cpp, clean_pipes) if one is closed while its connection breaks in the middle
# of a message of two parts, as it does when the daemon is killed.
SOCKETS = collections.deque()
SOCKETS_MAX = 40


def open_socket():
    SOCKETS.append(harness.CONTEXT.socket(zmq.DEALER))
    if len(SOCKETS) > SOCKETS_MAX:
        SOCKETS.popleft().close()
    return SOCKETS[-1]


@atexit.register
def close_sockets():
    while SOCKETS:
        SOCKETS.popleft().close()


class Peer:
    """A DEALER that speaks in single messages."""

    def __init__(self, endpoint, source="a", incarnation=7, probe=False, columns=2):
        self.socket = open_socket()
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, -1)
        self.socket.setsockopt(zmq.PROBE_ROUTER, int(probe))
        self.socket.connect(endpoint)
        self.source = source.encode()
        self.incarnation = incarnation
        self.columns = columns
        self.session = 0

    def close(self):
        """Hears and says no more; see SOCKETS."""
        self.socket = None

    def send(self, kind, payload=None, **fields):
        fields = {"source": self.source, "incarnation": self.incarnation,
                  "session": self.session, **fields}
        frames = [header(kind, **fields)] + ([] if payload is None else [payload])
        self.socket.send_multipart(frames)

    def data(self, first, rows, **wrong):
        payload = rows.tobytes()
        self.send(DATA, payload, **{"a": first, "count": len(rows),
                                    "columns": self.columns, "crc": crc32c(payload),
                                    **wrong})

    def receive(self, within=harness.DEADLINE):
        """The next message, None if none comes."""
        if not self.socket.poll(1000 * within):
            return None
        (frame,) = self.socket.recv_multipart()
        message = Message(*HEADER.unpack(frame))
        assert message.version == 1
        return message

    def expect(self, kind):
        """The next message that is no ACK, which must be of that kind."""
        while True:
            message = self.receive()
            assert message is not None, f"no message of type {kind}"
            if message.type == kind:
                return message
            assert message.type == ACK, message

    def error(self):
        return self.expect(ERR).code

    def hello(self, oldest=1, newest=0):
        """Says HELLO; the WELCOME, whose session is ours from now on."""
        self.send(HELLO, a=oldest, b=newest, session=0)
        welcome = self.expect(WELCOME)
        assert welcome.a <= welcome.b <= welcome.c, welcome
        assert welcome.source.rstrip(b"\0") == self.source
        self.session = welcome.session
        return welcome


class Sender(Peer):
    """One that holds all its points until they are safe, and checks every promise."""

    def __init__(self, endpoint, rows, source="a", incarnation=7):
        super().__init__(endpoint, source, incarnation, columns=rows.shape[1])
        self.rows = rows
        self.safe = self.durable = 0  # what was acknowledged, ever
        self.next = 1

    def move(self, endpoint):
        """To a daemon that was started again."""
        super().__init__(endpoint, self.source.decode(), self.incarnation,
                         columns=self.columns)
        return self

    def note(self, message):
        assert message.a <= message.b <= message.c <= len(self.rows), message
        self.safe = max(self.safe, message.a)
        self.durable = max(self.durable, message.b)

    def begin(self):
        welcome = self.hello(self.safe + 1, len(self.rows))
        # What was acknowledged as durable is there after any kill.
        assert welcome.b >= self.durable, (welcome, self.durable)
        self.note(welcome)
        self.window = welcome.count
        self.next = welcome.c + 1
        return self

    def push(self, n, back=0):
        """Sends n points from `back` before the next one on, as far as the window and
        what is held allow. How many of them were sent before."""
        first = max(self.next - back, self.safe + 1)
        end = min(first - 1 + n, len(self.rows), self.safe + self.window)
        if end < first:
            return 0
        self.data(first, self.rows[first - 1:end])
        again = min(self.next, end + 1) - first
        self.next = max(self.next, end + 1)
        return again

    def listen(self, within=0):
        """Takes what has come; the last NAK or ERR among it, or None."""
        problem = None
        while True:
            message = self.receive(within)
            if message is None:
                return problem
            within = 0
            if message.type in (ACK, WELCOME):
                self.note(message)
            elif message.type == NAK:
                self.next = message.a
                problem = message
            else:
                problem = message

    def finish(self, batch=100):
        """Sends the rest and waits until all of it is safe."""
        while self.safe < len(self.rows):
            self.push(batch)
            problem = self.listen(harness.DEADLINE if self.next > len(self.rows) else 0)
            assert problem is None or problem.type == NAK, problem
