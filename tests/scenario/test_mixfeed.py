# SPDX-License-Identifier: MIT
"""mixfeed as people and scripts use it: every input to every feed, on files of the
tests' own making and, where it lies beside the project, on recorded data."""

import json
import os
import signal
import subprocess
import unittest

import numpy as np
import zmq

import harness
import reference
from harness import config, Daemon, Feed, InFolder, model_section, program, run
from harness import stream
from reference import csv, parameters

EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_IOERR = 64, 65, 66, 74
N_POINTS = 2000


def ndjson(points):
    return "".join(json.dumps({"y": y, "x": x, "note": "a,b"}) + "\n"
                   for x, y in points.tolist())


class Mixfeed(InFolder):
    def feed(self, mixd, *arguments, stdin=None):
        env = {**os.environ, "MIXD_CONTROL": mixd.control_endpoint}
        return run("mixfeed", *arguments, stdin=stdin, env=env)

    def accounted(self, done, count):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"sent {count} accounted {count}", done.stdout)

    def test_every_kind_of_file_gives_the_same_model(self):
        points = reference.mixture(N_POINTS, salt=80)
        wide = np.column_stack([points[:, 1], np.arange(N_POINTS), points[:, 0]])
        quoted = '"x","y"\r\n' + "".join(
            f'"{x!r}","{y!r}"\r\n' for x, y in points.tolist())
        stamped = "time,x,y\n" + "".join(
            f"2023-11-14T22:13:20Z,{x!r},{y!r}\n" for x, y in points.tolist())
        files = {
            "a.csv": (csv(points), []), "semicolon.csv": (csv(points, ";"), []),
            "tab.csv": (csv(points, "\t"), []), "dos.csv": (csv(points, end="\r\n"), []),
            "bare.csv": (csv(points, header=None), []), "quoted.csv": (quoted, []),
            "no-last-end.csv": (csv(points).rstrip("\n"), []),
            "swapped.csv": (csv(points[:, ::-1], header="y,x"), []),
            "wide.csv": (csv(wide, header="y,n,x"), []),
            "selected.csv": (csv(wide, header="b,n,a"), ["--fields", "a,b"]),
            "numbered.csv": (csv(wide, header=None), ["--fields", "2,0"]),
            "turned.csv": (csv(points[:, ::-1], header=None), ["--fields", "1,0"]),
            "named.csv": (csv(wide, header=None), ["--columns", "y,n,x"]),
            "stamped.csv": (stamped, []),
            "a.ndjson": (ndjson(points), []), "a.npy": (points, []),
            "fortran.npy": (np.asfortranarray(points), []),
            "a.f64": (points.tobytes(), ["--columns", "2"]),
        }
        single = points.astype("<f4")
        streams = {name.replace(".", "-"): stream() for name in files}
        streams.update({"single": stream(), "exact": stream(), "stdin": stream()})
        with Daemon(config(streams)) as mixd:
            mixd.feed("exact").array(points)
            mixd.drain("exact", N_POINTS)
            exact = parameters(mixd.model("exact"))
            for name, (content, options) in files.items():
                path, target = self.write(name, content), name.replace(".", "-")
                with self.subTest(name):
                    done = self.feed(mixd, "--stream", target, *options, path)
                    self.accounted(done, N_POINTS)
                    self.assertEqual(parameters(mixd.model(target)), exact)
            with self.subTest("f32"):
                path = self.write("a.f32", single.tobytes())
                done = self.feed(mixd, "--stream", "single", "--columns", "2", path)
                self.accounted(done, N_POINTS)
            with self.subTest("standard input"):
                done = self.feed(mixd, "--stream", "stdin", "--format", "csv", "-",
                                 stdin=csv(points))
                self.accounted(done, N_POINTS)
                self.assertEqual(parameters(mixd.model("stdin")), exact)

    def test_it_speaks_the_format_and_direction_of_the_feed(self):
        points = reference.mixture(N_POINTS, salt=81)
        path = self.write("a.csv", csv(points))
        forms = ("array", "npy", "f64", "json", "csv", "auto")
        streams = {form: stream(feed={"format": form}) for form in forms}
        streams["sub"] = stream(feed={"type": "sub"})
        streams["sub-json"] = stream(feed={"type": "sub", "format": "json"})
        streams["space"] = stream(feed={"type": "sub", "format": "csv", "topic": "space"})
        with Daemon(config(streams)) as mixd:
            models = {}
            for name in streams:
                with self.subTest(name):
                    self.accounted(self.feed(mixd, "--stream", name, path), N_POINTS)
                    models[name] = parameters(mixd.model(name))
                    self.assertEqual(models[name], models["array"])

    def test_the_only_stream_needs_no_name(self):
        path = self.write("a.csv", csv(reference.mixture(100)))
        with Daemon(config({"s": stream()})) as mixd:
            self.accounted(self.feed(mixd, path), 100)
            self.accounted(self.feed(mixd, "--count", "10", "--batch", "3", path), 10)
            self.assertEqual(mixd.ledger("s")["received"], 110)

    def test_a_synthetic_mixture(self):
        text = config({"s": stream(["a", "b", "c"], model=model_section(4))})
        with Daemon(text) as mixd:
            done = self.feed(mixd, "synth:dims=3,components=4,seed=5,points=5000")
            self.accounted(done, 5000)
            first = mixd.model("s")
            self.assertEqual(np.shape(first["means"]), (4, 3))
        with Daemon(text) as mixd:
            done = self.feed(mixd, "synth:dims=3,components=4,seed=5,points=5000")
            self.assertEqual(parameters(mixd.model("s")), parameters(first))

    def test_a_synthetic_mixture_of_a_model_file(self):
        path = self.write("model.json", json.dumps(reference.MODEL))
        with Daemon(config({"s": stream()})) as mixd:
            self.accounted(self.feed(mixd, f"synth:{path}", "--count", "5000"), 5000)
            found = mixd.model("s")["means"]
            apart = reference.distance_to_nearest(found, reference.MEANS)
            self.assertLess(apart.max(), 0.3)

    def test_this_host_s_own_counters(self):
        path = os.path.join(harness.SOURCE, "conf", "host.yaml")
        with open(path, encoding="utf-8") as file:
            example = file.read()
        with Daemon(example) as mixd:
            done = self.feed(mixd, "--rate", "50", "--count", "80", "host:")
            self.accounted(done, 80)
            (name,) = mixd.streams()
            self.assertEqual(mixd.ledger(name)["rejected"], {})
            self.assertIsNotNone(mixd.model(name)["weights"])

    def test_bad_points_are_accounted_for_too(self):
        text = "x,y\n1,2\n1,\n1,inf\n1,1e200\n3,4\n"
        with Daemon(config({"s": stream()})) as mixd:
            done = self.feed(mixd, self.write("a.csv", text))
            self.assertIn(done.returncode, (0, EX_DATAERR), done.stderr)
            ledger = mixd.ledger("s")
            self.assertEqual(ledger["learned"] + ledger["queued"], 2)

    def test_inputs_that_cannot_be_sent(self):
        good = self.write("good.csv", csv(reference.mixture(10)))
        inputs = [
            (EX_NOINPUT, [os.path.join(self.folder, "missing.csv")]),
            (EX_NOINPUT, ["--stream", "boiler", good]), (EX_NOINPUT, [self.folder]),
            (EX_DATAERR, [self.write("bad.npy", b"no npy")]),
            (EX_DATAERR, [self.write("third.csv", "x,z\n1,2\n")]),
            (EX_DATAERR, [self.write("text.csv", "x,y\nhello,world\n")]),
            (EX_DATAERR, ["--columns", "2", self.write("odd.f64", b"1234567")]),
            *[(EX_USAGE, arguments) for arguments in (
                [], [good, good], ["--rate", "fast", good], ["--batch", "0", good],
                ["--format", "xml", good], ["--format", "npy", good],
                ["--format", "csv", good], ["--fields", "0", "--weight", "1", good], ["synth:dims=x"], ["synth:colour=red"],
                ["--no-such-option", good])],
        ]
        with Daemon(config({"s": stream()})) as mixd:
            for code, arguments in inputs:
                with self.subTest(arguments):
                    done = self.feed(mixd, *arguments)
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertRegex(done.stderr, "mixfeed: ")
            self.assertEqual(mixd.ledger("s")["received"], 0)

    def test_time_and_rates_of_columns(self):
        rows = "when;count;level\n" + "".join(
            f"2023-11-14T22:13:{n:02}Z;{10 * n};{np.expm1(n % 5)!r}\n" for n in range(60))
        text = config({"s": stream(["count", "level"], columns=["when", "count", "level"],
                                   time="when", model=model_section(1))})
        with Daemon(text) as mixd:
            path = self.write("a.csv", rows)
            done = self.feed(mixd, "--time", "when", "--delta", "count", "--log", "level",
                             "--count", "59", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            frames = mixd.subscribe("model/s ")
            frame = frames.until(lambda f: f["ledger"]["received"] > 50)
            self.assertEqual(frame["last_time"], 1.7e9 + 39)  # 22:13:59

    @unittest.skipUnless(os.path.isdir(harness.DATA), "no recorded data here")
    def test_recorded_data_as_it_is(self):
        sensors = ["Accelerometer1RMS", "Accelerometer2RMS", "Current", "Pressure",
                   "Temperature", "Thermocouple", "Voltage", "Volume Flow RateRMS"]
        streams = {
            "geyser": stream(["eruptions", "waiting"], model=model_section(2)),
            "pump": stream(sensors, columns=["datetime", *sensors], time="datetime"),
            "machine": stream(["value"], columns=["timestamp", "value"], time="timestamp",
                              model=model_section(2)),
        }
        files = {"geyser": ("faithful.csv", 272), "pump": ("skab-valve1-0.csv", None),
                 "machine": ("nab-ambient_temperature_system_failure.csv", None)}
        with Daemon(config(streams)) as mixd:
            for name, (file, count) in files.items():
                path = os.path.join(harness.DATA, file)
                with self.subTest(file), open(path, encoding="utf-8") as lines:
                    count = count or sum(1 for line in lines if line.strip()) - 1
                    self.accounted(self.feed(mixd, "--stream", name, path), count)
                    self.assertEqual(mixd.ledger(name)["rejected"], {})
                    self.assertIsNotNone(mixd.model(name)["weights"])
            # The two clusters that every textbook shows: 2.0/54.5 and 4.3/80.0 minutes.
            means = mixd.model("geyser")["means"]
            apart = reference.distance_to_nearest(means, [[2.04, 54.5], [4.29, 80.0]])
            self.assertLess(apart.max(), 2.5)
            frame = mixd.subscribe("model/machine ").until(
                lambda f: f["ledger"]["received"] == count)
            self.assertEqual(frame["last_time"], 1401289200)  # 2014-05-28 15:00 UTC

    def test_mixfeed_gives_up_without_progress(self):
        with Daemon(config({"s": stream()})) as mixd:
            env = {**os.environ, "MIXD_CONTROL": mixd.control_endpoint}
            mixd.ask("version")
            with Feed(harness.ANY_PORT, kind=zmq.PULL, bind=True) as nobody:
                done = run("mixfeed", "--to", nobody.endpoint, "--timeout", "0.2",
                           "synth:dims=2,components=1,points=10", env=env)
            self.assertEqual(done.returncode, EX_IOERR, done.stderr)
            self.assertIn("received", done.stderr + done.stdout)

    def test_mixfeed_ends_on_sigint(self):
        with Daemon(config({"s": stream()})) as mixd:
            env = {**os.environ, "MIXD_CONTROL": mixd.control_endpoint}
            feed = subprocess.Popen(
                [program("mixfeed"), "--rate", "1000", "synth:dims=2"], env=env,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                mixd.drain("s", 100)
                feed.send_signal(signal.SIGINT)
                feed.communicate(timeout=harness.DEADLINE)
            finally:
                feed.kill()
                feed.wait()


if __name__ == "__main__":
    harness.main()
