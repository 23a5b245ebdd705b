# SPDX-License-Identifier: MIT
"""Feeds of type sub: topics, prefixes, who binds; and one model for each key."""

import json
import unittest

import numpy as np
import zmq

import harness
import reference
from harness import ANY_PORT, config, Daemon, Feed, stream
from reference import parameters

N_POINTS = 512


def header_of(points):
    return json.dumps({"dtype": points.dtype.str, "shape": points.shape}).encode()


def lines(points):
    return "\n".join(json.dumps(point) for point in points.tolist()).encode()


def sub(**feed):
    return stream(feed={"type": "sub", **feed})


def learned_alone(points, **more):
    """The parameters that a stream of its own learns from the points."""
    with Daemon(config({"alone": stream(**more)})) as mixd:
        mixd.feed("alone").array(points)
        mixd.drain("alone", len(points))
        return parameters(mixd.model("alone"))


class Publisher:
    """A PUB socket (an XPUB, so that it sees subscriptions come)."""

    def __init__(self, endpoint=None):
        self.feed = Feed(endpoint or ANY_PORT, kind=zmq.XPUB, bind=endpoint is None)
        self.endpoint = self.feed.endpoint

    def subscriptions(self, count):
        """Waits for so many subscriptions; the prefixes."""
        seen = []
        while len(seen) < count:
            assert self.feed.socket.poll(1000 * harness.DEADLINE), f"only {seen}"
            message = self.feed.socket.recv()
            if message[:1] == b"\1":
                seen.append(message[1:])
        return sorted(seen)

    def send(self, *parts):
        self.feed.send(*parts)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.feed.close()


class Topics(unittest.TestCase):
    def run_one(self, feed, messages, subscriptions=1, sent=N_POINTS):
        with Publisher() as publisher:
            with Daemon(config({"s": sub(connect=publisher.endpoint, **feed)})) as mixd:
                entry = mixd.streams()["s"]["feed"]
                self.assertEqual((entry["type"], entry["direction"]), ("sub", "connect"))
                self.assertEqual(entry["endpoints"], [publisher.endpoint])
                publisher.subscriptions(subscriptions)
                for message in messages:
                    publisher.send(*message)
                ledger = mixd.drain("s", sent)
                self.rejects = mixd.ask("rejects", stream="s")["rejects"]
                return ledger, parameters(mixd.model("s"))

    def test_the_topic_is_the_first_frame_unless_told_otherwise(self):
        points = reference.mixture(N_POINTS, salt=30)
        expected = learned_alone(points)
        ways = {
            "array": ({}, [[b"t", header_of(points), points.tobytes()]]),
            "json": ({"format": "json"}, [[b"t/1", lines(points)]]),
            "f64": ({"format": "f64", "topic": "frame"},
                    [[b"", part.tobytes()] for part in np.split(points, 8)]),
            "none": ({"topic": "none"}, [[header_of(points), points.tobytes()]]),
            "none, json": ({"topic": "none", "format": "json"}, [[lines(points)]]),
            "space": ({"topic": "space", "format": "json"}, [[b"t " + lines(points)]]),
            "space, f64": ({"topic": "space", "format": "f64"},
                           [[b"t " + points.tobytes()]]),
        }
        for name, (feed, messages) in ways.items():
            with self.subTest(name):
                ledger, found = self.run_one(feed, messages)
                self.assertEqual(reference.rejected(ledger), 0)
                self.assertEqual(found, expected)

    def test_only_what_is_subscribed_comes_in(self):
        points = reference.mixture(N_POINTS, salt=31)
        messages = [[topic, header_of(points), points.tobytes()]
                    for topic in (b"pump/1", b"valve/1", b"fan", b"pum", b"valve/2")]
        ledger, _ = self.run_one({"subscribe": ["pump/", "valve/"]}, messages,
                                 subscriptions=2, sent=3 * N_POINTS)
        self.assertEqual(ledger["received"], 3 * N_POINTS)

    def test_a_topic_frame_alone_is_rejected(self):
        points = reference.mixture(N_POINTS, salt=32)
        good = [b"t", header_of(points), points.tobytes()]
        ledger, _ = self.run_one({}, [good, [b"t"], [*good, b""], good],
                                 sent=2 * N_POINTS + 2)
        self.assertEqual(ledger["rejected"], {"frames": 2})
        self.assertIn("feed.topic is frame", self.rejects[0]["detail"])

    def test_a_body_without_its_topic_is_rejected(self):
        body = lines(reference.mixture(N_POINTS, salt=33))
        ledger, _ = self.run_one({"topic": "space", "format": "json"},
                                 [[b"t " + body], [b"nothing"], [b"t", body]],
                                 sent=N_POINTS + 2)
        self.assertEqual(sum(ledger["rejected"].values()), 2)
        self.assertIn("feed.topic is space", self.rejects[0]["detail"])

    def test_a_feed_that_binds(self):
        points = reference.mixture(N_POINTS, salt=34)
        with Daemon(config({"s": sub(bind=ANY_PORT)})) as mixd:
            with Publisher(mixd.streams()["s"]["feed"]["endpoints"][0]) as publisher:
                self.assertEqual(publisher.subscriptions(1), [b""])
                publisher.send(b"t", header_of(points), points.tobytes())
                self.assertEqual(mixd.drain("s", N_POINTS)["received"], N_POINTS)

    def test_a_pull_feed_that_connects_to_several(self):
        points = reference.mixture(N_POINTS, salt=35)
        with Feed(ANY_PORT, bind=True) as one, Feed(ANY_PORT, bind=True) as two:
            feed = {"connect": [one.endpoint, two.endpoint]}
            with Daemon(config({"s": stream(feed=feed)})) as mixd:
                one.array(points)
                mixd.drain("s", N_POINTS)
                two.array(points)
                mixd.drain("s", 2 * N_POINTS)

    def test_mixd_can_follow_what_mixd_publishes(self):
        """topic: space reads frames as mixd itself publishes them."""
        points = reference.mixture(N_POINTS, salt=36)
        with Daemon(config({"first": stream()})) as first:
            publish = first.ask("status")["endpoints"]["publish"][0]
            second = stream(["log_likelihood", "effective_points"],
                            feed={"type": "sub", "connect": publish, "topic": "space",
                                  "format": "json", "subscribe": "model/first "})
            first.feed("first").array(points)
            first.drain("first", N_POINTS)
            with Daemon(config({"second": second})) as mixd:
                # The last frame comes to a new subscriber at once.
                self.assertEqual(mixd.drain("second", 1)["received"] >= 1, True)


class Keys(unittest.TestCase):
    """One model for each key, taken from the topic or from a column."""

    def test_the_topic_selects_the_model(self):
        keys = ["pump", "a/b c", "ü%", "x" * 255]
        points = {key: reference.mixture(N_POINTS, salt=40 + n)
                  for n, key in enumerate(keys)}
        with Publisher() as publisher:
            text = config({"s": {**sub(connect=publisher.endpoint), "key": "topic"}})
            with Daemon(text) as mixd:
                publisher.subscriptions(1)
                for key, rows in points.items():
                    publisher.send(key.encode(), header_of(rows), rows.tobytes())
                mixd.drain("s", N_POINTS * len(keys))
                frames = mixd.subscribe("model/s/")
                seen = {}
                while len(seen) < len(keys):
                    topic, frame = frames.receive()
                    if frame["ledger"]["received"] == N_POINTS:
                        seen[topic] = frame["key"]
                self.assertEqual(seen, {
                    "model/s/pump": "pump", "model/s/a%2Fb%20c": "a/b c",
                    "model/s/%C3%BC%25": "ü%", "model/s/" + "x" * 255: "x" * 255})
                for key, rows in points.items():
                    with self.subTest(key[:20]):
                        model = mixd.model("s", key=key)
                        self.assertEqual(parameters(model), learned_alone(rows))
                self.assertEqual(mixd.refusal("model", stream="s", key="pumq"),
                                 "unknown-key")
                self.assertIn(mixd.refusal("model", stream="s"),
                              ("unknown-key", "argument"))
                self.assertEqual(mixd.ask("status")["streams"]["s"]["ledger"]["received"],
                                 N_POINTS * len(keys))

    def test_bad_keys_are_rejected(self):
        points = reference.mixture(64, salt=50)
        with Publisher() as publisher:
            text = config({"s": {**sub(connect=publisher.endpoint), "key": "topic"}})
            with Daemon(text) as mixd:
                publisher.subscriptions(1)
                for key in (b"", b"x" * 256, b"\xff\xfe", b"\xed\xa0\x80", b"good"):
                    publisher.send(key, header_of(points), points.tobytes())
                self.assertEqual(mixd.ask("status")["ok"], True)
                ledger = mixd.drain("s", 5 * 64)
                # The first model may not be there yet.
                self.assertEqual(ledger["learned"] + ledger["queued"], 64)
                self.assertEqual(ledger["rejected"], {"key": 4 * 64})

    def test_a_topic_of_64_kib_harms_nobody(self):
        points = reference.mixture(64, salt=51)
        with Publisher() as publisher:
            text = config({"s": {**sub(connect=publisher.endpoint), "key": "topic"}})
            with Daemon(text) as mixd:
                publisher.subscriptions(1)
                for key in (b"x" * (64 << 10), b"good"):
                    publisher.send(key, header_of(points), points.tobytes())
                frame = mixd.subscribe("model/s/good ").until(
                    lambda f: f["ledger"]["received"] == 64)
                self.assertEqual(frame["key"], "good")

    def test_a_column_or_member_selects_the_model(self):
        rows = reference.mixture(N_POINTS, salt=52)
        names = reference.rng(53).choice(["left", "right", "7"], N_POINTS)
        body = {
            "json": "\n".join(json.dumps({"x": x, "unit": name, "y": y})
                              for (x, y), name in zip(rows.tolist(), names.tolist())),
            "csv": "\n".join(f"{x!r},{name},{y!r}"
                             for (x, y), name in zip(rows.tolist(), names.tolist())),
        }
        for form, text in body.items():
            entry = stream(feed={"format": form}, columns=["x", "unit", "y"], key="unit")
            with self.subTest(form), Daemon(config({"s": entry})) as mixd:
                mixd.feed("s").send(text.encode())
                mixd.drain("s", N_POINTS)
                self.assertEqual(sorted(mixd.streams()["s"]["keys"]),
                                 sorted(["left", "right", "7"]))
                for name in ("left", "right", "7"):
                    own = rows[names == name]
                    self.assertEqual(parameters(mixd.model("s", key=name)),
                                     learned_alone(own), name)

    def test_each_key_has_a_ledger_of_its_own(self):
        entry = stream(feed={"format": "csv"}, columns=["unit", "x", "y"], key="unit")
        with Daemon(config({"s": entry})) as mixd:
            text = "".join(f"a,{x!r},{y!r}\n" for x, y in reference.mixture(100).tolist())
            text += "b,1,2\nb,inf,2\nb,1e200,2\n,1,2\nhello\n" + "a,,3\n"
            mixd.feed("s").send(text.encode())
            whole = mixd.drain("s", 106)
            self.assertEqual(sum(whole["rejected"].values()), 5)
            frames = mixd.subscribe("model/s/a ", "model/s/b ")
            ledgers = {}
            while len(ledgers) < 2:
                topic, frame = frames.receive()
                ledgers[topic] = frame["ledger"]
            self.assertEqual(ledgers["model/s/a"]["received"], 101)
            self.assertEqual(ledgers["model/s/a"]["learned"], 64)
            self.assertEqual(ledgers["model/s/a"]["rejected"], {"missing": 1})
            self.assertEqual(ledgers["model/s/b"]["queued"], 1)

    def test_keys_past_max_keys_are_rejected(self):
        entry = stream(feed={"format": "csv"}, columns=["unit", "x", "y"], key="unit",
                       max_keys=3)
        with Daemon(config({"s": entry})) as mixd:
            text = "".join(f"key{n % 5},{n},{-n}\n" for n in range(500))
            mixd.feed("s").send(text.encode())
            ledger = mixd.drain("s", 500)
            self.assertEqual(ledger["rejected"], {"key": 200})
            keys = mixd.streams()["s"]["keys"]
            self.assertEqual(sorted(keys), ["key0", "key1", "key2"])

    def test_hundreds_of_keys(self):
        entry = stream(feed={"format": "csv"}, columns=["unit", "x", "y"], key="unit")
        n_keys = 500
        with Daemon(config({"s": entry})) as mixd:
            feed = mixd.feed("s")
            for rows in np.split(reference.mixture(n_keys * 64, salt=54), 64):
                feed.send("".join(f"k{n},{x!r},{y!r}\n"
                                  for n, (x, y) in enumerate(rows.tolist())).encode())
            ledger = mixd.drain("s", n_keys * 64)
            self.assertEqual(ledger["learned"], n_keys * 64)
            frames = mixd.subscribe("model/s/")
            seen = {}
            while len(seen) < n_keys:  # a late subscriber gets the last frame of each
                topic, frame = frames.receive()
                if frame["points"] == 64:
                    seen[topic] = frame
            self.assertEqual(set(seen), {f"model/s/k{n}" for n in range(n_keys)})


if __name__ == "__main__":
    harness.main()
