# SPDX-License-Identifier: MIT
"""tools/mixfeed.py, the reliable feed's client for Python, against a receiver that
crashes, forgets and loses messages."""

import contextlib
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import unittest

import numpy as np

import harness
import reference
from fake_receiver import Receiver
from harness import DEADLINE, InFolder

sys.path.insert(0, os.path.join(harness.SOURCE, "tools"))
import mixfeed  # noqa: E402 the module under test

mixfeed.PATIENCE_FIRST = 0.1
TOOLS = os.path.join(harness.SOURCE, "tools")
# Sends 1..N one by one into a spool, and says how far it is.
PROGRAM = """
import sys, mixfeed
endpoint, spool, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with mixfeed.Feed(endpoint, "s", 1, spool=spool) as feed:
    while feed.newest < count:
        print(feed.send([feed.newest + 1.0]), flush=True)
"""


def numbers(first, last):
    return [(float(i),) for i in range(first, last + 1)]


class Module(InFolder):
    def receiver(self, **options):
        receiver = Receiver(seed=reference.SEED, **options)
        self.addCleanup(receiver.close)
        return receiver

    def feed(self, receiver, source="s", columns=1, **options):
        feed = mixfeed.Feed(receiver.endpoint, source, columns, **options)
        self.addCleanup(feed.close)
        return feed

    @property
    def spool(self):
        return os.path.join(self.folder, "spool")

    def test_the_manual_page_of_the_library_has_all_of_it(self):
        folder = os.path.join(harness.SOURCE, "lib", "feed")
        with open(os.path.join(folder, "mixfeed.h"), encoding="utf-8") as file:
            header = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        with open(os.path.join(folder, "mixfeed.3.scd"), encoding="utf-8") as file:
            page = file.read()
        functions = re.findall(r"MIXFEED_API[^;]*?(mixfeed_\w+)\(", header)
        errors = re.findall(r"X\((E\w+), ", header)
        options = re.search(r"struct mixfeed_options \{(.*?)\n\};", header, re.S)[1]
        members = re.findall(r"(\w+)(?:\)\(.*\))?;", options)
        self.assertGreater(min(map(len, (functions, errors, members))), 8)
        for word in [*(f"*{name}*(" for name in functions if "init" not in name),
                     *(f"_MIXFEED_{name}_" for name in errors),
                     *(f"_{name}_" for name in members)]:
            self.assertTrue(word in page, word)

    def test_crc_is_that_of_castagnoli(self):
        # RFC 3720, B.4, and an odd length.
        self.assertEqual(mixfeed.crc32c(bytes(32)), 0x8A9136AA)
        self.assertEqual(mixfeed.crc32c(bytes(range(32))), 0x46DD794E)
        self.assertEqual(mixfeed.crc32c(b"123456789"), 0xE3069283)

    def test_rows_of_every_kind_arrive_as_they_are(self):
        receiver = self.receiver()
        rows = [(1.0, -0.0), (2.5, 3e-310), (float("inf"), 1e300), (0.1, 7.0)]
        kinds = [rows, list(map(list, rows)), np.array(rows), np.asfortranarray(rows),
                 np.array(rows, ">f8"), rows[0], np.array(rows[0]), [], [rows[1]]]
        feed = self.feed(receiver, columns=2)
        for kind in kinds:
            feed.send(kind)
        feed.flush(DEADLINE)
        self.assertEqual(receiver.of("s"), 5 * rows + 2 * rows[:1] + rows[1:2])
        self.assertEqual((feed.newest, feed.safe, feed.applied), (23, 23, 23))
        for wrong in ([1.0], [[1.0, 2.0], [3.0]], np.zeros((2, 3)), np.zeros(3)):
            with self.assertRaises(ValueError):
                feed.send(wrong)

    def test_nothing_is_lost_or_doubled_by_crashes_and_lost_messages(self):
        for spool in (None, self.spool):
            with self.subTest(spool=spool):
                receiver = self.receiver(loss=0.003, window=1000)
                draw = random.Random(reference.SEED)
                with self.feed(receiver, spool=spool) as feed:
                    while feed.newest < 20000:
                        n = draw.randint(1, 200)
                        feed.send([[feed.newest + 1.0 + i] for i in range(n)], DEADLINE)
                        if draw.random() < 0.1:
                            receiver.crash()
                    feed.flush(DEADLINE)
                    self.assertEqual(receiver.of("s"), numbers(1, feed.newest))
                self.assertGreater(receiver.counts["restart"], 5)
                self.assertEqual(receiver.counts["bad"], 0)

    def test_a_killed_sender_goes_on_with_its_spool(self):
        receiver, count = self.receiver(), 400
        arguments = [sys.executable, "-c", PROGRAM, receiver.endpoint, self.spool,
                     str(count)]
        env = {**os.environ, "PYTHONPATH": TOOLS}
        said = 0
        for stop_at in (1, 57, 58, 199, 300, None):
            sender = subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE,
                                      text=True)
            for line in sender.stdout:
                self.assertGreaterEqual(int(line), said)
                said = int(line)
                if stop_at is not None and said >= stop_at:
                    sender.send_signal(signal.SIGKILL)
                    break
            sender.stdout.close()
            self.assertEqual(sender.wait(), 0 if stop_at is None else -signal.SIGKILL)
        self.assertEqual(receiver.of("s"), numbers(1, count))

    def example(self, receiver, n_rows):
        """The C library's program, which is to send the rows 1..n_rows."""
        program = subprocess.Popen(
            [harness.program("lib/feed/mixfeed_example"), receiver.endpoint, "s", "1",
             self.spool], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        for row in range(1, n_rows + 1):
            program.stdin.write(b"%d\n" % row)
        program.stdin.close()
        return program

    def test_a_spool_of_python_goes_on_in_c_and_back(self):
        """Points that are in it, what is safe, and the note."""
        receiver = self.receiver()
        receiver.holds_back = True
        feed = self.feed(receiver, spool=self.spool)
        feed.send(numbers(1, 100), note=100)
        feed.flush(DEADLINE, until="applied")
        feed.close()
        program = self.example(receiver, 200)
        while len(receiver.of("s")) < 200:
            self.assertIsNone(program.poll())
        program.kill()  # in the midst: its points are on the disk, but not safe
        program.wait()
        feed = self.feed(receiver, spool=self.spool)
        self.assertEqual((feed.newest, feed.note), (200, 200))
        feed.send(numbers(201, 300), note=(1 << 64) - 1)
        receiver.holds_back = False
        feed.flush(DEADLINE)
        feed.close()
        with mixfeed.Feed(receiver.endpoint, "s", 1, spool=self.spool) as feed:
            self.assertEqual((feed.safe, feed.note), (300, (1 << 64) - 1))
            feed.send(numbers(301, 301), note=301)
        self.assertEqual(self.example(receiver, 400).wait(DEADLINE), 0)
        self.assertEqual(receiver.of("s"), numbers(1, 400))

    def test_a_spool_that_lacks_points_is_refused(self):
        receiver = self.receiver()
        receiver.stop()
        feed = self.feed(receiver, spool=self.spool)
        for row in range(1, 4):
            feed.send([float(row)])
        feed.close()
        database = sqlite3.connect(self.spool)
        database.execute("DELETE FROM piece WHERE first = 2")
        database.commit()
        database.close()
        with self.assertRaisesRegex(mixfeed.FeedError, "damaged"):
            self.feed(receiver, spool=self.spool)

    def test_a_spool_is_filled_without_a_daemon(self):
        receiver = self.receiver()
        receiver.stop()
        feed = self.feed(receiver, spool=self.spool)
        self.assertEqual(feed.send(numbers(1, 1000)), 1000)
        with self.assertRaisesRegex(mixfeed.Timeout, "applied 0, safe 0 of 1000"):
            feed.flush(0.01)
        feed.close()
        with self.assertRaisesRegex(mixfeed.FeedError, "closed"):
            feed.send([1.0])
        receiver.start()
        feed = self.feed(receiver, spool=self.spool)
        feed.flush(DEADLINE)
        self.assertEqual(receiver.of("s"), numbers(1, 1000))

    def test_a_note_is_kept_with_the_points(self):
        receiver = self.receiver()
        with self.feed(receiver, spool=self.spool) as feed:
            self.assertEqual(feed.note, 0)
            feed.send(numbers(1, 10), note=4711)
            feed.send(numbers(11, 12))
        self.assertEqual(self.feed(receiver, spool=self.spool).note, 4711)

    def test_a_full_disk_takes_nothing_and_is_survived(self):
        receiver = self.receiver()
        feed = self.feed(receiver, spool=self.spool)
        feed.send(numbers(1, 10))
        self.limit(feed, 20)
        with self.assertRaisesRegex(mixfeed.FeedError, "full"):
            feed.send(numbers(11, 15000))
        self.assertEqual(feed.newest, 10)
        self.limit(feed, 1 << 20)
        feed.send(numbers(11, 15000))
        feed.flush(DEADLINE)
        self.assertEqual(receiver.of("s"), numbers(1, 15000))

    @staticmethod
    def limit(feed, n_pages):
        with feed._change:
            feed._store.db.execute(f"PRAGMA max_page_count={n_pages}")

    def test_memory_is_bounded_and_send_waits(self):
        receiver = self.receiver()
        receiver.holds_back = True
        feed = self.feed(receiver, keep=800)
        feed.send(numbers(1, 100))
        feed.flush(DEADLINE, until="applied")
        with self.assertRaises(mixfeed.Timeout):
            feed.send([101.0], timeout=0.01)
        self.assertEqual(feed.newest, 100)
        receiver.holds_back = False
        feed.send([101.0], timeout=DEADLINE)
        feed.flush(DEADLINE)
        self.assertEqual(receiver.of("s"), numbers(1, 101))

    def test_the_window_is_kept(self):
        receiver = self.receiver(window=10)
        feed = self.feed(receiver)
        feed.send(numbers(1, 1000))
        feed.flush(DEADLINE)
        self.assertEqual(receiver.of("s"), numbers(1, 1000))
        self.assertEqual(receiver.counts["bad"], 0)

    def test_what_was_safe_and_is_gone_is_named(self):
        receiver = self.receiver()
        feed = self.feed(receiver, spool=self.spool)
        feed.send(numbers(1, 500))
        feed.flush(DEADLINE)
        feed.close()
        for points in receiver.points.values():
            del points[200:]  # an old backup was put back
        receiver.durable = receiver.safe = {name: 200 for name in receiver.durable}
        feed = self.feed(receiver, spool=self.spool)
        with self.assertRaises(mixfeed.Loss) as caught:
            feed.flush(DEADLINE) if feed.send([501.0]) else None
        loss = caught.exception
        self.assertEqual((loss.first, loss.last, loss.lost), (201, 500, 300))
        self.assertRegex(str(loss), "300.*forget-source")

    def test_a_spool_older_than_what_was_sent_is_refused(self):
        receiver = self.receiver()
        with self.feed(receiver, spool=self.spool) as feed:
            feed.send([1.0])
        with open(self.spool, "rb") as file:
            old = file.read()
        with self.feed(receiver, spool=self.spool) as feed:
            feed.send([2.0])
        with open(self.spool, "wb") as file:
            file.write(old)
        feed = self.feed(receiver, spool=self.spool)
        with self.assertRaisesRegex(mixfeed.FeedError, "spool is older"):
            feed.flush(DEADLINE) if feed.send([3.0]) else None
        self.assertEqual(receiver.of("s"), numbers(1, 2))

    def test_refusals_are_exceptions_with_their_code(self):
        receiver = self.receiver()
        for code in (1, 2, 3, 4, 7, 8):
            with self.subTest(code=code):
                receiver.refuse = {"s": code}
                feed = self.feed(receiver)
                with self.assertRaises(mixfeed.Refused) as caught:
                    feed.flush(DEADLINE) if feed.send([1.0]) else None
                self.assertEqual(caught.exception.code, code)
                with self.assertRaises(mixfeed.Refused):
                    feed.send([2.0])

    def test_a_second_sender_without_the_spool_is_another_one(self):
        receiver = self.receiver()
        with self.feed(receiver) as feed:
            feed.send([1.0])
        with self.assertRaises(mixfeed.Refused) as caught:
            with self.feed(receiver) as feed:
                feed.send([1.0])
        self.assertEqual(caught.exception.code, 4)

    def test_files_that_are_no_spool_of_this_source_are_refused(self):
        receiver = self.receiver()
        with self.feed(receiver, spool=self.spool):
            with self.assertRaisesRegex(mixfeed.FeedError, "locked"):
                mixfeed.Feed(receiver.endpoint, "s", 1, spool=self.spool)
        with contextlib.closing(sqlite3.connect(os.path.join(self.folder, "db"))) as db:
            db.execute("CREATE TABLE theirs (a)")
        for wrong in (("t", 1, self.spool), ("s", 2, self.spool),
                      ("s", 1, os.path.join(self.folder, "db")),
                      ("s", 1, self.write("text", "no database, but long enough to be "
                                                  "taken for one" * 10)),
                      ("s", 1, os.path.join(self.folder, "none", "spool"))):
            with self.subTest(wrong), self.assertRaises(mixfeed.FeedError):
                source, columns, spool = wrong
                mixfeed.Feed(receiver.endpoint, source, columns, spool=spool)
        with contextlib.closing(sqlite3.connect(self.spool)) as db:
            db.execute("PRAGMA user_version = 2")
        with self.assertRaisesRegex(mixfeed.FeedError, "version 2"):
            mixfeed.Feed(receiver.endpoint, "s", 1, spool=self.spool)

    def test_damage_in_a_spool_is_found(self):
        receiver = self.receiver()
        receiver.stop()
        feed = self.feed(receiver, spool=self.spool)
        feed.send(numbers(1, 100))
        feed.close()
        with contextlib.closing(sqlite3.connect(self.spool)) as db:
            rows = bytearray(db.execute("SELECT rows FROM piece").fetchone()[0])
            rows[7] ^= 1
            db.execute("UPDATE piece SET rows = ?", (bytes(rows),))
            db.commit()
        receiver.start()
        feed = self.feed(receiver, spool=self.spool)
        with self.assertRaisesRegex(mixfeed.FeedError, "damaged"):
            feed.flush(DEADLINE)
        self.assertEqual(receiver.of("s"), [])

    def test_wrong_arguments(self):
        for source in ("", "a b", "x" * 32, "a/b", "ä"):
            with self.subTest(source), self.assertRaises(ValueError):
                mixfeed.Feed("tcp://127.0.0.1:1", source, 1)
        with self.assertRaises(ValueError):
            mixfeed.Feed("tcp://127.0.0.1:1", "s", 0)


if __name__ == "__main__":
    harness.main()
