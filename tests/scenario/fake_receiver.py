# SPDX-License-Identifier: MIT
"""The daemon's side of a reliable feed, small and spiteful: for tests of senders. It
keeps points instead of learning them, "crashes" back to its newest checkpoint, and loses
messages as often as it is told to."""

import random
import struct
import threading

import zmq

HELLO, WELCOME, DATA, ACK, NAK, ERR, BYE = range(1, 8)
HEADER = struct.Struct("<BBHIQQQQQII32s")


class Receiver:
    """A ROUTER in a thread. `points` are those applied of each source, by name."""

    def __init__(self, seed=1, loss=0.0, window=1000, checkpoint_after=3):
        self.random = random.Random(seed)
        self.loss, self.window = loss, window
        self.checkpoint_after = checkpoint_after  # DATA messages
        self.incarnations, self.points = {}, {}
        self.durable, self.safe = {}, {}
        self.refuse = {}      # source -> code that its HELLO is answered with
        self.counts = {"duplicate": 0, "bad": 0, "restart": 0, "hello": 0, "data": 0}
        self.holds_back = False  # no checkpoints, so nothing becomes safe
        self.context = zmq.Context()
        self.endpoint = "tcp://127.0.0.1:*"
        self.lock = threading.Lock()
        self.start()

    def start(self):
        self.sessions, self.gap = {}, set()
        self.unsaved = 0
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.bind()
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.is_stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def bind(self):
        """The port is free again when the socket before has ended, somewhat later."""
        while True:
            try:
                return self.socket.bind(self.endpoint)
            except zmq.ZMQError as error:
                if error.errno != zmq.EADDRINUSE:
                    raise

    def stop(self):
        self.is_stopping = True
        self.thread.join()
        self.socket.close()

    def crash(self):
        """Killed and started again: what was not in a checkpoint is gone."""
        self.stop()
        for name, points in self.points.items():
            del points[self.durable[name]:]
        self.counts["restart"] += 1
        self.start()

    def close(self):
        if not self.is_stopping:
            self.stop()
        self.context.destroy(linger=0)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def run(self):
        while not self.is_stopping:
            if self.socket.poll(5):
                with self.lock:
                    self.receive(*self.socket.recv_multipart())
            elif not self.holds_back:
                with self.lock:
                    self.checkpoint()

    def checkpoint(self):
        self.unsaved = 0
        for name, points in self.points.items():
            self.safe[name], self.durable[name] = self.durable[name], len(points)
            if name in self.sessions:
                self.answer(name, ACK)

    def marks(self, name):
        return {"a": self.safe[name], "b": self.durable[name],
                "c": len(self.points[name])}

    def send(self, peer, kind, name=b"", incarnation=0, session=0, code=0, a=0, b=0, c=0,
             count=0):
        if self.random.random() >= self.loss:
            self.socket.send_multipart([peer, HEADER.pack(
                1, kind, code, count, incarnation, session, a, b, c, 0, 0, name)])

    def answer(self, name, kind, **more):
        session, peer = self.sessions[name]
        more = {**self.marks(name), **more}
        self.send(peer, kind, name, self.incarnations[name], session, **more)

    def receive(self, peer, header=b"", *payload):
        if len(header) != HEADER.size:
            if header:
                self.counts["bad"] += 1
            return self.send(peer, ERR, code=6)
        (_, kind, _, count, incarnation, session, a, b, _, crc, columns,
         name) = HEADER.unpack(header)
        if self.random.random() < self.loss:
            return None
        if kind == HELLO:
            return self.hello(peer, name, incarnation, a)
        if self.sessions.get(name) != (session, peer):
            return self.send(peer, ERR, name, code=6, a=session)
        if kind == DATA:
            return self.data(name, a, count, columns, payload[0])
        if kind == BYE:
            del self.sessions[name]
        return None

    def hello(self, peer, name, incarnation, oldest):
        self.counts["hello"] += 1
        plain = name.rstrip(b"\0").decode()
        if plain in self.refuse:
            return self.send(peer, ERR, name, code=self.refuse[plain])
        if self.incarnations.setdefault(name, incarnation) != incarnation:
            return self.send(peer, ERR, name, code=4)
        points = self.points.setdefault(name, [])
        self.durable.setdefault(name, 0)
        self.safe.setdefault(name, 0)
        if oldest > len(points) + 1:
            return self.send(peer, ERR, name, code=5, c=len(points))
        self.sessions[name] = (self.random.getrandbits(64), peer)
        self.gap.discard(name)
        return self.answer(name, WELCOME, count=self.window)

    def data(self, name, first, count, columns, payload):
        points = self.points[name]
        self.counts["data"] += 1
        if len(payload) != 8 * columns * count or first + count - 1 > (
                self.safe[name] + self.window):
            self.counts["bad"] += 1
        elif first > len(points) + 1:
            if name not in self.gap:
                self.gap.add(name)
                self.answer(name, NAK, a=len(points) + 1)
        else:
            rows = list(struct.iter_unpack(f"<{columns}d", payload))
            n_old = min(len(points) + 1 - first, count)
            self.counts["duplicate"] += n_old
            points.extend(rows[n_old:])
            self.gap.discard(name)
            self.unsaved += 1
            if self.unsaved >= self.checkpoint_after and not self.holds_back:
                self.checkpoint()

    def of(self, source):
        """The points that a source has in the model."""
        with self.lock:
            return list(self.points.get(source.encode().ljust(32, b"\0"), []))
