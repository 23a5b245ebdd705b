# SPDX-License-Identifier: MIT
"""What the world does to a daemon that runs: clocks that jump, a disk that is slow, no
descriptors left. It goes on, says so where it cannot, and the model is the same."""

import mmap
import os
import resource
import struct
import time
import unittest

import harness
from harness import InFolder, stream
from test_durable import Restarting, essence, points, settings, uninterrupted

SHIM = os.path.join(os.environ["abs_builddir"], "tests", "scenario", "shiftworld.so")
TEN_YEARS = 10 * 365.25 * 86400


class World:
    """What the daemon shares with shiftworld.c."""

    def __init__(self, folder):
        path = os.path.join(folder, "world")
        with open(path, "wb") as file:
            file.write(bytes(16))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 16)
        self.env = {"LD_PRELOAD": SHIM, "SHIFTWORLD": path}

    def set(self, ahead=0.0, sync=0.0):
        self.map[:] = struct.pack("=dd", ahead, sync)


@unittest.skipIf(harness.is_sanitized(), "a sanitizer must be preloaded first")
class Worlds(InFolder):

    def setUp(self):
        super().setUp()
        self.world = World(self.folder)

    def test_a_wall_clock_that_jumps_changes_only_what_is_printed(self):
        """Ten years ahead, ten back, 1970; with a kill in each, so that files of all these
        times lie side by side: generations decide which is the newest."""
        x = points(2000)
        now = time.time()
        jumps = (0, TEN_YEARS, -TEN_YEARS, 1000 - now, 1)
        with Restarting(settings(every="10ms"), env=self.world.env) as mixd:
            for number, ahead in enumerate(jumps):
                self.world.set(ahead=ahead)
                before = mixd.ask("checkpoint")["generation"]
                end = (number + 1) * len(x) // len(jumps)
                mixd.feed_to(x, end)
                frame = mixd.subscribe("model/s ").until(
                    lambda frame: frame["ledger"]["received"] == end)
                self.assertAlmostEqual(frame["time"], time.time() + ahead, delta=60)
                self.assertGreater(mixd.ask("checkpoint")["generation"], before)
                durability = mixd.ask("status")["durability"]
                self.assertIsNone(durability["problem"])
                self.assertAlmostEqual(durability["last"], time.time() + ahead, delta=60)
                mixd.crash()
                self.assertEqual(mixd.received(), end)
            got = essence(mixd.model("s"))
        wanted = uninterrupted(settings(), x)
        for name, value in wanted.items():
            self.assertEqual(got[name], value, name)

    def test_a_slow_disk_holds_up_no_feed(self):
        """Every synchronisation takes 50 ms: one checkpoint follows the other, each of some
        of these, and a point goes in and an answer comes out as ever."""
        x = points(400)
        with Restarting(settings(every="1ms"), env=self.world.env) as mixd:
            mixd.feed_to(x, 200)
            self.world.set(sync=0.05)
            before = mixd.ask("status")["durability"]["generation"]
            feed, waits = mixd.feed("s"), []
            until = time.monotonic() + 2
            while time.monotonic() < until:
                start = time.monotonic()
                feed.array(x[200 + len(waits) % 200:][:1])
                mixd.drain("s", 201 + len(waits))
                waits.append(time.monotonic() - start)
            self.world.set()
            generations = mixd.ask("status")["durability"]["generation"] - before
            waits.sort()
            print(f"{len(waits)} round trips during {generations} checkpoints: median "
                  f"{1e3 * waits[len(waits) // 2]:.2f} ms, longest {1e3 * waits[-1]:.1f}")
            self.assertGreaterEqual(generations, 2)
            self.assertLess(waits[len(waits) * 99 // 100], 0.05 * harness.PATIENCE)
            self.assertLess(waits[-1], 0.15 * harness.PATIENCE)

    @staticmethod
    def lowest_free(mixd):
        """The limit with which nothing more can be opened. Fewer than poll() is given, and
        libzmq ends the program."""
        used = {int(name) for name in os.listdir(f"/proc/{mixd.process.pid}/fd")}
        return min(set(range(len(used) + 1)) - used)

    def test_no_descriptors_during_a_checkpoint(self):
        """None is free for journals: no checkpoint, but feeds, models and answers."""
        x = points(600)
        with Restarting(settings(streams={"s": stream()})) as mixd:
            mixd.feed_to(x, 200)
            mixd.ask("checkpoint")
            feed = mixd.feed("s")
            feed.array(x[200:201])
            mixd.drain("s", 201)
            limits = resource.prlimit(mixd.process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(mixd.process.pid, resource.RLIMIT_NOFILE,
                             (self.lowest_free(mixd), limits[1]))
            feed.array(x[201:400])
            mixd.drain("s", 400)
            for _ in range(3):
                self.assertEqual(mixd.refusal("checkpoint"), "refused")
            self.assertTrue(mixd.ask("status")["durability"]["problem"])
            self.assertEqual(mixd.model("s")["points"] // 64, 400 // 64)
            resource.prlimit(mixd.process.pid, resource.RLIMIT_NOFILE, limits)
            mixd.ask("checkpoint")
            self.assertEqual(mixd.errors().count("checkpoint:"), 1, mixd.errors())
            mixd.crash()
            self.assertEqual(mixd.received(), 400)
            mixd.feed_to(x, 600)
            got, wanted = essence(mixd.model("s")), uninterrupted(settings(), x)
            for name, value in wanted.items():
                self.assertEqual(got[name], value, name)


if __name__ == "__main__":
    harness.main()
