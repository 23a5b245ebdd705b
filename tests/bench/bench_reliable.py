# SPDX-License-Identifier: MIT
"""What the reliable feed costs: processor time of sender and daemon together, three million
points of D = 8 in messages of 100, K = 8, against the same messages from PUSH to PULL.
Both in one daemon, in turn, so that the ratio of a pair is of the same minute."""

import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get("abs_srcdir", "."), "tests", "scenario"))
from harness import config, Daemon, model_section, program, stream  # noqa: E402

DIMENSIONS, PER_MESSAGE, MESSAGES, PAIRS = 8, 100, 30000, 5
TICK = 1 / os.sysconf("SC_CLK_TCK")


def seconds_of(pid):
    """Processor time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def run(mixd, name, kind, endpoint):
    """Nanoseconds a point: sender, daemon."""
    points = PER_MESSAGE * MESSAGES
    before = seconds_of(mixd.process.pid)
    since = mixd.ledger(name)["received"]
    sender = subprocess.Popen([program("tests/bench/bench_sender"), kind, endpoint,
                               str(DIMENSIONS), str(PER_MESSAGE), str(MESSAGES)])
    _, status, usage = os.wait4(sender.pid, 0)
    sender.returncode = os.waitstatus_to_exitcode(status)
    assert sender.returncode == 0
    mixd.drain(name, points, since=since)
    spent = seconds_of(mixd.process.pid) - before
    return [1e9 * value / points for value in (usage.ru_utime + usage.ru_stime, spent)]


def main():
    fields = [f"x{d}" for d in range(DIMENSIONS)]
    kinds = {"push": stream(fields, model=model_section(8)),
             "reliable": stream(fields, {"type": "reliable"}, model_section(8))}
    with Daemon(config(kinds)) as mixd:
        ends = {name: entry["feed"]["endpoints"][0]
                for name, entry in mixd.streams().items()}
        runs = {kind: [run(mixd, kind, kind, ends[kind])] for kind in kinds}
        for _ in range(PAIRS):  # the first of each warmed the learner up
            for kind in kinds:
                runs[kind].append(run(mixd, kind, kind, ends[kind]))
    print(f"bench_reliable\n  {PAIRS} pairs of {PER_MESSAGE * MESSAGES} points, "
          f"(D,K) = ({DIMENSIONS},8), {PER_MESSAGE} a message; ns of processor a point")
    print("  feed      sender  daemon  together")
    for kind in kinds:
        sender, daemon = (statistics.median(column) for column in zip(*runs[kind][1:]))
        print(f"  {kind:8}  {sender:6.1f}  {daemon:6.1f}  {sender + daemon:8.1f}")
    ratios = sorted(sum(one) / sum(other) for one, other in
                    zip(runs["reliable"][1:], runs["push"][1:]))
    print(f"  reliable costs {100 * (statistics.median(ratios) - 1):+.0f} % "
          f"({100 * (ratios[0] - 1):+.0f} to {100 * (ratios[-1] - 1):+.0f})")


if __name__ == "__main__":
    main()
