# SPDX-License-Identifier: MIT
"""What a checkpoint costs: 100 streams of eight dimensions and eight components, all
changed since the last one. Prints the time the disk takes, the size of a generation, and
the longest stall of a feed meanwhile, from a point sent until it is accounted, against
the longest without a checkpoint.

    abs_builddir=$PWD/build abs_srcdir=$PWD PYTHONPATH=tests/scenario python3 \\
        tests/bench/bench_checkpoint.py [POINTS]

POINTS a stream before the first measurement (4000); from 8192 on the rows are a sample,
of which each new point replaces one with probability 8192 / n.
"""

import os
import sys
import time

import numpy as np

import harness

STREAMS, DIMENSIONS, COMPONENTS, ROUNDS = 100, 8, 8, 10
POINTS = int(sys.argv[1]) if len(sys.argv) > 1 else 4000


def longest_stall(mixd, feed, points):
    """Of some points sent one after the other, in ms."""
    worst = 0
    received = mixd.ledger("s0")["received"]
    for i in range(points):
        before = time.perf_counter()
        feed.array(np.zeros((1, DIMENSIONS)))
        mixd.drain("s0", received + i + 1)
        worst = max(worst, time.perf_counter() - before)
    return 1000 * worst


def main():
    rng = np.random.default_rng(1)
    centres = rng.normal(0, 5, (COMPONENTS, DIMENSIONS))
    fields = [f"x{d}" for d in range(DIMENSIONS)]
    streams = {f"s{i}": {"fields": fields, "feed": {"bind": harness.ANY_PORT},
                         "model": {"components": COMPONENTS}, "publish": {"every": "1d"},
                         "learn": {"warmup": 1024}}
               for i in range(STREAMS)}
    text = harness.config(streams, checkpoint={"every": "1d"}, workers=1)
    with harness.Daemon(text) as mixd:
        feeds = {name: mixd.feed(name) for name in streams}
        sent = 0
        for rows in [POINTS] + ROUNDS * [300]:
            x = centres[rng.integers(0, COMPONENTS, rows)]
            x = x + rng.normal(0, 1, x.shape)
            for feed in feeds.values():
                feed.array(x)
            sent += rows
            for name in streams:
                mixd.ask("drain", stream=name, sent=sent, timeout=harness.DEADLINE)
            if rows == POINTS:
                mixd.ask("checkpoint")
                continue
            quiet = longest_stall(mixd, feeds["s0"], 100)
            other = mixd.client()
            other.send({"command": "checkpoint"})
            during = longest_stall(mixd, feeds["s0"], 100)
            seconds = other.reply()["seconds"]
            print(f"checkpoint {1000 * seconds:6.1f} ms on the disk; longest stall "
                  f"{during:5.1f} ms, without {quiet:5.1f} ms")
        size = os.path.getsize(os.path.join(mixd.state, "state.0"))
        print(f"one generation of {STREAMS} streams: {size / 1e6:.1f} MB")


main()
