# SPDX-License-Identifier: MIT
"""From the first point to the end of the warm-up, one block at a time."""

import unittest

import numpy as np

import harness
import reference
from harness import config, Daemon, stream

FIRST_MODEL = 64  # max(64, 2(D+1)) points at D = 2
WARMUP_BLOCK = 64
BLOCK = 256
WARMUP = 1024


class GrowingStart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = config({"s": stream(learn={"warmup": WARMUP})})
        cls.mixd = cls.enterClassContext(Daemon(text))
        cls.points = reference.mixture(4096, salt=2)
        cls.feed = cls.mixd.feed("s")
        cls.frames = cls.mixd.subscribe("model/s ")
        cls.sent = 0

    def expect(self, total, state, learned):
        """Sends up to the total'th point; the frame that has learned so many of them."""
        cls = type(self)
        self.feed.array(self.points[cls.sent:total], batch=50)
        cls.sent = total
        ledger = self.mixd.drain("s", total)
        self.assertEqual(ledger["learned"], learned, f"after {total} points")
        # Until a refit has ended, frames may show its points with the old model.
        frame = self.frames.until(lambda f: f["ledger"]["received"] == total
                                  and f["points"] == learned and f["state"] == state)
        self.assertEqual(frame["ledger"]["learned"], learned, f"after {total} points")
        self.assertEqual(frame["ledger"]["queued"], total - learned)
        self.assertEqual(frame["weights"] is None, learned == 0)
        status = self.mixd.ask("status")["streams"]["s"]
        self.assertEqual(status["state"], state)
        return frame

    def test_the_stream_grows_as_documented(self):
        before = self.frames.frame()
        self.assertEqual((before["ledger"]["received"], before["state"]), (0, "warmup"))
        self.assertIsNone(before["weights"])
        for command, arguments in (("score", {"point": [0, 0]}), ("sample", {"n": 1})):
            self.assertEqual(self.mixd.refusal(command, stream="s", **arguments),
                             "not-ready")
        self.expect(1, "warmup", 0)
        self.expect(FIRST_MODEL - 1, "warmup", 0)
        first = self.expect(FIRST_MODEL, "warmup", FIRST_MODEL)
        self.assertEqual(self.mixd.ask("score", stream="s", point=[0, 0])["ok"], True)
        # Between refits the model learns: each block of 64 changes it.
        self.expect(FIRST_MODEL + WARMUP_BLOCK - 1, "warmup", FIRST_MODEL)
        doubled = self.expect(2 * FIRST_MODEL, "warmup", 2 * FIRST_MODEL)
        self.assertNotEqual(first["means"], doubled["means"])
        third = self.expect(3 * WARMUP_BLOCK, "warmup", 3 * WARMUP_BLOCK)
        self.assertNotEqual(third["means"], doubled["means"])
        self.expect(WARMUP - 1, "warmup", WARMUP - WARMUP_BLOCK)
        final = self.expect(WARMUP, "learning", WARMUP)
        apart = reference.distance_to_nearest(final["means"], reference.MEANS)
        # The rarest component has 200 points: a standard error of .07 in each field.
        self.assertLess(apart.max(), 0.4)
        # From here on blocks of 256.
        self.expect(WARMUP + BLOCK - 1, "learning", WARMUP)
        self.expect(WARMUP + BLOCK, "learning", WARMUP + BLOCK)
        self.expect(4000, "learning", WARMUP + BLOCK * ((4000 - WARMUP) // BLOCK))


class FieldsThatDoNotVary(unittest.TestCase):
    def test_they_are_left_out_until_they_do(self):
        points = reference.mixture(6144, salt=5)
        still = points.copy()
        still[:4096, 1] = 7.5
        with Daemon(config({"s": stream(learn={"warmup": WARMUP})})) as mixd:
            feed, frames = mixd.feed("s"), mixd.subscribe("model/s ")
            events = mixd.subscribe("event/s ")
            feed.array(still[:4096])
            frame = frames.until(lambda f: f["points"] == 4096)
            self.assertEqual(frame["dormant"], {"y": 7.5})
            self.assertEqual({mean[1] for mean in frame["means"]}, {7.5})
            self.assertGreater(frame["log_likelihood"], -10)
            self.assertLess(frame["log_likelihood"], 0)
            status = mixd.ask("status")["streams"]["s"]
            self.assertEqual(status["dormant"], ["y"])
            feed.array(still[4096:])
            woke = events.until(lambda e: e["event"] == "woke")
            self.assertEqual((woke["field"], woke["value"]), ("y", 7.5))
            frame = frames.until(lambda f: f["points"] == 6144)
            self.assertEqual(frame["dormant"], {})
            self.assertEqual(mixd.ask("status")["streams"]["s"]["dormant"], [])

    def test_without_one_that_varies_there_is_no_model(self):
        with Daemon(config({"s": stream()})) as mixd:
            feed, frames = mixd.feed("s"), mixd.subscribe("model/s ")
            feed.array(np.ones((10000, 2)))
            frame = frames.until(lambda f: f["ledger"]["received"] == 10000)
            self.assertEqual(frame["dormant"], {"x": 1, "y": 1})
            self.assertIsNone(frame["means"])
            self.assertEqual(frame["ledger"]["queued"], 10000)
            reply = mixd.client().request("model", stream="s")
            self.assertIn("no field has varied", reply["error"])


class FirstModelInHighDimension(unittest.TestCase):
    def test_the_first_model_waits_for_two_points_a_parameter_of_the_mean(self):
        dims = 40
        fields = [f"f{d}" for d in range(dims)]
        model = {"components": 1, "covariance": "diag"}
        text = config({"s": stream(fields, model=model)})
        points = reference.rng(3).standard_normal((2 * (dims + 1), dims))
        with Daemon(text) as mixd:
            feed, frames = mixd.feed("s"), mixd.subscribe("model/s ")
            feed.array(points[:-1])
            frame = frames.until(lambda f: f["ledger"]["received"] == len(points) - 1)
            self.assertIsNone(frame["means"])
            feed.array(points[-1:])
            frame = frames.until(lambda f: f["points"] == len(points))
            self.assertEqual(frame["ledger"]["queued"], 0)


if __name__ == "__main__":
    harness.main()
