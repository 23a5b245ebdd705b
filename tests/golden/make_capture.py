# SPDX-License-Identifier: MIT
"""Writes a durable state as this daemon keeps it, and what it held, for the tests to load
for ever:

    abs_builddir=BUILD abs_srcdir=SOURCE PYTHONPATH=SOURCE/tests/scenario:SOURCE/tools \\
        python3 tests/golden/make_capture.py FOLDER/capture-VERSION
"""

import json
import shutil
import sys

import mixfeed
import numpy as np

import harness
from harness import Daemon, config, model_section, stream

# Past the rows that a learner holds, so that some were replaced.
MANY = 9500


def settings():
    one = {"fields": ["x"], "model": model_section(1)}
    kinds = {"family": {"x": "gaussian", "n": "poisson", "b": "bernoulli"}}
    return config({
        "s": stream(model=model_section(2), learn={"warmup": 150}),
        "w": stream(model=model_section(1)),
        "gone": stream(model=model_section(1)),
        "k": stream(feed={"format": "json"}, model=model_section(1), key="id",
                    columns=["id", "x", "y"]),
        "many": stream(**one, learn={"warmup": 100}),
        "range": stream(fields=["x"], model={"components": "1..2"},
                        learn={"warmup": 100}),
        "noise": stream(model=model_section(2, noise="on"), learn={"warmup": 150}),
        "mixed": stream(fields=["x", "n", "b"], model=model_section(2, **kinds),
                        learn={"warmup": 150}),
        "r": stream(feed={"type": "reliable"}, model=model_section(1)),
    }, checkpoint={"every": "1d"})


def feed_all(mixd, rng):
    """Every stream gets its points; streams that are not keyed with their numbers."""
    two = rng.normal(0, 1, (300, 2)) + 5 * (rng.random((300, 1)) < 0.5)
    mixed = np.column_stack([two[:, 0], rng.poisson(2 + 5 * (two[:, 1] > 2)),
                             two[:, 1] > 2])
    rows = {"s": two, "w": two[:80], "gone": two[:70], "many": rng.normal(3, 1, (MANY, 1)),
            "range": two[:, :1], "noise": two, "mixed": mixed.astype(float)}
    for name, x in rows.items():
        harness.learned(mixd, name, np.ascontiguousarray(x))
    mixd.feed("s").send(b"no number")
    mixd.drain("s", len(two) + 1)
    lines = [json.dumps({"id": f"pump {i % 2}/a", "x": x, "y": y})
             for i, (x, y) in enumerate(two[:200].tolist())]
    mixd.feed("k").send("\n".join(lines).encode())
    mixd.drain("k", len(lines))
    endpoint = mixd.streams()["r"]["feed"]["endpoints"][0]
    with mixfeed.Feed(endpoint, "golden", 2) as feed:
        feed.send(two[:120])
        mixd.drain("r", 120)
        mixd.ask("checkpoint")
    mixd.ask("freeze", stream="w")


def contents(mixd):
    models = {name: mixd.model(name) for name in mixd.streams() if name not in ("k", "gone")}
    for i in range(2):
        models[f"k/pump {i}/a"] = mixd.model("k", key=f"pump {i}/a")
    for model in models.values():
        for name in ("instance", "time", "last_time"):
            model.pop(name, None)
    source = mixd.ask("sources", stream="r")["sources"]["golden"]
    return {"models": models,
            "ledgers": {name: mixd.ledger(name) for name in mixd.streams()
                        if name != "gone"},
            "sources": {"golden": {name: source[name] for name in ("applied", "received")}}}


def main():
    path = sys.argv[1]
    text = settings()
    with Daemon(text) as mixd:
        feed_all(mixd, np.random.default_rng(1))
        # The older of two files that agree, so that the safe mark is in it as well.
        mixd.ask("checkpoint")
        mixd.ask("checkpoint")
        held = contents(mixd)
        mixd.ask("backup", file=f"{mixd.folder}/saved")
        shutil.move(f"{mixd.folder}/saved", f"{path}.sqlite")
    with open(f"{path}.json", "w", encoding="utf-8") as file:
        json.dump({"config": json.loads(text), **held}, file, indent=1)
        file.write("\n")


main()
