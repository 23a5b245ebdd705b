# SPDX-License-Identifier: MIT
"""The life of a stream: models to start from, freeze and reset, the pace of frames,
weights and times, memory."""

import json
import os
import unittest

import numpy as np
import zmq

import harness
import reference
from harness import config, CONTEXT, Daemon, InFolder, learned, model_section, run, stream
from reference import MODEL, parameters

EX_DATAERR, EX_NOINPUT, EX_CONFIG = 65, 66, 78
N_POINTS = 2048
MIB = 1 << 20


class StartFromAModel(InFolder):
    def test_a_model_of_one_s_own_making(self):
        kinds = {"full": MODEL["covariances"], "diag": [[1, 1]] * 3,
                 "spherical": [1, 1, 1], "tied": [[1, 0], [0, 1]]}
        for kind, covariances in kinds.items():
            self.write("start.json", json.dumps(
                {**MODEL, "covariance_type": kind, "covariances": covariances}))
            section = model_section(covariance=kind)
            text = config({"s": stream(model=section, start="start.json")})
            with self.subTest(kind), Daemon(text, arguments=("--init",),
                                            folder=self.folder) as mixd:
                frame = mixd.subscribe("model/s ").frame()
                self.assertEqual(frame["state"], "learning")
                self.assertEqual(frame["means"], MODEL["means"])
                self.assertEqual(frame["weights"], MODEL["weights"])
                self.assertEqual(frame["covariances"], covariances)
                self.assertEqual(frame["ledger"]["received"], 0)
                # No warm-up: the first block of 256 changes the model.
                ledger = learned(mixd, "s", reference.mixture(255))
                self.assertEqual((ledger["learned"], ledger["queued"]), (0, 255))
                ledger = learned(mixd, "s", reference.mixture(1))
                self.assertEqual(ledger["learned"], 256)
                self.assertNotEqual(mixd.model("s")["means"], MODEL["means"])

    def test_a_model_that_mixctl_printed(self):
        with Daemon(config({"s": stream()})) as mixd:
            learned(mixd, "s", reference.mixture(N_POINTS))
            printed = run("mixctl", "--control", mixd.control_endpoint, "model", "s")
            self.assertEqual(printed.returncode, 0, printed.stderr)
        path = self.write("start.json", printed.stdout)
        model = harness.parse(printed.stdout)
        text = config({"s": stream(start=path)})
        with Daemon(text, folder=self.folder) as mixd:
            found = mixd.model("s")
            for name in ("weights", "means", "covariances"):
                self.assertEqual(found[name], model[name], name)

    def test_models_that_cannot_be_used(self):
        good = MODEL
        nearly = [[[1, 2], [2, 1]], *good["covariances"][1:]]
        wrong = {
            "no JSON": "{", "no object": "[]", "empty": "",
            "half": json.dumps(good)[:100],
            "no weights": json.dumps({k: v for k, v in good.items() if k != "weights"}),
            "no means": json.dumps({**good, "means": None}),
            "two components": json.dumps({**good, "weights": [0.5, 0.5],
                                          "means": good["means"][:2],
                                          "covariances": good["covariances"][:2]}),
            "three fields": json.dumps({**good, "means": [[1, 2, 3]] * 3}),
            "weights that sum to 2": json.dumps({**good, "weights": [1, 0.5, 0.5]}),
            "a negative weight": json.dumps({**good, "weights": [1.2, -0.1, -0.1]}),
            "a covariance that is none": json.dumps({**good, "covariances": nearly}),
            "an asymmetric covariance": json.dumps(
                {**good, "covariances": [[[1, 0.5], [0, 1]], *good["covariances"][1:]]}),
            "another family": json.dumps({**good, "family": "poisson"}),
            "another covariance": json.dumps({**good, "covariance_type": "diag"}),
            "infinite": json.dumps({**good, "means": [[1e999, 0]] * 3}),
            "words": json.dumps({**good, "weights": ["a", "b", "c"]}),
        }
        config_file = self.write("mixd.yaml", config({"s": stream(start="start.json")}))
        for what, text in wrong.items():
            with self.subTest(what):
                path = self.write("start.json", text)
                done = run("mixd", "-c", config_file)
                self.assertIn(done.returncode, (EX_DATAERR, EX_CONFIG), done.stderr)
                self.assertIn(path, done.stderr)
        with self.subTest("no file"):
            os.remove(path)
            done = run("mixd", "-c", config_file)
            self.assertIn(done.returncode, (EX_NOINPUT, EX_CONFIG), done.stderr)
            self.assertIn(path, done.stderr)


class FreezeAndReset(unittest.TestCase):
    def test_a_frozen_model_does_not_change(self):
        with Daemon(config({"s": stream()})) as mixd:
            learned(mixd, "s", reference.mixture(N_POINTS))
            before = parameters(mixd.model("s"))
            frames = mixd.subscribe("model/s ", "event/s ")
            self.assertEqual(mixd.ask("freeze", stream="s")["state"], "frozen")
            ledger = learned(mixd, "s", reference.mixture(N_POINTS, salt=61) + 50)
            self.assertEqual(ledger["rejected"], {"frozen": N_POINTS})
            self.assertEqual(ledger["learned"], N_POINTS)
            after = parameters(mixd.model("s"))
            for name in ("weights", "means", "covariances", "points", "updates"):
                self.assertEqual(after[name], before[name])
            events, frame = [], None
            while frame is None or frame["ledger"]["received"] < 2 * N_POINTS:
                topic, body = frames.receive()
                if topic == "event/s":
                    events.append(body["event"])
                else:
                    frame = body
            self.assertEqual(frame["state"], "frozen")
            self.assertIn("frozen", events)
            self.assertTrue(mixd.ask("score", stream="s", point=[1, 2])["ok"])
            self.assertNotEqual(mixd.ask("thaw", stream="s")["state"], "frozen")
            ledger = learned(mixd, "s", reference.mixture(N_POINTS, salt=62))
            self.assertEqual(ledger["learned"], 2 * N_POINTS)
            self.assertNotEqual(parameters(mixd.model("s"))["means"], before["means"])

    def test_freeze_and_thaw_leave_no_trace(self):
        points = reference.mixture(N_POINTS, salt=63)
        with Daemon(config({"s": stream(), "t": stream()})) as mixd:
            learned(mixd, "s", points[:1000])
            mixd.ask("freeze", stream="s")
            learned(mixd, "s", points[:100] + 10)
            mixd.ask("thaw", stream="s")
            learned(mixd, "s", points[1000:])
            learned(mixd, "t", points)
            one, other = mixd.model("s"), mixd.model("t")
            for name in ("weights", "means", "covariances", "points", "updates"):
                self.assertEqual(one[name], other[name], name)

    def test_reset_forgets_the_model_and_keeps_the_ledger(self):
        with Daemon(config({"s": stream()})) as mixd:
            learned(mixd, "s", reference.mixture(N_POINTS))
            mixd.feed("s").send(b"bad")
            before = mixd.drain("s", N_POINTS + 1)
            reply = mixd.ask("reset", stream="s")
            self.assertEqual(reply["state"], "warmup")
            ledger = mixd.ledger("s")
            self.assertEqual(ledger["received"], before["received"])
            self.assertEqual(ledger["rejected"], before["rejected"])
            self.assertEqual(mixd.refusal("score", stream="s", point=[1, 2]), "not-ready")
            frame = mixd.subscribe("model/s ").until(lambda f: f["weights"] is None)
            self.assertEqual(frame["points"], 0)
            shifted = reference.mixture(N_POINTS, salt=64) + 100
            learned(mixd, "s", shifted)
            model = mixd.model("s")
            self.assertEqual(model["points"], N_POINTS)
            apart = reference.distance_to_nearest(model["means"], reference.MEANS + 100)
            # The rarest component has about 400 points: a standard error of .05.
            self.assertLess(apart.max(), 0.3)


class Frames(unittest.TestCase):
    def test_a_frame_after_every_so_many_updates(self):
        text = config({"s": stream(publish={"every": "1h", "updates": 2})})
        with Daemon(text) as mixd:
            feed, frames = mixd.feed("s"), mixd.subscribe("model/s ")
            before = frames.frame()["updates"]
            updates = []
            for block in np.split(reference.mixture(64 * 8), 8):
                feed.array(block)
            while not updates or updates[-1] < 8:
                updates.append(frames.frame()["updates"])
            # The first model is shown at once; then every second update is.
            steps = np.diff([before, *updates])
            self.assertTrue(set(steps) <= {0, 1, 2}, updates)

    def test_a_subscriber_that_never_reads_holds_nobody_up(self):
        fields = [f"x{d}" for d in range(8)]
        entry = stream(fields, model=model_section(8), learn={"warmup": 512},
                       publish={"updates": 1})
        points = reference.rng(69).standard_normal((2048, 8))
        with Daemon(config({"s": entry})) as mixd, \
                CONTEXT.socket(zmq.SUB) as silent:
            silent.setsockopt(zmq.RCVHWM, 1)
            silent.setsockopt(zmq.RCVBUF, 4096)
            silent.subscribe("")
            silent.connect(mixd.ask("status")["endpoints"]["publish"][0])
            self.assertTrue(silent.poll(1000 * harness.DEADLINE))
            frames = mixd.subscribe("model/s ")
            for _ in range(20):
                learned(mixd, "s", points)
                updates = mixd.model("s")["updates"]
                frames.until(lambda f, want=updates: f["updates"] == want)

    def test_a_quiet_stream_publishes_nothing_more(self):
        with Daemon(config({"quiet": stream(), "busy": stream()})) as mixd:
            learned(mixd, "quiet", reference.mixture(N_POINTS))
            frames = mixd.subscribe("model/quiet ")
            last = frames.until(lambda f: f["ledger"]["received"] == N_POINTS)
            busy = mixd.subscribe("model/busy ")
            busy.frame()
            for _ in range(5):
                received = learned(mixd, "busy", reference.mixture(100))["received"]
                busy.until(lambda f, want=received: f["ledger"]["received"] == want)
            late = mixd.subscribe("model/quiet ").frame()
            self.assertLessEqual(late["seq"], last["seq"] + 1)

    def test_several_streams_at_once(self):
        names = [f"s{n}" for n in range(10)]
        points = {name: reference.mixture(N_POINTS, salt=70 + n)
                  for n, name in enumerate(names)}
        with Daemon(config({name: stream() for name in names}, workers=3)) as mixd:
            feeds = {name: mixd.feed(name) for name in names}
            for start in range(0, N_POINTS, 64):
                for name in names:
                    feeds[name].array(points[name][start:start + 64])
            together = {}
            for name in names:
                mixd.drain(name, N_POINTS)
                together[name] = parameters(mixd.model(name))
        with Daemon(config({name: stream() for name in names[:2]}, workers=1)) as mixd:
            for name in names[:2]:
                learned(mixd, name, points[name])
                self.assertEqual(parameters(mixd.model(name)), together[name])

    def test_the_seed_is_the_only_chance(self):
        points = reference.mixture(N_POINTS, salt=65)
        found = []
        for seed in (1, 1, 2):
            text = config({"s": stream(model=model_section(8), learn={"seed": seed})})
            with Daemon(text) as mixd:
                learned(mixd, "s", points)
                found.append(parameters(mixd.model("s")))
        self.assertEqual(found[0], found[1])
        self.assertNotEqual(found[0], found[2])


class NumberOfComponents(InFolder):
    def test_it_is_found_and_told(self):
        points = reference.mixture(12000, salt=17)
        model = {"components": "auto"}
        text = config({"s": stream(model=model, learn={"warmup": 2048})})
        with Daemon(text) as mixd:
            events = mixd.subscribe("event/s ")
            learned(mixd, "s", points)
            model = mixd.model("s")
            event = events.until(lambda e: e["event"] == "components")
            self.assertEqual(event["before"], 1)
            while event["components"] != 3:
                event = events.until(lambda e: e["event"] == "components")
            mixd.ask("checkpoint")
            config_shown = mixd.ask("config")["config"]
        self.assertEqual(model["n_components"], 3)
        self.assertEqual(len(set(model["ids"])), 3)
        self.assertLess(reference.distance_to_nearest(model["means"],
                                                      reference.MEANS).max(), 0.2)
        self.assertIn("1..8", json.dumps(config_shown))

    def test_a_range_survives_a_restart_bit_for_bit(self):
        points = reference.mixture(6000, salt=18)
        text = config({"s": stream(model={"components": "2..4"},
                                   learn={"warmup": 1024})})
        with Daemon(text) as whole:
            learned(whole, "s", points)
            wanted = parameters(whole.model("s"))
        with Daemon(text) as mixd:
            learned(mixd, "s", points[:3100])
            mixd.stop()
            mixd.start()
            mixd.feed("s").array(points[3100:])
            mixd.drain("s", 2900, since=3100)
            self.assertEqual(parameters(mixd.model("s")), wanted)

    def test_values_that_are_no_number_of_components(self):
        for value in ("0", "3..1", "1..", "..3", "many", "1..40", "1..2..3", "2.5"):
            text = config({"s": stream(model={"components": value})})
            done = run("mixd", "--check", "-c", self.write("mixd.yaml", text))
            self.assertEqual(done.returncode, 78, value)
            self.assertIn("model.components", done.stderr)


class Extremes(unittest.TestCase):
    """Points that no mixture fits well: the daemon stays up and its numbers finite."""

    def test_one_point_over_and_over(self):
        with Daemon(config({"s": stream()})) as mixd:
            ledger = learned(mixd, "s", np.full((100000, 2), 7.25))
            self.assertEqual(reference.rejected(ledger), 0)
            self.assertEqual(mixd.refusal("model", stream="s"), "not-ready")
            self.assertEqual(mixd.ask("status")["streams"]["s"]["dormant"], ["x", "y"])

    def test_a_field_that_never_changes(self):
        points = reference.mixture(N_POINTS, salt=90)
        points[:, 1] = -3
        with Daemon(config({"s": stream()})) as mixd:
            learned(mixd, "s", points)
            model = mixd.model("s")
            self.assertTrue(all(mean[1] == -3 for mean in model["means"]))
            self.assertGreater(max(mean[0] for mean in model["means"]), 5)

    def test_tiny_huge_and_far_away(self):
        """Scales and offsets change the parameters by no more than the rounding."""
        points = reference.mixture(N_POINTS, salt=91)
        streams = {"plain": (1, 0), "tiny": (2.0 ** -400, 0), "huge": (2.0 ** 400, 0),
                   "far": (1, 2.0 ** 30)}
        with Daemon(config({name: stream() for name in streams})) as mixd:
            for name, (scale, offset) in streams.items():
                learned(mixd, name, points * scale + offset)
            plain = np.array(mixd.model("plain")["means"])
            for name, (scale, offset) in streams.items():
                means = (np.array(mixd.model(name)["means"]) - offset) / scale
                # At an offset of 2^30 the points themselves are rounded to 1e-7.
                self.assertLess(np.abs(np.sort(means, 0) - np.sort(plain, 0)).max(), 1e-5)


class Columns(unittest.TestCase):
    """Weights and times that come with the points."""

    def run_one(self, rows, form="array", **more):
        entry = stream(columns=["x", "y", "more"], feed={"format": form}, **more)
        with Daemon(config({"s": entry})) as mixd:
            feed = mixd.feed("s")
            if form == "array":
                feed.array(rows)
            else:
                feed.send("\n".join(rows).encode())
            mixd.drain("s", len(rows))
            return mixd.subscribe("model/s ").until(
                lambda f: f["ledger"]["received"] == len(rows))

    def test_weight_one_is_no_weight(self):
        points = reference.mixture(N_POINTS, salt=66)
        weighted = np.column_stack([points, np.ones(N_POINTS)])
        with Daemon(config({"s": stream()})) as mixd:
            learned(mixd, "s", points)
            plain = parameters(mixd.model("s"))
        self.assertEqual(parameters(self.run_one(weighted, weight="more")), plain)

    def test_weight_zero_has_no_influence(self):
        points = reference.mixture(2 * N_POINTS, salt=67)
        weights = np.ones(2 * N_POINTS)
        points[1::2] += 1000
        weights[1::2] = 0
        frame = self.run_one(np.column_stack([points, weights]), weight="more")
        self.assertEqual(frame["ledger"]["learned"], 2 * N_POINTS)
        apart = reference.distance_to_nearest(frame["means"], reference.MEANS)
        self.assertLess(apart.max(), 0.3)
        self.assertLess(np.max(frame["means"]), 20)

    def test_bad_weights_are_rejected(self):
        weights = [1, -1, np.nan, np.inf, 0, 1e-300]
        frame = self.run_one(np.column_stack([np.ones((6, 2)), weights]), weight="more")
        self.assertEqual(frame["ledger"]["rejected"], {"weight": 3})

    def test_event_times_in_seconds_and_iso_8601(self):
        times = [1.7e9, 1.7e9 + 1, 1.7e9 + 2.5]
        rows = {"array": np.column_stack([reference.mixture(3), times]),
                "csv": ["1,2,2023-11-14T22:13:20Z", "1,2,2023-11-14 22:13:21",
                        "1,2,2023-11-15T00:13:22.5+02:00"],
                "json": ['{"x": 1, "y": 2, "more": 1700000000}',
                         '{"x": 1, "y": 2, "more": "2023-11-14T22:13:22.500Z"}']}
        for form, body in rows.items():
            with self.subTest(form):
                frame = self.run_one(body, form, time="more")
                self.assertEqual(frame["ledger"]["rejected"], {})
                self.assertAlmostEqual(frame["last_time"], 1.7e9 + 2.5, places=3)

    def test_bad_times_are_rejected(self):
        body = ["1,2,1700000000", "1,2,yesterday", "1,2,2023-13-01",
                "1,2,2023-02-30T00:00:00", "1,2,inf", "1,2,12:00"]
        frame = self.run_one(body, "csv", time="more")
        self.assertEqual(frame["ledger"]["rejected"], {"time": 5})


class Memory(unittest.TestCase):
    @unittest.skipIf(harness.is_sanitized(), "a sanitizer keeps what is freed")
    def test_memory_does_not_grow_with_the_points(self):
        names = [f"s{n}" for n in range(10)]
        fields = [f"x{d}" for d in range(8)]
        entry = stream(fields, model=model_section(8), learn={"warmup": 1024})
        points = reference.rng(68).standard_normal((8192, 8))
        with Daemon(config({name: entry for name in names})) as mixd:
            feeds = {name: mixd.feed(name) for name in names}

            def feed(some, rounds):
                for _ in range(rounds):
                    for name in some:
                        before = mixd.ledger(name)["received"]
                        feeds[name].array(points)
                        mixd.drain(name, len(points), since=before)
            feed(names, 1)
            self.assertLess(mixd.memory(), 50 * MIB)
            feed(names[:2], 20)  # models, challenges and heap have found their size
            early = mixd.memory()
            feed(names[:2], 10)
            self.assertLess(mixd.memory() - early, 4 * MIB)
            self.assertLess(mixd.memory(), 50 * MIB)


if __name__ == "__main__":
    harness.main()
