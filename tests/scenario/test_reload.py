# SPDX-License-Identifier: MIT
"""Reading the configuration again: all of it takes effect, or nothing does, and models
keep their memory."""

import os
import signal
import time
import unittest

import zmq

import harness
import reference
from harness import ANY_PORT, config, CONTEXT, Daemon, Feed, learned, run, stream
from reference import parameters

N_POINTS = 1024


def rewrite(mixd, text):
    with open(mixd.file, "w", encoding="utf-8") as file:
        file.write(text)


def refused(mixd, text):
    """The sentence with which a reload of this text is refused."""
    rewrite(mixd, text)
    reply = mixd.controller.request("reload")
    assert reply["ok"] is False and reply["code"] == "refused", reply
    return reply["error"]


class Live(unittest.TestCase):
    def test_what_is_the_same_changes_nothing(self):
        with Daemon(config({"s": stream()})) as mixd:
            self.assertEqual(mixd.ask("reload")["changes"], [])

    def test_live_keys_change_and_the_difference_is_told(self):
        with Daemon(config({"s": stream(publish={"every": "1h"})})) as mixd:
            frames = mixd.subscribe("model/s ")
            frames.frame()
            feed = mixd.feed("s")
            feed.array(reference.mixture(N_POINTS))
            mixd.drain("s", N_POINTS)
            rewrite(mixd, config({"s": stream(publish={"every": "10ms", "updates": 3})}))
            self.assertEqual(mixd.ask("reload")["changes"], [
                {"key": "streams.s.publish.every", "from": "1h", "to": "10ms"},
                {"key": "streams.s.publish.updates", "from": None, "to": "3"}])
            feed.array(reference.mixture(N_POINTS))
            frames.until(lambda f: f["ledger"]["received"] == 2 * N_POINTS)
            self.assertIn("every: 10ms", mixd.ask("config")["config"])

    def test_a_model_keeps_its_memory(self):
        """As much as a daemon that was never reloaded has, bit for bit."""
        points = reference.mixture(2 * N_POINTS)
        with Daemon(config({"s": stream(), "t": stream()})) as mixd:
            learned(mixd, "s", points[:N_POINTS])
            rewrite(mixd, config({"s": stream(stale_after="1h"), "t": stream()}))
            mixd.ask("reload")
            learned(mixd, "s", points[N_POINTS:])
            learned(mixd, "t", points)
            self.assertEqual(parameters(mixd.model("s")), parameters(mixd.model("t")))

    def test_max_keys_can_grow(self):
        def limited(max_keys):
            return config({"s": stream(key="k", max_keys=max_keys)})
        with Daemon(limited(1)) as mixd:
            feed = mixd.feed("s")
            for key in "ab":
                feed.send(b'{"x": 1, "y": 2, "k": "%s"}' % key.encode())
            self.assertEqual(mixd.drain("s", 2)["rejected"], {"key": 1})
            rewrite(mixd, limited(2))
            mixd.ask("reload")
            feed.send(b'{"x": 1, "y": 2, "k": "b"}')
            self.assertEqual(mixd.drain("s", 3)["rejected"], {"key": 1})

    def test_the_log_changes_its_form(self):
        with Daemon(config({"s": stream()})) as mixd:
            rewrite(mixd, config({"s": stream()}, log={"format": "json"}))
            mixd.ask("reload")
            self.assertIn('"message": "stopping"', mixd.stop())

    def test_mixctl_tells_the_difference(self):
        with Daemon(config({"s": stream()})) as mixd:
            rewrite(mixd, config({"s": stream(stale_after="5min")}))
            control = ("--control", mixd.control_endpoint)
            done = run("mixctl", *control, "reload")
            self.assertEqual(done.stdout, "streams.s.stale_after: absent -> 5min\n")
            self.assertEqual(run("mixctl", *control, "reload").stdout, "nothing changed\n")
            rewrite(mixd, "streams: 1\n")
            self.assertEqual(run("mixctl", *control, "reload").returncode, 65)


class Endpoints(unittest.TestCase):
    def test_an_endpoint_is_added_and_the_others_stay(self):
        """Who was connected before the reload still is."""
        with Daemon(config({"s": stream()})) as mixd:
            old = mixd.feed("s")
            learned(mixd, "s", reference.mixture(10))
            extra = "ipc://" + os.path.join(mixd.folder, "feed.sock")
            rewrite(mixd, config({"s": stream(feed={"bind": [extra, ANY_PORT]})}))
            mixd.ask("reload")
            self.assertEqual(mixd.streams()["s"]["feed"]["endpoints"], [extra, old.endpoint])
            with open(os.path.join(mixd.state, "endpoints.json"), encoding="utf-8") as file:
                self.assertEqual(harness.parse(file.read())["streams"]["s"],
                                 [extra, old.endpoint])
            old.array(reference.mixture(10))
            learned(mixd, "s", reference.mixture(10))
            mixd.drain("s", 30)

    def test_the_publisher_moves(self):
        with Daemon(config({"s": stream()})) as mixd:
            moved = "ipc://" + os.path.join(mixd.folder, "publish.sock")
            rewrite(mixd, config({"s": stream()}, publish={"bind": moved}))
            mixd.ask("reload")
            self.assertEqual(mixd.ask("status")["endpoints"]["publish"], [moved])
            self.assertEqual(mixd.subscribe("model/s ").frame()["stream"], "s")

    def test_a_subscription_changes_its_topics(self):
        publisher = CONTEXT.socket(zmq.XPUB)
        publisher.setsockopt(zmq.XPUB_VERBOSER, 1)
        publisher.setsockopt(zmq.LINGER, 0)
        publisher.setsockopt(zmq.RCVTIMEO, int(1000 * harness.DEADLINE))
        port = publisher.bind_to_random_port("tcp://127.0.0.1")

        def topics(*names):
            feed = {"type": "sub", "connect": f"tcp://127.0.0.1:{port}", "format": "json",
                    "subscribe": list(names)}
            return config({"s": stream(feed=feed)})
        with Daemon(topics("a", "b")) as mixd:
            self.assertEqual({publisher.recv(), publisher.recv()}, {b"\1a", b"\1b"})
            rewrite(mixd, topics("b", "c"))
            mixd.ask("reload")
            self.assertEqual([publisher.recv(), publisher.recv()], [b"\1c", b"\0a"])
            publisher.send_multipart([b"c", b"[1, 2]"])
            mixd.drain("s", 1)
        publisher.close()

    def test_one_endpoint_that_cannot_be_had_refuses_all(self):
        with Daemon(config({"s": stream(), "t": stream()})) as mixd, \
                CONTEXT.socket(zmq.PULL) as other:
            port = other.bind_to_random_port("tcp://127.0.0.1")
            before = mixd.ask("status")["endpoints"]
            extra = "ipc://" + os.path.join(mixd.folder, "feed.sock")
            error = refused(mixd, config({
                "s": stream(feed={"bind": [ANY_PORT, extra]}, stale_after="1min"),
                "t": stream(feed={"bind": f"tcp://127.0.0.1:{port}"})}))
            self.assertIn(f"streams.t.feed: cannot bind tcp://127.0.0.1:{port}", error)
            self.assertEqual(mixd.ask("status")["endpoints"], before)
            self.assertNotIn("stale_after: 1min", mixd.ask("config")["config"])
            self.assertFalse(os.path.exists(extra[len("ipc://"):]))
            learned(mixd, "s", reference.mixture(100))
            learned(mixd, "t", reference.mixture(100))


class Refused(unittest.TestCase):
    def test_a_bad_file_leaves_all_as_it_was(self):
        with Daemon(config({"s": stream()})) as mixd:
            before = mixd.ask("config")["config"]
            error = refused(mixd, "streams:\n  s: {feilds: [x]}\n")
            self.assertTrue(error.startswith(f"{mixd.file}:2:"), error)
            os.unlink(mixd.file)
            self.assertIn("No such file", mixd.controller.request("reload")["error"])
            self.assertEqual(mixd.ask("config")["config"], before)
            status = mixd.ask("status")
            self.assertEqual((status["reloads"], status["reloads_refused"]), (0, 2))

    def test_what_needs_a_restart_is_named_with_its_line(self):
        text = config({"s": stream(), "t": stream()})
        changes = {
            "streams.s.model.components": config(
                {"s": stream(model={"components": 4}), "t": stream()}),
            "streams.s.fields": config({"s": stream(["x", "z"]), "t": stream()}),
            "workers": config({"s": stream(), "t": stream()}, workers=7),
            "streams.u": config({"s": stream(), "t": stream(), "u": stream()}),
        }
        with Daemon(text) as mixd:
            learned(mixd, "s", reference.mixture(N_POINTS))
            before = parameters(mixd.model("s"))
            for key, changed in changes.items():
                with self.subTest(key):
                    error = refused(mixd, changed)
                    self.assertRegex(error, rf":[0-9]+: {key}: from .* needs a restart")
            # A stream that would be gone takes its model with it.
            self.assertIn("mixd.yaml: streams.t: from a stream to absent",
                          refused(mixd, config({"s": stream()})))
            self.assertEqual(parameters(mixd.model("s")), before)


class Hangup(unittest.TestCase):
    def test_sighup_reloads(self):
        with Daemon(config({"s": stream()})) as mixd:
            rewrite(mixd, config({"s": stream(stale_after="1h")}))
            mixd.process.send_signal(signal.SIGHUP)
            until = time.monotonic() + harness.DEADLINE
            while mixd.ask("status")["reloads"] == 0:
                self.assertLess(time.monotonic(), until, "nothing was reloaded")
            self.assertIn("stale_after: 1h", mixd.ask("config")["config"])
            self.assertIn("reload: streams.s.stale_after: absent -> 1h", mixd.stop())

    def test_a_storm_of_signals_with_a_bad_file_logs_little(self):
        with Daemon(config({"s": stream()})) as mixd:
            rewrite(mixd, "".join(f"key{i}: 1\n" for i in range(1000)))
            begin = time.monotonic()
            for _ in range(2000):
                mixd.process.send_signal(signal.SIGHUP)
                mixd.ask("version")
            seconds = time.monotonic() - begin
            lines = mixd.stop().count("\n")
            self.assertLess(lines, 150 * (seconds + 2))


if __name__ == "__main__":
    harness.main()
