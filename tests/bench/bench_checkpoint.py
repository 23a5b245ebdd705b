# SPDX-License-Identifier: MIT
"""What a checkpoint costs: 100 streams of eight dimensions and eight components, all
changed since the last one. Prints the time the disk takes, the size of a generation, and
the longest time for which a request to a worker waited meanwhile, against none.

    abs_builddir=build abs_srcdir=. PYTHONPATH=tests/scenario python3 \\
        tests/bench/bench_checkpoint.py
"""

import os
import time

import numpy as np

import harness

STREAMS, DIMENSIONS, COMPONENTS, POINTS, ROUNDS = 100, 8, 8, 4000, 10


def longest_wait(mixd, requests):
    """Of some requests to a worker one after the other, in ms."""
    worst = 0
    for _ in range(requests):
        before = time.perf_counter()
        mixd.ask("rejects", stream="s0")
        worst = max(worst, time.perf_counter() - before)
    return 1000 * worst


def main():
    rng = np.random.default_rng(1)
    centres = rng.normal(0, 5, (COMPONENTS, DIMENSIONS))
    fields = [f"x{d}" for d in range(DIMENSIONS)]
    streams = {f"s{i}": {"fields": fields, "feed": {"bind": harness.ANY_PORT},
                         "model": {"components": COMPONENTS}, "publish": {"every": "1d"}}
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
                mixd.ask("drain", stream=name, sent=sent, timeout=60)
            if rows == POINTS:
                mixd.ask("checkpoint")
                continue
            quiet = longest_wait(mixd, 100)
            other = mixd.client()
            other.send({"command": "checkpoint"})
            during = longest_wait(mixd, 100)
            seconds = other.reply()["seconds"]
            print(f"checkpoint {1000 * seconds:6.1f} ms on the disk; longest request "
                  f"{during:5.1f} ms, without {quiet:5.1f} ms")
        size = os.path.getsize(os.path.join(mixd.state, "state.0"))
        print(f"one generation of {STREAMS} streams: {size / 1e6:.1f} MB")


main()
