# SPDX-License-Identifier: MIT
"""Points into a stream of mixd whose feed is `reliable`: every point that send() took
changes the model exactly once, through any number of crashes of either side.

    import mixfeed
    with mixfeed.Feed("tcp://127.0.0.1:5570", source="pump-3", columns=2,
                      spool="pump-3.spool") as feed:
        feed.send([[20.1, 1.01], [20.3, 1.02]])     # rows: lists, arrays, anything alike
        feed.flush()                                # waits until nothing can be lost

Needs python3-zmq; NumPy arrays are taken where there is NumPy. A Feed keeps every point
until the daemon has it in both generations of its state, in memory or, with `spool`, in
an SQLite file: a program that was killed goes on where it was with the same file. Without
a spool the source is new with every Feed, so its name must be, too (the daemon refuses
a known name that starts from 1 again until `mixctl forget-source`).

A thread of the Feed talks to the daemon; the methods may be called from any thread."""

import array
import bisect
import os
import re
import secrets
import sqlite3
import struct
import sys
import threading
import time

import zmq

__all__ = ["Feed", "FeedError", "Refused", "Loss", "Timeout"]

# ---- Errors -----------------------------------------------------------------------


class FeedError(Exception):
    """What ends a feed. The points that are not safe stay in the spool."""


class Timeout(FeedError, TimeoutError):
    """Too little got on in the time given. The feed goes on, and so may the caller."""


class Refused(FeedError):
    """The daemon does not take this source; `code` is that of its ERR message."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Loss(FeedError):
    """Points from `first` to `last`, `lost` in all, are gone: the daemon's state is older
    than what it had said to be safe, so they were deleted here."""

    def __init__(self, source, first, last):
        self.first, self.last, self.lost = first, last, last - first + 1
        super().__init__(f"{source}: points {first} to {last} ({self.lost}) are lost: "
                         "the daemon's state was lost or replaced by an older one; "
                         "mixctl forget-source lets the source begin anew")


# ---- Messages ---------------------------------------------------------------------

VERSION = 1
HELLO, WELCOME, DATA, ACK, NAK, ERR, BYE = range(1, 8)
HEADER = struct.Struct("<BBHIQQQQQII32s")
assert HEADER.size == 88

ERR_LOSS, ERR_SESSION, ERR_CLOSING = 5, 6, 9
# What the daemon refuses for good. It answers ERR 6 and 9 to peers that may come back.
REFUSALS = {
    1: "the daemon does not take the shape of our messages",
    2: "the daemon does not take our header",
    3: "the daemon has too many sources: mixctl forget-source",
    4: "the daemon knows this source as another one, of another spool: name it anew, or "
       "mixctl forget-source",
    7: "the daemon does not take our points: are the columns right, and the messages not "
       "over max_message?",
    8: "this key may not feed this source",
}

# A message is at most so much; its points are numbered, so how they are cut is free.
MESSAGE_POINTS = 4096
MESSAGE_BYTES = 1 << 18
# So long the end waits for the daemon, and for what is still under way.
FAREWELL_MS = 250
SEND_QUEUE = 16  # messages; what is in it when the connection breaks is sent again

# The patience before HELLO is said (again), seconds: doubled while nothing comes of it.
PATIENCE_FIRST, PATIENCE_LAST = 1.0, 8.0
# The same where it is known that HELLO may have been lost.
WELCOME_WITHIN = 0.25


def _crc_tables():
    """CRC-32C by two bytes at a time: nothing in the standard library has it."""
    byte = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        byte.append(value)
    pair = [(byte[low] >> 8) ^ byte[(byte[low] ^ high) & 255]
            for high in range(256) for low in range(256)]
    return byte, pair


_CRC_BYTE, _CRC_PAIR = _crc_tables()


def crc32c(data):
    """CRC-32C (Castagnoli) of bytes."""
    crc, pair = 0xFFFFFFFF, _CRC_PAIR
    n_even = len(data) & ~1
    words = array.array("H", data[:n_even])
    if sys.byteorder == "big":
        words.byteswap()
    for word in words:
        crc = (crc >> 16) ^ pair[(crc ^ word) & 0xFFFF]
    for value in data[n_even:]:
        crc = (crc >> 8) ^ _CRC_BYTE[(crc ^ value) & 255]
    return crc ^ 0xFFFFFFFF


def _payload(rows, columns):
    """Rows as n x columns little-endian doubles."""
    if hasattr(rows, "astype"):  # an array of NumPy or like one
        if rows.ndim not in (1, 2) or rows.shape[-1] != columns:
            raise ValueError(f"rows of shape {rows.shape}: n x {columns} is needed")
        return rows.astype("<f8").tobytes()
    rows = list(rows)
    if rows and not hasattr(rows[0], "__len__"):
        rows = [rows]
    for row in rows:
        if len(row) != columns:
            raise ValueError(f"a row of {len(row)} values: {columns} are needed")
    return b"".join(struct.pack(f"<{columns}d", *row) for row in rows)


# ---- What is not yet safe ---------------------------------------------------------


class _Memory:
    """Points by number, in pieces as they were sent. `trimmed` is the last one deleted,
    `newest` the last one there is."""

    def __init__(self, columns):
        self.row_bytes = 8 * columns
        self.incarnation = secrets.randbits(62) + 1
        self.trimmed = self.newest = self.note = 0
        self.firsts, self.pieces = [], []

    def append(self, payload, note):
        self.note = note
        self.firsts.append(self.newest + 1)
        self.pieces.append(payload)
        self.newest += len(payload) // self.row_bytes

    def read(self, seq, n):
        """The points seq to seq + n - 1."""
        parts = []
        at = bisect.bisect_right(self.firsts, seq) - 1
        while n > 0:
            start = (seq - self.firsts[at]) * self.row_bytes
            part = self.pieces[at][start:start + n * self.row_bytes]
            parts.append(part)
            taken = len(part) // self.row_bytes
            seq, n, at = seq + taken, n - taken, at + 1
        return b"".join(parts)

    def trim(self, safe):
        # A piece goes when all of it is safe.
        n_gone = bisect.bisect_right(self.firsts, safe + 1) - 1
        if self.newest <= safe:
            n_gone = len(self.firsts)
        if n_gone > 0:
            del self.firsts[:n_gone], self.pieces[:n_gone]
        self.trimmed = max(self.trimmed, safe)

    def close(self):
        pass


SPOOL_ID = 0x4D585350  # "MXSP", SQLite's application_id
SPOOL_VERSION = 1
SPOOL_SCHEMA = """
    CREATE TABLE spool (id INTEGER PRIMARY KEY CHECK (id = 1), source TEXT NOT NULL,
        columns INTEGER NOT NULL, incarnation INTEGER NOT NULL, trimmed INTEGER NOT NULL,
        note INTEGER NOT NULL);
    CREATE TABLE piece (first INTEGER PRIMARY KEY, n INTEGER NOT NULL,
        crc INTEGER NOT NULL, rows BLOB NOT NULL);
"""


class _Spool:
    """The same in an SQLite file, which belongs to one source and one process. What
    append() has written is on the disk when it returns."""

    def __init__(self, path, source, columns):
        self.path, self.row_bytes, self.db = path, 8 * columns, None
        try:
            self.db = sqlite3.connect(path, timeout=0, isolation_level=None,
                                      check_same_thread=False)
            self._open(source, columns)
        except (sqlite3.Error, FeedError) as error:
            if self.db is not None:
                self.db.close()
            if isinstance(error, FeedError):
                raise
            raise FeedError(f"{path}: {error}") from error

    def _open(self, source, columns):
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL",
                       "trusted_schema=OFF"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.execute("BEGIN EXCLUSIVE")
        if self._number("PRAGMA application_id") == 0 and not self._number(
                "SELECT count(*) FROM sqlite_master"):
            self._make(source, columns)
        self.db.execute("COMMIT")
        self._check(source, columns)
        self.newest = self._number("SELECT coalesce(max(first + n - 1), ?) FROM piece",
                                   self.trimmed)
        first, count = self.db.execute("SELECT min(first), sum(n) FROM piece").fetchone()
        if count and not (1 <= first <= self.trimmed + 1
                          and count == self.newest - first + 1):
            raise FeedError(f"{self.path}: the spool is damaged: points are missing")

    def _make(self, source, columns):
        for statement in SPOOL_SCHEMA.split(";"):
            self.db.execute(statement)
        self.db.execute(f"PRAGMA application_id={SPOOL_ID}")
        self.db.execute(f"PRAGMA user_version={SPOOL_VERSION}")
        self.db.execute("INSERT INTO spool VALUES (1, ?, ?, ?, 0, 0)",
                        (source, columns, secrets.randbits(62) + 1))

    def _check(self, source, columns):
        if self._number("PRAGMA application_id") != SPOOL_ID:
            raise FeedError(f"{self.path}: not a spool: name another file")
        version = self._number("PRAGMA user_version")
        if version != SPOOL_VERSION:
            raise FeedError(f"{self.path}: a spool of version {version}: this program "
                            f"reads version {SPOOL_VERSION}")
        row = self.db.execute("SELECT source, columns, incarnation, trimmed, note FROM "
                              "spool").fetchone()
        if row is None or row[:2] != (source, columns):
            raise FeedError(f"{self.path}: the spool of another source ({row}): this is "
                            f"{source} with {columns} columns")
        self.incarnation, self.trimmed, note = row[2:]
        self.note = note % (1 << 64)  # SQLite's numbers have a sign, notes have none

    def _number(self, statement, *values):
        return self.db.execute(statement, values).fetchone()[0]

    def append(self, payload, note):
        first, rows_max = self.newest + 1, max(MESSAGE_BYTES // self.row_bytes, 1)
        pieces = []
        for start in range(0, len(payload), rows_max * self.row_bytes):
            rows = payload[start:start + rows_max * self.row_bytes]
            pieces.append((first, len(rows) // self.row_bytes, crc32c(rows), rows))
            first += pieces[-1][1]
        signed = note - (1 << 64) if note >> 63 else note
        self._transact([("INSERT INTO piece VALUES (?, ?, ?, ?)", piece)
                        for piece in pieces] + [("UPDATE spool SET note = ?", (signed,))])
        self.newest, self.note = first - 1, note

    def _transact(self, statements):
        """All of the statements or none."""
        self.db.execute("BEGIN")
        try:
            for statement in statements:
                self.db.execute(*statement)
            self.db.execute("COMMIT")
        except sqlite3.Error:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def read(self, seq, n):
        parts = []
        pieces = self.db.execute(
            "SELECT first, n, crc, rows FROM piece WHERE first >= (SELECT max(first) "
            "FROM piece WHERE first <= ?) ORDER BY first", (seq,))
        for first, count, crc, rows in pieces:
            if (len(rows) != count * self.row_bytes or crc32c(rows) != crc
                    or not first <= seq < first + count):
                raise FeedError(f"{self.path}: points from {first} on are damaged")
            start = (seq - first) * self.row_bytes
            part = rows[start:start + n * self.row_bytes]
            parts.append(part)
            seq += len(part) // self.row_bytes
            n -= len(part) // self.row_bytes
            if n == 0:
                return b"".join(parts)
        raise FeedError(f"{self.path}: point {seq} is missing: the spool is damaged")

    def trim(self, safe):
        if safe <= self.trimmed:
            return
        try:
            self._transact([
                ("DELETE FROM piece WHERE first <= ?1 AND first + n - 1 <= ?1", (safe,)),
                ("UPDATE spool SET trimmed = ?", (safe,))])
            self.trimmed = safe
        except sqlite3.OperationalError:
            pass  # a full disk, say: they stay, and the next trim takes them as well

    def close(self):
        self.db.close()


# ---- The protocol, without a socket -----------------------------------------------

DOWN, GREETING, RUNNING = "down", "greeting", "running"


class _Sender:
    """What is said next, and what follows from an answer. It starts DOWN: the first
    answer, ERR 6 to the empty message of ZMQ_PROBE_ROUTER, shows that the daemon is
    there, and shows a new connection later on."""

    def __init__(self, source, columns, store, room):
        self.source, self.columns, self.store = source, columns, store
        self.room = max(1, min(room, 0xffffffff))  # points that are kept at most
        self.name = source.encode().ljust(32, b"\0")
        self.points_max = max(1, min(MESSAGE_POINTS, MESSAGE_BYTES // (8 * columns)))
        self.state, self.session, self.window = DOWN, 0, 0
        self.safe = self.durable = self.applied = store.trimmed
        self.next = self.safe + 1
        self.reach = store.newest  # the last point that the daemon may have
        self.message = None       # to be sent, and what that changes
        self.patience = PATIENCE_FIRST
        self.said_hello, self.has_progressed = 0.0, False
        self.deadline = 0.0       # when HELLO is due if nothing happens

    def header(self, kind, **more):
        field = {"a": 0, "b": 0, "c": 0, "count": 0, "crc": 0, "session": 0, **more}
        return HEADER.pack(VERSION, kind, 0, field["count"], self.store.incarnation,
                           field["session"], field["a"], field["b"], field["c"],
                           field["crc"], self.columns, self.name)

    def due(self, now):
        """The next message, as often as it is asked for until sent() is called."""
        if self.message is None and now >= self.deadline:
            self.greet()
        if self.message is None and self.state == RUNNING:
            self.message = self.data()
        return self.message

    def greet(self):
        self.state = GREETING
        hello = self.header(HELLO, a=self.store.trimmed + 1, b=self.store.newest,
                            count=self.room)
        self.message = [hello], None

    def data(self):
        last = min(self.store.newest, self.safe + self.window)
        n = min(last - self.next + 1, self.points_max)
        if n <= 0:
            return None
        payload = self.store.read(self.next, n)
        header = self.header(DATA, session=self.session, a=self.next, count=n,
                             crc=crc32c(payload))
        return [header, payload], self.next + n

    def sent(self, now):
        _, following = self.message
        self.message = None
        if following is None:
            self.said_hello, self.has_progressed = now, False
            self.deadline = now + self.patience
            self.patience = min(2 * self.patience, PATIENCE_LAST)
        else:
            if self.deadline == float("inf"):
                self.deadline = now + self.patience
            self.next = following
            self.reach = max(self.reach, following - 1)

    def receive(self, frames, now):
        if len(frames) != 1 or len(frames[0]) != HEADER.size:
            return
        (version, kind, code, count, incarnation, session, a, b, c, _, _,
         name) = HEADER.unpack(frames[0])
        if version != VERSION or (name != self.name and kind != ERR):
            return
        if kind == ERR:
            self.refused(code, a, c, now)
        elif kind == WELCOME:
            # Of two, after a HELLO that was repeated, the later one counts.
            if self.state != DOWN and incarnation == self.store.incarnation:
                self.welcomed(session, count, (a, b, c), now)
        elif self.state != RUNNING or session != self.session:
            pass  # of a session that is over
        elif kind == ACK:
            self.acknowledged((a, b, c), now)
        elif kind == NAK:
            if self.store.trimmed < a < self.next:
                self.next, self.message = a, None
        elif kind == BYE:
            self.leave(now + self.patience)

    def refused(self, code, session, applied, now):
        if code == ERR_SESSION:
            # An answer to what was sent in an older session says nothing new.
            if session == 0 and self.state == GREETING:
                # A new connection. HELLO may have been in time, or lost with the old one.
                self.deadline = max(now, self.said_hello + WELCOME_WITHIN)
            elif session == 0:
                self.leave(now)
            elif self.state == RUNNING and session == self.session:
                # Another sender took the session. Whoever did not get on is patient, so
                # that the two do not take it from each other for ever.
                self.leave(now if self.has_progressed
                           else self.said_hello + self.patience)
        elif code == ERR_CLOSING:
            self.leave(now + self.patience)
        elif code == ERR_LOSS:
            raise Loss(self.source, applied + 1, max(self.store.trimmed, applied + 1))
        else:
            why = REFUSALS.get(code, "the daemon refuses this source")
            raise Refused(code, f"{self.source}: {why} (ERR {code})")

    def leave(self, until):
        self.state, self.message, self.deadline = DOWN, None, until

    def welcomed(self, session, window, marks, now):
        if marks[1] < self.store.trimmed:
            raise Loss(self.source, marks[1] + 1, self.store.trimmed)
        self.mark(marks)
        self.state, self.session, self.window = RUNNING, session, window
        self.next, self.message = self.applied + 1, None
        self.wait_for_ack(now)

    def acknowledged(self, marks, now):
        if marks[0] < self.safe or marks[2] < self.applied:
            return  # overtaken by another one
        is_news = marks[0] > self.safe or marks[2] > self.applied
        self.mark(marks)
        # One without news, as every checkpoint gives, must not put off HELLO for ever.
        if is_news:
            self.wait_for_ack(now)

    def mark(self, marks):
        self.check(*marks)
        if marks[0] > self.safe or marks[2] > self.applied:
            self.patience, self.has_progressed = PATIENCE_FIRST, True
        self.safe, self.durable, self.applied = marks
        self.store.trim(self.safe)

    def wait_for_ack(self, now):
        is_done = self.safe >= self.next - 1
        self.deadline = float("inf") if is_done else now + self.patience

    def check(self, safe, durable, applied):
        if not safe <= durable <= applied <= self.reach:
            raise FeedError(
                f"{self.source}: the daemon has points up to {applied} (durable "
                f"{durable}, safe {safe}), from here it had them up to {self.reach}: the spool is "
                "older than what was sent from it; mixctl forget-source, and a new spool")


# ---- The feed ---------------------------------------------------------------------


class Feed:
    """A source of points. `endpoint` is that of the stream's feed, `columns` the number
    of values in a row, time and weight included. `spool` names a file, made where there
    is none. `keep` limits what is kept, bytes: beyond it send() waits for the daemon.
    `prepare(socket)` may set options of the socket, CURVE keys for one."""

    def __init__(self, endpoint, source, columns, spool=None, keep=None, prepare=None):
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,31}", source):
            raise ValueError(f"source {source!r}: 1 to 31 of A-Z a-z 0-9 . _ -")
        if columns < 1:
            raise ValueError(f"columns {columns}: at least 1")
        self.columns = columns
        self._keep = keep or (1 << 26 if spool is None else 1 << 30)
        self._store = (_Memory(columns) if spool is None
                       else _Spool(os.fspath(spool), source, columns))
        self._sender = _Sender(source, columns, self._store,
                               self._keep // (8 * columns))
        self._change = threading.Condition()
        self._error, self._is_closing = None, False
        self._context = zmq.Context()
        try:
            self._open_sockets(endpoint, prepare)
        except BaseException:
            self._context.destroy(linger=0)
            self._store.close()
            raise
        self._thread = threading.Thread(target=self._run, name=f"mixfeed {source}",
                                        daemon=True)
        self._thread.start()

    def _open_sockets(self, endpoint, prepare):
        self._wake = self._context.socket(zmq.PAIR)
        self._wake.bind("inproc://wake")
        self._woken = self._context.socket(zmq.PAIR)
        self._woken.connect("inproc://wake")
        self._socket = self._context.socket(zmq.DEALER)
        for option, value in ((zmq.LINGER, FAREWELL_MS), (zmq.IMMEDIATE, 1), (zmq.PROBE_ROUTER, 1),
                              (zmq.SNDHWM, SEND_QUEUE), (zmq.HEARTBEAT_IVL, 500),
                              (zmq.HEARTBEAT_TIMEOUT, 2000), (zmq.RECONNECT_IVL, 20),
                              (zmq.RECONNECT_IVL_MAX, 1000)):
            self._socket.setsockopt(option, value)
        if prepare is not None:
            prepare(self._socket)
        self._socket.connect(endpoint)

    # What users call.

    def send(self, rows, timeout=None, note=None):
        """Takes one row or many, and returns the number of the last point so far. With a
        spool they are on the disk then, and with them `note`, a number of the caller's
        own, like the place in its input; the property `note` gives it back. Waits while
        `keep` bytes are not yet safe; Timeout after `timeout` seconds of that, and then
        none was taken."""
        payload = _payload(rows, self.columns)
        with self._change:
            self._wait(lambda: self._has_room(len(payload)), timeout, "to take points")
            if payload:
                if note is not None and not 0 <= note < 1 << 64:
                    raise ValueError(f"note {note}: 0 to 2^64 - 1")
                try:
                    self._store.append(payload, self.note if note is None else note)
                except sqlite3.Error as error:
                    raise FeedError(f"{self._store.path}: {error}") from error
                self._wake_up()
            return self._store.newest

    def flush(self, timeout=None, until="safe"):
        """Waits until all points are safe: no crash can lose them, and nothing is kept.
        until="applied" waits only until they are in the model."""
        if until not in ("safe", "durable", "applied"):
            raise ValueError(f"until {until!r}: safe, durable or applied")
        with self._change:
            newest = self._store.newest
            self._wait(lambda: getattr(self._sender, until) >= newest, timeout,
                       f"until {newest} points are {until}")

    def close(self):
        """Ends the feed as soon as the daemon knows. What is not safe stays in the spool, if there is one."""
        with self._change:
            if self._is_closing:
                return
            self._is_closing = True
            self._change.notify_all()
            self._wake_up()
        self._thread.join()
        self._wake.close()
        self._context.term()
        self._store.close()

    @property
    def newest(self):
        """The number of the last point that was sent; 0: none yet."""
        return self._store.newest

    @property
    def note(self):
        """The note of the last send() that had one, also of an earlier run; 0: none."""
        return self._store.note

    @property
    def safe(self):
        """The last point that no crash can lose; `applied` is the last in the model, and
        falls back when the daemon was killed, until it is sent again."""
        return self._sender.safe

    @property
    def applied(self):
        return self._sender.applied

    def __enter__(self):
        return self

    def __exit__(self, kind, *ignored):
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()

    # Within.

    def _has_room(self, n_bytes):
        held = (self._store.newest - self._store.trimmed) * self._store.row_bytes
        return held == 0 or held + n_bytes <= self._keep

    def _wait(self, condition, timeout, what):
        def is_over():
            return self._error is not None or self._is_closing or condition()
        is_in_time = self._change.wait_for(is_over, timeout)
        if self._error is not None:
            raise self._error
        if self._is_closing:
            raise FeedError("the feed is closed")
        if not is_in_time:
            sender = self._sender
            raise Timeout(f"{sender.source}: waited {timeout} s {what}: sent up to "
                          f"{sender.next - 1}, applied {sender.applied}, safe "
                          f"{sender.safe} of {self._store.newest} ({sender.state})")

    def _wake_up(self):
        try:
            self._wake.send(b"", zmq.DONTWAIT)
        except zmq.Again:
            pass  # it has enough reasons to wake up

    def _run(self):
        try:
            while not self._is_closing:
                with self._change:
                    is_blocked = self._work()
                    self._change.notify_all()
                self._sleep(is_blocked)
            if self._sender.state == RUNNING:
                self._say_bye()
        except zmq.Again:
            pass
        except Exception as error:  # whatever it is, it is the caller's to see
            with self._change:
                self._error = (error if isinstance(error, FeedError)
                               else FeedError(f"{self._sender.source}: {error}"))
                self._change.notify_all()
        finally:
            self._socket.close()
            self._woken.close()

    def _say_bye(self):
        """And waits for the answer: then all that was sent has left. libzmq 4.3.4 ends
        the program (session_base.cpp, clean_pipes) where a socket is closed while its
        connection breaks in the middle of a message of two parts."""
        self._socket.send(self._sender.header(BYE, session=self._sender.session),
                          zmq.DONTWAIT)
        until = time.monotonic() + 1e-3 * FAREWELL_MS
        is_over = False
        while not is_over and self._socket.poll(
                max(0, 1000 * (until - time.monotonic())) + 1):
            frame = self._socket.recv_multipart()[0]
            is_over = len(frame) == HEADER.size and frame[1] in (BYE, ERR)
            is_over = is_over or time.monotonic() > until

    def _work(self):
        """Reads and sends what there is. True: the socket takes no more now."""
        sender = self._sender
        for socket in (self._woken, self._socket):
            for _ in range(SEND_QUEUE):
                try:
                    frames = socket.recv_multipart(zmq.DONTWAIT)
                except zmq.Again:
                    break
                if socket is self._socket:
                    sender.receive(frames, time.monotonic())
        for _ in range(SEND_QUEUE):
            message = sender.due(time.monotonic())
            if message is None:
                return False
            try:
                self._socket.send_multipart(message[0], zmq.DONTWAIT)
            except zmq.Again:
                return True
            sender.sent(time.monotonic())
        return False

    def _sleep(self, is_blocked):
        """Until there is something to read, to send, or HELLO is due."""
        with self._change:
            if self._is_closing:
                return
            sender = self._sender
            patience = min(max(sender.deadline - time.monotonic(), 0), 3600)
            if not is_blocked and sender.due(time.monotonic()) is not None:
                patience = 0
        poller = zmq.Poller()
        poller.register(self._woken, zmq.POLLIN)
        poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if is_blocked else 0))
        poller.poll(None if is_blocked else 1000 * patience)
