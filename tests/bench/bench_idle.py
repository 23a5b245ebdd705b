# SPDX-License-Identifier: MIT
"""What the daemon costs while nothing comes: the share of a core that it takes with 100
streams, before their first point and once they have models; and the time from its start
until somebody can connect to its first socket, with one stream and with 100."""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("abs_srcdir", "."), "tests", "scenario"))
import numpy as np  # noqa: E402
from harness import DEADLINE, Daemon, config, program, stream  # noqa: E402

STREAMS, POINTS, IDLE_S, STARTS = 100, 4000, 10, 9
NANOSECONDS = 1e-9


def seconds_of(pid):
    """Processor time of all threads of a process so far; the ticks of its stat file are
    too coarse for a share below a percent."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total * NANOSECONDS


def idle_percent(mixd):
    pid = mixd.process.pid
    begin, before = time.monotonic(), seconds_of(pid)
    time.sleep(IDLE_S)
    return 100 * (seconds_of(pid) - before) / (time.monotonic() - begin)


def bench_idle():
    names = [f"s{i}" for i in range(STREAMS)]
    # As documented, but for the endpoints: what is published when is left as it comes.
    streams = {name: {key: value for key, value in stream().items() if key != "publish"}
               for name in names}
    rng = np.random.default_rng(1)
    with Daemon(config(streams)) as mixd:
        fresh = idle_percent(mixd)
        for name in names:
            with mixd.feed(name) as feed:
                feed.array(rng.normal(0, 1, (POINTS, 2)))
                mixd.drain(name, POINTS)
        settling = idle_percent(mixd)
        warm = idle_percent(mixd)
    print(f"  idle, {STREAMS} streams, % of a core over {IDLE_S} s: {fresh:.2f} before the "
          f"first point, {settling:.2f} after {POINTS} points each, then {warm:.2f}")


def can_connect(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        return client.connect_ex(path) == 0


def start_ms(n_streams):
    """From fork until the first socket of the daemon, which is one of these, answers."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"s{i}.sock") for i in range(n_streams)]
        paths.append(os.path.join(folder, "state", "control.sock"))
        text = config({f"s{i}": stream(feed={"bind": "ipc://" + path})
                       for i, path in enumerate(paths[:-1])})
        with open(os.path.join(folder, "mixd.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        begin = time.perf_counter()
        process = subprocess.Popen(
            [program("mixd"), "--state", os.path.join(folder, "state"),
             "-c", os.path.join(folder, "mixd.yaml")], stderr=subprocess.DEVNULL)
        try:
            while not can_connect(paths[0]) and not can_connect(paths[-1]):
                assert process.poll() is None, "mixd ended"
                assert time.perf_counter() - begin < DEADLINE, "no socket"
            return 1e3 * (time.perf_counter() - begin)
        finally:
            process.terminate()
            process.wait()


def main():
    print("bench_idle")
    bench_idle()
    for n_streams in (1, STREAMS):
        times = sorted(start_ms(n_streams) for _ in range(STARTS))
        print(f"  start to the first listening socket, {n_streams} streams: "
              f"{statistics.median(times):.1f} ms ({times[0]:.1f} to {times[-1]:.1f})")


if __name__ == "__main__":
    main()
