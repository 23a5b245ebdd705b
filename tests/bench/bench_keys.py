# SPDX-License-Identifier: MIT
"""What many models cost the daemon: processor time a point of 10,000 keys in turn, beside
one key, of the same messages, in turns; and the memory of a key afterwards, with empty
blocks, once the daemon gave back what it needed in between. Every model is (3,3) and
starts warm, from a model that was learned before."""

import json
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("abs_srcdir", "."), "tests", "scenario"))
import numpy as np  # noqa: E402
import zmq  # noqa: E402
from harness import Daemon, config, model_section, stream  # noqa: E402

KEYS, BLOCK, PER_MESSAGE, TURNS, FIELDS = 10000, 256, 1000, 3, ["x", "y", "z"]
NANOSECONDS = 1e-9
SETTLE_S = 15  # the daemon looks for memory to give back every ten seconds


def seconds_of(pid):
    """Processor time of all threads of a process so far."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total * NANOSECONDS


def draw(rng, n):
    return rng.standard_normal((n, 3)) + 4 * rng.integers(0, 3, (n, 1))


def messages_of(rng, n_keys):
    """So many points that each of KEYS keys has a block."""
    n = KEYS * BLOCK
    rows = np.column_stack([np.arange(n) % n_keys, draw(rng, n)])
    header = json.dumps({"dtype": rows.dtype.str, "shape": (PER_MESSAGE, 4)}).encode()
    return [(header, rows[i:i + PER_MESSAGE].tobytes())
            for i in range(0, n, PER_MESSAGE)]


def feed(mixd, name, messages):
    """Nanoseconds of processor and of time a point."""
    n = len(messages) * PER_MESSAGE
    since = mixd.ledger(name)["received"]
    with mixd.feed(name) as sender:
        sender.socket.setsockopt(zmq.SNDTIMEO, -1)
        begin, before = time.perf_counter(), seconds_of(mixd.process.pid)
        for message in messages:
            sender.send(*message)
        mixd.drain(name, n, since=since)
        return [1e9 * (seconds_of(mixd.process.pid) - before) / n,
                1e9 * (time.perf_counter() - begin) / n]


def learn_model(rng, path):
    """Writes the model that all start from."""
    with Daemon(config({"s": stream(FIELDS, model=model_section(3))})) as mixd:
        with mixd.feed("s") as sender:
            mixd.drain("s", sender.array(draw(rng, 5000)))
        with open(path, "w", encoding="utf-8") as file:
            json.dump(mixd.model("s"), file)


def main():
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "start.json")
        learn_model(rng, path)
        keyed = stream(FIELDS, model=model_section(3), columns=["k", *FIELDS], key="k",
                       max_keys=KEYS, start=path)
        del keyed["publish"]  # as documented
        counts = {"one": 1, "many": KEYS}
        messages = {name: messages_of(rng, n) for name, n in counts.items()}
        with Daemon(config({name: keyed for name in counts})) as mixd:
            before = mixd.memory()
            for name in counts:
                feed(mixd, name, messages[name])
            best = {name: [np.inf, np.inf] for name in counts}
            for _ in range(TURNS):
                for name in counts:
                    best[name] = np.minimum(best[name],
                                            feed(mixd, name, messages[name]))
            time.sleep(SETTLE_S)
            bytes_a_key = (mixd.memory() - before) / KEYS
    print(f"bench_keys\n  (3,3), {PER_MESSAGE} points a message; best of {TURNS} turns, ns "
          "a point: processor, time")
    for name, n in counts.items():
        print(f"  {n:6} keys  {best[name][0]:6.1f}  {best[name][1]:6.1f}")
    print(f"  {100 * best['one'][0] / best['many'][0]:.0f} % of the rate; "
          f"{bytes_a_key:.0f} bytes a key")


if __name__ == "__main__":
    main()
