# SPDX-License-Identifier: MIT
"""Kills the daemon, and senders with it, many times, while three reliable sources
send into three streams: afterwards every point of each is in its model once.

    kills.py                       a thousand times, as in `make check-long`
    MIXD_TEST_KILLS=200 kills.py   another number; test_reliable.py has fewer

Each stream has a source of its own, so that the order of its points, and with it every
bit of its model, does not depend on who was faster."""

import os
import random
import sys
import time

import harness
import reference
from harness import config, stream
from sender import NAK, Sender
from test_durable import Restarting, essence, points

POINTS = 300  # of a source between two kills
NAMES = ("a", "b", "c")


def connect(mixd, senders):
    for name, sender in senders.items():
        endpoint = mixd.streams()[name]["feed"]["endpoints"][0]
        sender.move(endpoint).begin()


def send_until(senders, end, choice):
    """A little of each, from somewhere before what was sent last, with gaps and noise."""
    behind = list(senders.values())
    while behind:
        sender = choice.choice(behind)
        sender.push(choice.randrange(1, 50), choice.choice((0, 0, 7, 60)))
        if choice.random() < 0.05:
            sender.next += 9
        if choice.random() < 0.05:
            sender.data(1, sender.rows[:3], session=sender.session ^ 1)
        problem = sender.listen()
        while problem is not None and problem.type != NAK:
            assert problem.code == 6, problem  # of the noise
            problem = sender.listen()
        behind = [sender for sender in behind if sender.next <= end]


def stop_some(senders, choice):
    """A sender that is killed knows what its store knows: what was safe at some time."""
    for sender in senders.values():
        if choice.random() < 0.2:
            sender.safe = choice.randrange(sender.oldest, sender.safe + 1)
        sender.oldest = sender.safe


def finish(senders):
    for sender in senders.values():
        while sender.safe < len(sender.rows):
            sender.push(200)
            problem = sender.listen(0.05)
            assert problem is None or problem.type == NAK or problem.code == 6, problem


def check(mixd, rows):
    lost = doubled = 0
    for name in NAMES:
        ledger = mixd.ledger(name)
        kept = ledger["learned"] + ledger["queued"]
        lost += max(0, len(rows[name]) - kept) + ledger["lost"]
        doubled += max(0, kept - len(rows[name]))
        got = essence(mixd.model(name))
        with harness.Daemon(config({name: stream()})) as plain:
            harness.learned(plain, name, rows[name])
            wanted = essence(plain.model(name))
        got.pop("ledger")
        wanted.pop("ledger")
        assert got == wanted, f"the model of {name} is another one"
    return lost, doubled


def run(n_kills):
    """How many points were lost, and how many counted twice, which must be none."""
    choice = random.Random(reference.SEED)
    rows = {name: points(POINTS * n_kills, seed=reference.SEED + i)
            for i, name in enumerate(NAMES)}
    text = config({name: stream(feed={"type": "reliable"}) for name in NAMES},
                  checkpoint={"every": "5ms"})
    begin = time.monotonic()
    with Restarting(text) as mixd:
        senders = {name: Sender(mixd.streams()[name]["feed"]["endpoints"][0], rows[name],
                                name) for name in NAMES}
        for sender in senders.values():
            sender.oldest = 0
        for kill in range(n_kills):
            connect(mixd, senders)
            send_until(senders, POINTS * (kill + 1), choice)
            if choice.random() < 0.5:
                mixd.ask("version")
            mixd.crash()
            stop_some(senders, choice)
        connect(mixd, senders)
        finish(senders)
        lost, doubled = check(mixd, rows)
    print(f"{n_kills} kills, {len(NAMES)} sources, "
          f"{sum(map(len, rows.values()))} points: "
          f"{lost} lost, {doubled} doubled, models bit for bit, "
          f"{time.monotonic() - begin:.0f} s, MIXD_TEST_SEED={reference.SEED}")
    return lost, doubled


if __name__ == "__main__":
    sys.exit(run(int(os.environ.get("MIXD_TEST_KILLS", "1000"))) != (0, 0))
