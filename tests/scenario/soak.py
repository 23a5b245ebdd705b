# SPDX-License-Identifier: MIT
"""A long life in short: a billion points ($MIXD_SOAK_POINTS), one in a hundred bad, with
senders and subscribers that come and go, reloads, checkpoints and questions. Prints memory,
descriptors and threads early and late; they must not grow, and the ledger is exact."""

import os
import signal
import sys
import time
import unittest

import numpy as np

import harness
import reference
from harness import config, Daemon, model_section, stream

POINTS = int(float(os.environ.get("MIXD_SOAK_POINTS", "1e9")))
MESSAGE = 4096
ROUND = 256 * MESSAGE  # about a million
MIB = 1 << 20


def bad_hundredth(seed):
    """Points of which one in a hundred, spread over all, has a value that is not finite."""
    points = reference.mixture(ROUND, salt=seed)
    points[::100, 0] = np.inf
    return points


class Life:
    def __init__(self, mixd):
        self.mixd = mixd
        self.seen = []  # (resident bytes, descriptors, threads) after each round

    def look(self):
        folder = f"/proc/{self.mixd.process.pid}"
        self.seen.append((self.mixd.memory(), len(os.listdir(folder + "/fd")),
                          len(os.listdir(folder + "/task"))))

    def round(self, number, points):
        before = self.mixd.ledger("a")["received"]
        with harness.Feed(self.mixd.streams()["a"]["feed"]["endpoints"][0]) as feed:
            feed.array(points, batch=MESSAGE)
            feed.send(b"neither a header nor a body")
            self.mixd.drain("a", len(points) + 1, since=before)
        with self.mixd.subscribe("model/a "):
            self.mixd.model("a")
        self.mixd.ask("rejects", stream="a")
        if number % 5 == 0:
            self.mixd.ask("reload")
            self.mixd.process.send_signal(signal.SIGHUP)
        if number % 10 == 0:
            self.mixd.ask("checkpoint")
        self.mixd.clients = [client for client in self.mixd.clients
                             if client is self.mixd.controller or not client.socket.closed]
        self.look()

    def parts(self):
        """The median of each figure over the second and the last tenth."""
        tenth = len(self.seen) // 10
        return (np.median(self.seen[tenth:2 * tenth], axis=0),
                np.median(self.seen[-tenth:], axis=0))


class Soak(unittest.TestCase):
    def test_nothing_grows_and_nothing_is_lost(self):
        n_rounds = max(100, POINTS // ROUND)
        points = bad_hundredth(200)
        bad = int(np.isinf(points).any(axis=1).sum())
        text = config({"a": stream(model=model_section(4)), "idle": stream()},
                      log={"level": "error"})
        started = time.monotonic()
        with Daemon(text) as mixd:
            life = Life(mixd)
            for number in range(n_rounds):
                life.round(number, points)
            ledger = reference.check_ledger(mixd.ledger("a"))
        early, late = life.parts()
        print(f"{n_rounds * ROUND:.3g} points in {time.monotonic() - started:.0f} s, "
              f"{bad / len(points):.2%} of them bad")
        for name, unit, scale, a, b in zip(
                ("resident memory", "descriptors", "threads"), ("MiB", "", ""),
                (MIB, 1, 1), early, late):
            print(f"{name:16s} {a / scale:8.2f} -> {b / scale:8.2f} {unit}")
        print(ledger)
        self.assertEqual(ledger["received"], n_rounds * (len(points) + 1))
        self.assertEqual(ledger["rejected"]["value"], n_rounds * bad)
        self.assertEqual(reference.rejected(ledger), n_rounds * (bad + 1))
        self.assertEqual(ledger["lost"] + ledger["duplicate"], 0)
        self.assertLess(late[0] - early[0], 1 * MIB)
        self.assertEqual(tuple(late[1:]), tuple(early[1:]))


if __name__ == "__main__":
    sys.exit(harness.main())
