# SPDX-License-Identifier: MIT
"""Score frames: what the model says of each point before it learns it."""

import json
import os
import unittest

import numpy as np

import harness
import reference
from harness import config, Daemon, InFolder, run, stream
from reference import parameters

OUTLIER = 0.001  # the share of recent points that score lower, as documented


class Scores:
    """The lines of the score frames of a stream, one after the other."""

    def __init__(self, mixd, name):
        self.socket = mixd.subscribe(f"score/{name}", f"model/{name}").socket
        self.process = mixd.process
        self.waiting, self.model, self.topics = [], None, set()
        while self.model is None:  # shown to a new subscriber: the subscriptions are there
            self.take()

    def take(self):
        """The next frame of either kind."""
        harness.wait_for(self.socket, "frame", self.process)
        topic, _, body = self.socket.recv().partition(b" ")
        if topic.startswith(b"model/"):
            self.model = harness.parse(body)
        else:
            self.topics.add(topic.decode())
            self.waiting += [harness.parse(line) for line in body.split(b"\n")]

    def lines(self, n):
        """The next n lines, which come in order."""
        while len(self.waiting) < n:
            self.take()
        taken, self.waiting = self.waiting[:n], self.waiting[n:]
        return taken

    def until_model(self, condition):
        """All lines that come before such a model frame."""
        while not condition(self.model):
            self.take()
        return self.lines(len(self.waiting))


def of(lines, member):
    return np.array([line[member] for line in lines])


def check(test, lines, points, model):
    """Each line is what the model says of its point."""
    test.assertEqual(of(lines, "point").tolist(), points.tolist())
    joint = reference.log_joint(model, points)
    density = reference.log_density(model, points)
    np.testing.assert_allclose(of(lines, "log_density"), density, atol=1e-8)
    shares = np.exp(joint - density[:, None])
    np.testing.assert_allclose(of(lines, "responsibilities"), shares, atol=1e-8)
    told = np.array(model["ids"])[of(lines, "responsibilities").argmax(axis=1)]
    test.assertEqual(of(lines, "component").tolist(), told.tolist())
    test.assertTrue(((of(lines, "tail") > 0) & (of(lines, "tail") < 1)).all())


def scored(way="all", every="50ms", **more):
    return stream(publish={"every": every, "scores": way}, **more)


class Started(InFolder):
    """With a model from the first point on."""

    def setUp(self):
        super().setUp()
        self.start = self.write("start.json", json.dumps(reference.MODEL))

    def test_a_point_is_scored_by_the_model_that_was_published(self):
        points = reference.mixture(3000)
        with Daemon(config({"s": scored(start=self.start)})) as mixd:
            mixd.ask("freeze", stream="s")
            scores = Scores(mixd, "s")
            mixd.feed("s").array(points, batch=700)
            lines = scores.lines(len(points))
            check(self, lines, points, mixd.model("s"))
            self.assertEqual(scores.topics, {"score/s"})
            mixd.drain("s", len(points))
            status = mixd.ask("status")["streams"]["s"]
            self.assertEqual(status["scores"], {"sent": len(points), "skipped": 0})
            self.assertEqual(status["ledger"]["rejected"], {"frozen": len(points)})

    def test_a_point_is_scored_before_it_is_learned(self):
        """By the model of the points before it: each block moves it a little."""
        n_block = 64
        points = reference.mixture(20 * n_block, salt=1)
        section = scored(every="1h", start=self.start, learn={"block": n_block})
        section["publish"]["updates"] = 1
        with Daemon(config({"s": section})) as mixd:
            scores = Scores(mixd, "s")
            feed, means = mixd.feed("s"), set()
            for first in range(0, len(points), n_block):
                before = scores.model
                block = points[first:first + n_block]
                feed.array(block)
                lines = scores.until_model(lambda f, n=first: f["points"] == n + n_block)
                check(self, lines, block, before)
                means.add(str(before["means"]))
            self.assertEqual(len(means), 20)

    def test_outliers_are_those_that_few_score_below(self):
        points = reference.mixture(20000, salt=2)
        far = [[100.0, -100.0], [1e9, 0.0], [101.0, -100.0]]
        with Daemon(config({"s": scored("outliers", start=self.start)})) as mixd:
            scores = Scores(mixd, "s")
            feed = mixd.feed("s")
            feed.array(points)
            feed.array(np.array([far[0], points[0], *far[1:], points[1]]))
            n = len(points) + 5
            mixd.drain("s", n)
            lines = scores.until_model(lambda f: f["ledger"]["received"] == n)
            self.assertEqual(of(lines, "point").tolist()[-3:], far)
            self.assertTrue((of(lines, "tail") < OUTLIER).all())
            # About one in a thousand of the others: never none, never many.
            self.assertTrue(3 + 2 <= len(lines) <= 3 + 80, len(lines))

    def test_the_time_is_that_of_the_event(self):
        rows = np.column_stack([1.7e9 + np.arange(100), reference.mixture(100, salt=3)])
        section = scored(columns=["t", "x", "y"], time="t", start=self.start)
        with Daemon(config({"s": section})) as mixd:
            scores = Scores(mixd, "s")
            mixd.feed("s").array(rows)
            lines = scores.lines(100)
            self.assertEqual(of(lines, "time").tolist(), rows[:, 0].tolist())
            self.assertEqual(of(lines, "point").tolist(), rows[:, 1:].tolist())

    def test_what_a_reliable_sender_sends_again_is_scored_once(self):
        points = reference.mixture(500, salt=7)
        path = self.write("points.npy", points)
        section = scored(start=self.start, feed={"type": "reliable"})
        with Daemon(config({"s": section})) as mixd:
            scores = Scores(mixd, "s")
            for _ in range(2):
                sent = run("mixfeed", "--reliable", "--source", "p", path,
                           env={**os.environ, "MIXD_CONTROL": mixd.control_endpoint})
                self.assertEqual(sent.returncode, 0, sent.stderr)
            mixd.drain("s", len(points))
            lines = scores.until_model(lambda f: f["ledger"]["received"] == len(points))
            self.assertEqual(of(lines, "point").tolist(), points.tolist())

    def test_each_key_has_a_topic(self):
        points = reference.mixture(30, salt=4)
        rows = np.column_stack([np.arange(30) % 3, points])
        section = scored(columns=["k", "x", "y"], key="k", start=self.start)
        with Daemon(config({"s": section})) as mixd:
            mixd.feed("s").array(rows)
            mixd.drain("s", 30)
            scores = Scores(mixd, "s")
            mixd.feed("s").array(rows)
            lines = scores.lines(30 + len(scores.waiting))[-30:]
            self.assertEqual(scores.topics, {"score/s/0", "score/s/1", "score/s/2"})
            self.assertEqual(sorted(of(lines, "point").tolist()), sorted(points.tolist()))

    def test_what_is_no_point_has_no_score(self):
        body = b'{"x": 1, "y": 2}\n{"x": 1}\nnonsense\n{"x": 1e200, "y": 0}\n[3, 4]'
        with Daemon(config({"s": scored(start=self.start)})) as mixd:
            scores = Scores(mixd, "s")
            mixd.feed("s").send(body)
            self.assertEqual(of(scores.lines(2), "point").tolist(), [[1, 2], [3, 4]])
            mixd.drain("s", 5)

    def test_a_missing_entry_is_null(self):
        with Daemon(config({"s": scored(start=self.start, missing="marginalize")})) as mixd:
            scores = Scores(mixd, "s")
            mixd.feed("s").send(b'{"x": 1, "y": null}')
            line = scores.lines(1)[0]
            self.assertEqual(line["point"], [1, None])
            self.assertTrue(np.isfinite(line["log_density"]))


class Learning(unittest.TestCase):
    def test_scores_begin_with_the_model_and_change_no_bit_of_it(self):
        points = reference.mixture(20000, salt=5)
        models = {}
        for way in ("off", "all", "outliers"):
            with Daemon(config({"s": scored(way)})) as mixd:
                scores = Scores(mixd, "s")
                mixd.feed("s").array(points, batch=1000)
                mixd.drain("s", len(points))
                models[way] = parameters(mixd.model("s"))
                if way == "all":
                    lines = scores.lines(len(points) - 64)
                    self.assertEqual(of(lines, "point").tolist(), points[64:].tolist())
        self.assertEqual(models["off"], models["all"])
        self.assertEqual(models["off"], models["outliers"])

    def test_they_can_be_asked_for_and_no_longer_be(self):
        points = reference.mixture(1024, salt=6)
        with Daemon(config({"s": scored("off")})) as mixd:
            mixd.feed("s").array(points)
            mixd.drain("s", len(points))
            scores = Scores(mixd, "s")
            for way in ("all", "off"):
                with open(mixd.file, "w", encoding="utf-8") as file:
                    file.write(config({"s": scored(way)}))
                self.assertEqual(len(mixd.ask("reload")["changes"]), 1)
                self.assertEqual("scores" in mixd.ask("status")["streams"]["s"],
                                 way == "all")
                since = mixd.ledger("s")["received"]
                mixd.feed("s").array(points)
                mixd.drain("s", len(points), since=since)
            lines = scores.until_model(lambda f: f["ledger"]["received"] == 3 * 1024)
            self.assertEqual(of(lines, "point").tolist(), points.tolist())


if __name__ == "__main__":
    harness.main()
