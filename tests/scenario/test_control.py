# SPDX-License-Identifier: MIT
"""The control socket: every command with good and with bad arguments, every way to ask,
and clients that misbehave."""

import json
import os
import stat
import unittest

import numpy as np
import zmq

import harness
import reference
from harness import config, CONTEXT, Daemon, learned, model_section, stream
from reference import parameters

N_POINTS = 4096
COVARIANCES = ("full", "diag", "spherical", "tied")
KIB = 1 << 10

# (command, arguments, code) of requests that must fail.
BAD_REQUESTS = [
    ("explode", {}, "unknown-command"),
    ("", {}, "unknown-command"),
    ("STATUS", {}, "unknown-command"),
    ("a\n<3>fake\x1b[31m", {}, "unknown-command"),
    ("status", {"verbose": True}, "argument"),
    ("status", {"stream": "full", "sent": 1}, "argument"),
    ("model", {}, "argument"),
    ("model", {"stream": "boiler"}, "unknown-stream"),
    ("model", {"stream": ""}, "unknown-stream"),
    ("model", {"stream": 5}, "argument"),
    ("model", {"stream": ["full"]}, "argument"),
    ("model", {"stream": "full", "key": "pump"}, "unknown-key"),
    ("model", {"stream": "full", "key": 5}, "argument"),
    ("score", {"stream": "full"}, "argument"),
    ("score", {"stream": "full", "point": 1}, "argument"),
    ("score", {"stream": "full", "point": []}, "argument"),
    ("score", {"stream": "full", "point": [1]}, "argument"),
    ("score", {"stream": "full", "point": [1, 2, 3]}, "argument"),
    ("score", {"stream": "full", "point": [1, "2"]}, "argument"),
    ("score", {"stream": "full", "point": [1, None]}, "argument"),
    ("score", {"stream": "full", "point": [1, [2]]}, "argument"),
    ("score", {"stream": "boiler", "point": [1, 2]}, "unknown-stream"),
    ("score", {"stream": "fresh", "point": [1, 2]}, "not-ready"),
    ("sample", {"stream": "full"}, "argument"),
    ("sample", {"stream": "full", "n": 0}, "argument"),
    ("sample", {"stream": "full", "n": -1}, "argument"),
    ("sample", {"stream": "full", "n": 1.5}, "argument"),
    ("sample", {"stream": "full", "n": "ten"}, "argument"),
    ("sample", {"stream": "full", "n": 10 ** 12, "seed": 1}, "argument"),
    ("sample", {"stream": "full", "n": 1, "seed": -1}, "argument"),
    ("sample", {"stream": "full", "n": 1, "seed": "x"}, "argument"),
    ("sample", {"stream": "fresh", "n": 1, "seed": 1}, "not-ready"),
    ("wait", {"stream": "full"}, "argument"),
    ("wait", {"stream": "full", "points": -1}, "argument"),
    ("wait", {"stream": "full", "points": "many"}, "argument"),
    ("wait", {"stream": "full", "points": 1, "timeout": -1}, "argument"),
    ("wait", {"stream": "full", "points": 1, "timeout": "soon"}, "argument"),
    ("wait", {"stream": "boiler", "points": 1}, "unknown-stream"),
    ("wait", {"stream": "full", "points": 10 ** 9, "timeout": 0.05}, "timeout"),
    ("wait", {"stream": "full", "updates": 10 ** 9, "timeout": 0.05}, "timeout"),
    ("wait", {"stream": "full", "log_likelihood": 10, "timeout": 0.05}, "timeout"),
    ("wait", {"stream": "fresh", "points": 1, "timeout": 0.05}, "timeout"),
    ("drain", {}, "argument"),
    ("drain", {"stream": "full"}, "argument"),
    ("drain", {"stream": "full", "sent": -1}, "argument"),
    ("drain", {"stream": "full", "sent": 1.5}, "argument"),
    ("drain", {"stream": "full", "sent": 1, "since": -1}, "argument"),
    ("drain", {"stream": "boiler", "sent": 1}, "unknown-stream"),
    ("drain", {"stream": "full", "sent": 10 ** 9, "timeout": 0.05}, "timeout"),
    ("drain", {"stream": "full", "sent": 1, "since": N_POINTS, "timeout": 0},
     "timeout"),
    ("rejects", {}, "argument"),
    ("rejects", {"stream": "boiler"}, "unknown-stream"),
    ("freeze", {}, "argument"),
    ("freeze", {"stream": "boiler"}, "unknown-stream"),
    ("thaw", {"stream": "boiler"}, "unknown-stream"),
    ("reset", {}, "argument"),
    ("reset", {"stream": "boiler"}, "unknown-stream"),
    ("config", {"stream": "full"}, "argument"),
    ("version", {"command2": 1}, "argument"),
    ("stop", {"now": True}, "argument"),
]

# Requests that are no request at all: bytes, code.
GARBAGE = [
    (b"", "argument"), (b"{", "argument"), (b"hello", "argument"), (b"[]", "argument"),
    (b"null", "argument"), (b"5", "argument"), (b'"status"', "argument"),
    (b"{}", "argument|unknown-command"), (b'{"command": 5}', "argument|unknown-command"),
    (b'{"command": null}', "argument|unknown-command"),
    (b'{"command": "status"', "argument"), (b'{"command": "status"} x', "argument"),
    (b'{"command": "status", "command": "stop"}', "argument"),
    (b'{"command": "version"}\0', "argument"), (bytes(range(256)), "argument"),
    (b'{"command": "\xff"}', "argument"), (b'{"command": "\\ud800"}', "argument"),
    (b"[" * 30000, "argument"), (b'{"a":' * 9000, "argument"),
]


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        streams = {name: stream(model=model_section(covariance=name))
                   for name in COVARIANCES}
        cls.mixd = cls.enterClassContext(Daemon(config({**streams, "fresh": stream()})))
        cls.points = reference.mixture(N_POINTS, salt=20)
        for name in COVARIANCES:
            cls.mixd.feed(name).array(cls.points)
        for name in COVARIANCES:
            cls.mixd.drain(name, N_POINTS)

    def test_bad_requests_name_their_fault(self):
        for command, arguments, code in BAD_REQUESTS:
            with self.subTest(command=command, **arguments):
                self.assertEqual(self.mixd.refusal(command, **arguments), code)
        self.assertEqual(self.mixd.ledger("full")["received"], N_POINTS)

    def test_what_is_no_request_is_answered_too(self):
        client = self.mixd.client()
        for request, codes in GARBAGE:
            with self.subTest(request[:60]):
                client.socket.send(request)
                reply = client.reply()
                self.assertFalse(reply["ok"])
                self.assertIn(reply["code"], codes.split("|"))

    def test_control_bytes_come_back_escaped(self):
        self.mixd.controller.send({"command": "a\n\x1b[31m\x00b"})
        text = self.mixd.controller.socket.recv_multipart()[-1]
        self.assertFalse(any(byte < 0x20 for byte in text.rstrip(b"\n")), text)
        self.assertNotIn("\033", self.mixd.errors())

    def test_status_tells_the_whole_daemon(self):
        status = self.mixd.ask("status")
        for name in ("version", "instance", "uptime", "durability", "endpoints",
                     "workers"):
            self.assertIn(name, status)
        self.assertGreater(status["uptime"], 0)
        self.assertEqual(set(status["streams"]), {*COVARIANCES, "fresh"})
        for name, entry in status["streams"].items():
            self.assertIn("rate", entry)
            self.assertIn(entry["state"], ("warmup", "learning"))
            sent = 0 if name == "fresh" else N_POINTS
            self.assertEqual(reference.check_ledger(entry["ledger"])["received"], sent)
        self.assertEqual(status["version"], self.mixd.ask("version")["version"])

    def test_status_of_one_stream_or_not_at_all(self):
        self.assertEqual(self.mixd.refusal("status", stream="full"), "argument")

    def test_streams_tells_what_a_sender_needs(self):
        streams = self.mixd.streams()
        self.assertEqual(set(streams), {*COVARIANCES, "fresh"})
        for entry in streams.values():
            self.assertLessEqual({"type", "endpoints", "direction", "format"},
                                 set(entry["feed"]))
            self.assertEqual(entry["feed"]["format"], "auto")
            self.assertEqual(entry["columns"], ["x", "y"])
            self.assertEqual(entry["fields"], ["x", "y"])
            self.assertIn("keys", entry)
            self.assertIn("state", entry)

    def test_model_is_the_object_of_the_frame(self):
        for name in COVARIANCES:
            model = self.mixd.model(name)
            self.assertEqual(model["covariance_type"], name)
            frame = self.mixd.subscribe(f"model/{name} ").until(
                lambda f, updates=model["updates"]: f["updates"] == updates)
            self.assertEqual(parameters(model), parameters(frame))

    def test_every_covariance_finds_the_mixture(self):
        for name in COVARIANCES:
            means = self.mixd.model(name)["means"]
            # The rarest component has about 800 points: a standard error of .035.
            apart = reference.distance_to_nearest(means, reference.MEANS)
            self.assertLess(apart.max(), 0.25, name)

    def test_scores_are_those_of_the_published_parameters(self):
        for name in COVARIANCES:
            model = self.mixd.model(name)
            far = [[0, 0], [100.0, -50.5], [-1e6, 1e6]]
            for point in [*self.points[:20].tolist(), *far]:
                score = self.mixd.ask("score", stream=name, point=point)
                joint = reference.log_joint(model, point)[0]
                density = np.logaddexp.reduce(joint)
                # Two orders of the same sums: a few ulps of the largest term.
                tolerance = 1e-10 * max(1, abs(density))
                self.assertAlmostEqual(score["log_density"], density, delta=tolerance)
                expected = np.exp(joint - density)
                found = np.array(score["responsibilities"])
                self.assertLess(np.abs(found - expected).max(), 1e-9)
                self.assertAlmostEqual(found.sum(), 1, delta=1e-12)
                best = model["ids"][int(np.argmax(found))]
                self.assertEqual(score["component"], best)

    def test_tail_is_the_share_that_scored_lower(self):
        usual = self.mixd.ask("score", stream="full", point=[0.0, 0.0])["tail"]
        strange = self.mixd.ask("score", stream="full", point=[100.0, 100.0])["tail"]
        self.assertGreater(usual, 0.3)
        self.assertLess(strange, 0.01)

    def test_samples_come_from_the_model(self):
        n = 20000
        for name in COVARIANCES:
            model = self.mixd.model(name)
            reply = self.mixd.ask("sample", stream=name, n=n, seed=7)
            points = np.array(reply["points"])
            self.assertEqual(points.shape, (n, 2))
            weights, means = np.array(model["weights"]), np.array(model["means"])
            mean = weights @ means
            apart = means - mean
            covariance = (weights[:, None, None] * (reference.covariance_matrices(model)
                          + apart[:, :, None] * apart[:, None, :])).sum(axis=0)
            # Five standard errors of a mean, and of a variance of bounded kurtosis.
            sd = np.sqrt(np.diag(covariance))
            self.assertLess((np.abs(points.mean(axis=0) - mean) / sd).max(), 5 / n ** 0.5)
            self.assertLess((np.abs(np.cov(points.T) - covariance)
                             / np.outer(sd, sd)).max(), 10 / n ** 0.5)

    def test_samples_are_reproducible_by_seed(self):
        def draw(seed):
            return self.mixd.ask("sample", stream="full", n=50, seed=seed)["points"]
        self.assertEqual(draw(3), draw(3))
        self.assertNotEqual(draw(3), draw(4))
        self.assertEqual(len(self.mixd.ask("sample", stream="full", n=1)["points"]), 1)

    def test_wait_answers_at_once_when_it_holds(self):
        model = self.mixd.model("full")
        for condition in ({"points": 1000}, {"updates": 1}, {"log_likelihood": -100},
                          {"points": 1000, "updates": 1}):
            reply = self.mixd.ask("wait", stream="full", timeout=0, **condition)
            self.assertEqual(reply["model"]["points"], model["points"])

    def test_there_are_no_standard_errors_in_the_warm_up(self):
        self.assertIsNone(self.mixd.model("full")["errors"])
        self.assertEqual(self.mixd.refusal("wait", stream="full", timeout=0, error=1),
                         "timeout")

    def test_drain_gives_the_ledger(self):
        ledger = self.mixd.ask("drain", stream="full", sent=N_POINTS, since=0)["ledger"]
        self.assertEqual(reference.check_ledger(ledger)["received"], N_POINTS)

    def test_rejects_starts_empty(self):
        self.assertEqual(self.mixd.ask("rejects", stream="fresh")["rejects"], [])

    def test_config_shows_every_key(self):
        text = json.dumps(self.mixd.ask("config"))
        for word in ("max_message", "covariance", "spherical", "seed", "warmup"):
            self.assertIn(word, text)


class StandardErrors(unittest.TestCase):
    def test_wait_for_an_error_means_the_errors_of_the_frame(self):
        n_points = 20000
        text = config({"s": stream(learn={"warmup": 1024})})
        with Daemon(text) as mixd:
            model = learned(mixd, "s", reference.mixture(n_points)) and mixd.model("s")
            errors = model["errors"]
            self.assertEqual(np.shape(errors["means"]), (3, 2))
            self.assertEqual(np.shape(errors["weights"]), (3,))
            sds = np.sqrt([np.diag(c) for c in reference.covariance_matrices(model)])
            largest = (np.array(errors["means"]) / sds).max()
            # About 1 / sqrt(n w) with w >= .2, known to a third from 8 batches.
            self.assertGreater(largest, 0.3 / np.sqrt(n_points * 0.2))
            self.assertLess(largest, 4 / np.sqrt(n_points * 0.2))
            mixd.ask("wait", stream="s", timeout=0, error=largest * 1.001)
            self.assertEqual(mixd.refusal("wait", stream="s", timeout=0,
                                          error=largest / 1.001), "timeout")


class WaysToAsk(unittest.TestCase):
    """REQ, DEALER with and without delimiter; many clients; clients that go away."""

    @classmethod
    def setUpClass(cls):
        cls.mixd = cls.enterClassContext(Daemon(config({"s": stream()})))

    def socket(self, kind):
        socket = CONTEXT.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, int(1000 * harness.DEADLINE))
        socket.connect(self.mixd.control_endpoint)
        self.addCleanup(socket.close)
        return socket

    def test_a_req_socket(self):
        socket = self.socket(zmq.REQ)
        for _ in range(3):
            socket.send_json({"command": "version"})
            self.assertTrue(socket.recv_json()["ok"])

    def test_a_dealer_gets_its_envelope_back(self):
        socket = self.socket(zmq.DEALER)
        for envelope in ([], [b""], [b"id-7", b""], [b"a", b"b", b""]):
            with self.subTest(envelope):
                socket.send_multipart([*envelope, b'{"command": "version"}'])
                *frames, body = socket.recv_multipart()
                self.assertEqual(frames, envelope)
                self.assertTrue(json.loads(body)["ok"])

    def test_replies_to_requests_sent_ahead_come_in_order(self):
        socket = self.socket(zmq.DEALER)
        for number in range(200):
            command = "version" if number % 2 else "streams"
            socket.send_multipart([str(number).encode(), b"",
                                   json.dumps({"command": command}).encode()])
        numbers = [int(socket.recv_multipart()[0]) for _ in range(200)]
        self.assertEqual(sorted(numbers), list(range(200)))

    def test_a_hundred_clients_are_served(self):
        clients = [self.socket(zmq.DEALER) for _ in range(100)]
        for client in clients:
            client.send(b'{"command": "status"}')
        for client in clients:
            self.assertTrue(json.loads(client.recv())["ok"])

    def test_a_waiting_client_holds_nobody_up(self):
        waiting = self.socket(zmq.DEALER)
        waiting.send(b'{"command": "wait", "stream": "s", "points": 64, "timeout": 60}')
        drain = self.socket(zmq.DEALER)
        drain.send(b'{"command": "drain", "stream": "s", "sent": 64, "timeout": 60}')
        self.assertTrue(self.mixd.ask("status")["ok"])
        self.assertFalse(waiting.poll(0))
        self.mixd.feed("s").array(reference.mixture(64, salt=21))
        self.assertEqual(waiting.recv_json()["model"]["points"], 64)
        self.assertEqual(drain.recv_json()["ledger"]["received"], 64)

    def test_clients_that_die_before_the_reply(self):
        for number in range(50):
            with CONTEXT.socket(zmq.DEALER) as socket:
                socket.setsockopt(zmq.LINGER, 1000 if number % 2 else 0)
                socket.connect(self.mixd.control_endpoint)
                socket.send(b'{"command": "wait", "stream": "s", "points": 1000000000, '
                            b'"timeout": 0.05}')
        self.assertTrue(self.mixd.ask("status")["ok"])

    def test_a_request_over_64_kib_is_refused(self):
        socket = self.socket(zmq.DEALER)
        socket.send(b'{"command": "version", "note": "' + b"x" * 70 * KIB + b'"}')
        reply = socket.recv_json()
        self.assertEqual((reply["ok"], reply["code"]), (False, "refused"))
        self.assertTrue(self.mixd.ask("version")["ok"])

    def test_a_request_of_megabytes_changes_nothing(self):
        with CONTEXT.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(self.mixd.control_endpoint)
            socket.send(b"x" * (20 << 20))
            self.assertTrue(self.mixd.ask("version")["ok"])
        self.assertTrue(self.mixd.ask("version")["ok"])

    def test_a_thousand_frames(self):
        socket = self.socket(zmq.DEALER)
        socket.send_multipart([b"x"] * 1000 + [b'{"command": "version"}'])
        self.assertTrue(self.mixd.ask("version")["ok"])

    def test_the_socket_is_for_its_user_only(self):
        path = os.path.join(self.mixd.state, "control.sock")
        mode = os.stat(path).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode) & 0o077, 0)
        self.assertEqual(stat.S_IMODE(os.stat(self.mixd.state).st_mode), 0o700)


class Stop(unittest.TestCase):
    def test_stop_answers_and_ends_with_zero(self):
        with Daemon(config({"s": stream()})) as mixd:
            mixd.feed("s").array(reference.mixture(300, salt=22))
            mixd.drain("s", 300)
            frames = mixd.subscribe("model/s ")
            frames.frame()
            mixd.ask("stop")
            mixd.leave()


if __name__ == "__main__":
    harness.main()
