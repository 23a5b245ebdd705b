# SPDX-License-Identifier: MIT
"""A stranger with NumPy and pyzmq, and the minimal configuration of the manual."""

import json
import unittest

import numpy as np
import zmq

import harness
import reference
from harness import Daemon

# The minimal file of the manual, but that the system chooses the ports.
MINIMAL = """
publish: {bind: "tcp://127.0.0.1:*"}
streams:
  boiler:
    fields: [temperature, pressure]
    feed: {bind: "tcp://127.0.0.1:*"}
    model: {components: 3}
"""
N_POINTS = 20000


def send_as_numpy_users_do(endpoint, points, batch=250):
    """The sender of the manual: everything a user has to write."""
    with zmq.Context.instance().socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        for part in np.split(points, len(points) // batch):
            socket.send_json({"dtype": str(part.dtype), "shape": part.shape}, zmq.SNDMORE)
            socket.send(part)


def endpoints(mixd):
    feed = mixd.streams()["boiler"]["feed"]["endpoints"][0]
    return feed, mixd.ask("status")["endpoints"]["publish"][0]


class FirstContact(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mixd = cls.enterClassContext(Daemon(MINIMAL))
        cls.feed, cls.publish = endpoints(cls.mixd)
        cls.points = reference.mixture(N_POINTS)
        cls.early = cls.mixd.subscribe("model/boiler ")
        cls.conflated = cls.mixd.subscribe("model/boiler ", conflate=True)
        cls.first = cls.early.frame()  # the subscription has arrived
        send_as_numpy_users_do(cls.feed, cls.points)
        cls.frames = [cls.first]
        while cls.frames[-1]["ledger"]["received"] < N_POINTS:
            cls.frames.append(cls.early.frame())
        cls.last = cls.frames[-1]

    def test_a_plain_subscriber_reads_the_model(self):
        with zmq.Context.instance().socket(zmq.SUB) as socket:
            socket.connect(self.publish)
            socket.subscribe("model/boiler ")
            self.assertTrue(socket.poll(1000 * harness.DEADLINE))
            topic, body = socket.recv().split(b" ", 1)
        frame = json.loads(body)
        self.assertEqual(topic, b"model/boiler")
        self.assertEqual(np.array(frame["means"]).shape, (3, 2))
        self.assertEqual(np.array(frame["covariances"]).shape, (3, 2, 2))
        self.assertEqual(np.array(frame["weights"]).shape, (3,))

    def test_the_frame_has_the_documented_members(self):
        expected = {"schema": 1, "stream": "boiler", "key": None, "family": "gaussian",
                    "covariance_type": "full", "fields": ["temperature", "pressure"],
                    "n_components": 3}
        self.assertEqual({name: self.last[name] for name in expected}, expected)
        for name in ("instance", "seq", "time", "last_time", "ids", "points", "updates",
                     "effective_points", "resolution", "floored", "dormant", "errors",
                     "log_likelihood", "ledger"):
            self.assertIn(name, self.last)
        self.assertEqual(set(self.last["ledger"]), {"received", "learned", "rejected",
                                                    "duplicate", "queued", "lost"})
        self.assertEqual(len(set(self.last["ids"])), 3)
        self.assertEqual(len(self.last["resolution"]), 2)
        self.assertLessEqual(self.last["last_time"], self.last["time"])

    def test_every_point_is_accounted_for(self):
        ledger = self.last["ledger"]
        self.assertEqual(ledger["received"], N_POINTS)
        self.assertEqual(reference.rejected(ledger), 0)
        self.assertLess(ledger["queued"], 256, "only the open block waits")
        self.assertEqual(ledger["learned"], self.last["points"])

    def test_frames_are_numbered_and_only_grow(self):
        for before, after in zip(self.frames, self.frames[1:]):
            # A frame comes again when another subscriber of the topic is shown it.
            self.assertIn(after["seq"], (before["seq"], before["seq"] + 1))
            self.assertEqual(after["seq"] == before["seq"], after == before)
            self.assertGreaterEqual(after["time"], before["time"])
            self.assertEqual(after["instance"], before["instance"])
            for entry in ("received", "learned"):
                self.assertGreaterEqual(after["ledger"][entry], before["ledger"][entry])

    def test_the_mixture_is_found(self):
        # The rarest component has 4000 points: a standard error of .016 in each field.
        apart = reference.distance_to_nearest(self.last["means"], reference.MEANS)
        self.assertLess(apart.max(), 0.1)
        self.assertLess(np.abs(np.sort(self.last["weights"])
                               - np.sort(reference.WEIGHTS)).max(), 0.02)
        for covariance in self.last["covariances"]:
            self.assertLess(np.abs(covariance - np.eye(2)).max(), 0.15)
        held_out = reference.mixture(N_POINTS, salt=1)
        loss = np.mean(reference.log_density(reference.MODEL, held_out)
                       - reference.log_density(self.last, held_out))
        self.assertLess(loss, 0.01, "nats a point on points not seen")

    def test_the_log_likelihood_is_that_of_points_before_they_were_learned(self):
        # The standard error of the mean over 20,000 points is .01; early models are worse.
        honest = reference.log_density(reference.MODEL, self.points).mean()
        self.assertAlmostEqual(self.last["log_likelihood"], honest, delta=0.1)

    def test_a_late_subscriber_gets_the_last_frame_at_once(self):
        late = self.mixd.subscribe("model/boiler ")
        frame = late.frame()
        self.assertGreaterEqual(frame["seq"], self.last["seq"])
        self.assertEqual(reference.parameters(frame), reference.parameters(self.last))
        self.assertEqual(frame["ledger"], self.last["ledger"])

    def test_a_conflating_subscriber_gets_the_newest_only(self):
        seen = [self.conflated.frame()]
        while seen[-1]["seq"] < self.last["seq"]:
            seen.append(self.conflated.frame())
        self.assertLess(len(seen), len(self.frames))

    def test_a_prefix_without_the_blank_works_too(self):
        topic, frame = self.mixd.subscribe("model/").receive()
        self.assertEqual((topic, frame["stream"]), ("model/boiler", "boiler"))

    def test_the_endpoints_are_told_as_bound(self):
        for endpoint in (self.feed, self.publish):
            self.assertRegex(endpoint, r"^tcp://127\.0\.0\.1:[1-9]\d+$")
        with open(f"{self.mixd.state}/endpoints.json", encoding="utf-8") as file:
            told = file.read()
        for endpoint in (self.feed, self.publish, self.mixd.control_endpoint):
            self.assertIn(endpoint, told.replace("\\/", "/"))


if __name__ == "__main__":
    harness.main()
