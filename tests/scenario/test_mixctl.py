# SPDX-License-Identifier: MIT
"""mixctl and mixwatch: every command for people and for scripts, exit codes, and where
the daemon is looked for."""

import json
import os
import subprocess
import time
import unittest

import harness
import reference
from harness import config, Daemon, InFolder, program, run, stream
from reference import parameters

EX_USAGE, EX_NOINPUT, EX_UNAVAILABLE, EX_TEMPFAIL = 64, 66, 69, 75
N_POINTS = 2000
FIELDS = ["x", "y"]


class Mixctl(InFolder):
    @classmethod
    def setUpClass(cls):
        text = config({"s": stream(), "fresh": stream()})
        cls.mixd = cls.enterClassContext(Daemon(text))
        cls.mixd.feed("s").array(reference.mixture(N_POINTS))
        cls.mixd.feed("s").send(b"bad \x1b[31mline")
        cls.mixd.drain("s", N_POINTS + 1)

    def ctl(self, *arguments, env=None, **more):
        env = {**os.environ, "MIXD_CONTROL": self.mixd.control_endpoint, **(env or {})}
        return run("mixctl", *arguments, env=env, **more)

    def good(self, *arguments):
        done = self.ctl(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.endswith("\n"))
        self.assertNotIn("\033", done.stdout)
        return done.stdout

    def test_every_command_for_people_and_as_json(self):
        commands = [
            ["version"], ["status"], ["streams"], ["config"], ["model", "s"],
            ["score", "s", "1", "2"], ["score", "s", "-1.5", "-2e3"],
            ["sample", "s", "--n", "3", "--seed", "1"], ["moments", "s"],
            ["conditional", "s", "-1.5", "null"], ["marginal", "s", FIELDS[0]],
            ["wait", "s", "--points", "100", "--timeout", "5"],
            ["drain", "s", "--sent", "1"], ["rejects", "s"],
            ["freeze", "fresh"], ["thaw", "fresh"], ["reset", "fresh"],
        ]
        for command in commands:
            with self.subTest(command):
                self.good(*command)
                reply = harness.parse(self.good("--json", *command))
                self.assertEqual(reply["ok"], True)

    def test_people_see_what_they_asked_for(self):
        self.assertIn(f"received {N_POINTS + 1}", self.good("status"))
        self.assertIn("tcp://127.0.0.1:", self.good("streams"))
        self.assertIn("parse", self.good("rejects", "s"))
        self.assertEqual(self.good("rejects", "fresh"), "nothing was rejected\n")
        long = '{"x": "' + "é" * 900 + '"'
        self.mixd.feed("fresh").send(long.encode())
        self.mixd.drain("fresh", 1)
        line, = self.good("rejects", "fresh").splitlines()
        self.assertLess(len(line), 240)
        self.assertTrue(line.endswith(f"é…] {len(long.encode())} bytes"), line)
        self.assertEqual(len(self.good("sample", "s", "--n", "5").splitlines()), 5)
        self.assertEqual(len(self.good("sample", "s").splitlines()), 1)

    def test_model_prints_the_model_file(self):
        model = harness.parse(self.good("model", "s"))
        self.assertEqual(parameters(model), parameters(self.mixd.model("s")))

    def test_what_follows_from_a_model_is_a_model_file(self):
        file = os.path.join(self.folder, "given.json")
        given = harness.parse(self.good("--json", "conditional", "s", "null", "1"))
        for model in (given["model"], harness.parse(self.good("marginal", "s", FIELDS[0]))):
            with open(file, "w", encoding="utf-8") as out:
                json.dump(model, out)
            done = run("mixfit", "--json", "--score", file, "--columns", "1", "--format",
                       "csv", "-", stdin="0.5\n1\n")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(model["fields"], [FIELDS[0]])

    def test_exit_codes(self):
        failures = [
            (EX_USAGE, ["conditional", "s", "1", "2"]), (EX_USAGE, ["marginal", "s"]),
            (EX_USAGE, ["marginal", "s", "nothing"]), (EX_USAGE, ["conditional", "s"]),
            (EX_USAGE, ["score", "s", "1", "null"]), (EX_TEMPFAIL, ["moments", "fresh"]),
            (EX_USAGE, ["explode"]), (EX_USAGE, []), (EX_USAGE, ["model"]),
            (EX_USAGE, ["--no-such-option"]), (EX_USAGE, ["model", "s", "t", "u"]),
            (EX_USAGE, ["score", "s", "1"]),
            (EX_USAGE, ["score", "s", "a", "b"]),
            (EX_USAGE, ["sample", "s", "--n", "-1"]), (EX_USAGE, ["wait", "s"]),
            (EX_USAGE, ["history", "s", "--since", "0", "--at", "2026-01-01"]),
            (EX_NOINPUT, ["model", "boiler"]), (EX_NOINPUT, ["freeze", "boiler"]),
            (EX_NOINPUT, ["model", "s/k"]),
            (EX_TEMPFAIL, ["score", "fresh", "1", "2"]),
            (EX_TEMPFAIL, ["wait", "s", "--points", "1000000000", "--timeout", "0.05"]),
            (EX_TEMPFAIL, ["drain", "s", "--sent", "1000000000", "--timeout", "0.05"]),
        ]
        for code, arguments in failures:
            for option in ([], ["--json"]):
                with self.subTest([*option, *arguments]):
                    done = self.ctl(*option, *arguments)
                    self.assertEqual(done.returncode, code, done.stderr + done.stdout)
                    self.assertTrue(done.stderr or option)
                    self.assertNotIn(":  ", done.stderr)  # the hidden minus of a number

    def test_stop(self):
        with Daemon(config({"s": stream()})) as mixd:
            done = run("mixctl", "--control", mixd.control_endpoint, "stop")
            self.assertEqual(done.returncode, 0, done.stderr)
            mixd.leave()

    def test_where_the_daemon_is_looked_for(self):
        nowhere = f"ipc://{self.folder}/nowhere"
        bare = {name: value for name, value in os.environ.items() if "MIXD" not in name}
        control = self.mixd.control_endpoint
        state = self.mixd.folder
        found = [
            (["--control", control], {"MIXD_CONTROL": nowhere}, self.folder),
            ([], {"MIXD_CONTROL": control}, self.folder),
            (["-c", self.mixd.file], {}, self.folder),
            ([], {}, state),
        ]
        for options, env, folder in found:
            with self.subTest(options, env=env, folder=folder):
                done = run("mixctl", *options, "version", env={**bare, **env}, cwd=folder)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_error_names_every_place_tried(self):
        bare = {name: value for name, value in os.environ.items() if "MIXD" not in name}
        done = run("mixctl", "version", env=bare, cwd=self.folder)
        self.assertEqual(done.returncode, EX_UNAVAILABLE, done.stderr)
        for place in ("mixd-state/control.sock", "/run/mixd/control.sock"):
            self.assertIn(place, done.stderr)
        for name in ("mixfeed", "mixwatch"):
            arguments = ["synth:points=1"] if name == "mixfeed" else ["--once"]
            done = run(name, *arguments, env=bare, cwd=self.folder)
            self.assertEqual(done.returncode, EX_UNAVAILABLE, done.stderr)
            self.assertIn("mixd-state/control.sock", done.stderr)


class Mixwatch(InFolder):
    def setUp(self):
        super().setUp()
        self.mixd = self.enterContext(Daemon(config({"s": stream(), "t": stream()})))
        self.mixd.feed("s").array(reference.mixture(N_POINTS))
        self.mixd.drain("s", N_POINTS)
        frames = self.mixd.subscribe("model/s ")
        frames.until(lambda f: f["ledger"]["received"] == N_POINTS)
        self.env = {**os.environ, "MIXD_CONTROL": self.mixd.control_endpoint}

    def test_frames_as_json(self):
        done = run("mixwatch", "--json", "--count", "1", "s", env=self.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        frame = reference.check_frame(harness.parse(done.stdout))
        self.assertEqual((frame["stream"], frame["ledger"]["received"]), ("s", N_POINTS))

    def test_several_streams(self):
        done = run("mixwatch", "--json", "--count", "2", env=self.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        names = [harness.parse(line)["stream"] for line in done.stdout.splitlines()]
        self.assertEqual(sorted(names), ["s", "t"])

    def test_lines_for_people(self):
        done = run("mixwatch", "--once", "s", env=self.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("s", done.stdout)
        self.assertNotIn("\033", done.stdout, "no colours without a terminal")

    def test_from_an_endpoint(self):
        publish = self.mixd.ask("status")["endpoints"]["publish"][0]
        done = run("mixwatch", "--from", publish, "--json", "--once", "s")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(harness.parse(done.stdout)["stream"], "s")

    def test_a_closed_pipe_is_no_error(self):
        watch = subprocess.Popen([program("mixwatch"), "--json", "s"], env=self.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.assertTrue(watch.stdout.readline().startswith(b"{"))
            watch.stdout.close()
            feed = self.mixd.feed("s")
            until = time.monotonic() + harness.DEADLINE
            while watch.poll() is None:  # the next frames find nobody
                self.assertLess(time.monotonic(), until)
                received = self.mixd.ledger("s")["received"]
                feed.array(reference.mixture(64))
                self.mixd.drain("s", 64, since=received)
            self.assertEqual(watch.returncode, 0, watch.stderr.read())
        finally:
            watch.kill()
            watch.wait()
            watch.stderr.close()

    def test_streams_and_keys_that_are_not_there(self):
        for name in ("boiler", "s/k", "boiler/k"):
            done = run("mixwatch", "--once", name, env=self.env)
            self.assertEqual(done.returncode, EX_NOINPUT, done.stderr)
        done = run("mixwatch", "--once", "--count", "2", "s", env=self.env)
        self.assertEqual(done.returncode, EX_USAGE, done.stderr)

    def test_keys_are_written_as_mixctl_writes_them(self):
        keys = ["plain", "a b", "50 %", "hall/3", "Küche"]
        text = config({"k": stream(["x"], key="unit", feed={"format": "json"})})
        with Daemon(text) as mixd:
            env = {**os.environ, "MIXD_CONTROL": mixd.control_endpoint}
            rows = [{"x": i, "unit": key} for i, key in enumerate(keys)]
            mixd.feed("k").send("\n".join(map(json.dumps, rows)).encode())
            mixd.drain("k", len(keys))
            for key in keys:
                with self.subTest(key):
                    done = run("mixwatch", "--once", "--json", f"k/{key}", env=env)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(harness.parse(done.stdout)["key"], key)
            done = run("mixwatch", "--once", "k/cellar", env=env)
            self.assertEqual(done.returncode, EX_NOINPUT, done.stderr)


class Conventions(unittest.TestCase):
    def test_help_and_version(self):
        for name in ("mixd", "mixctl", "mixfeed", "mixwatch", "mixfit"):
            for option in ("--help", "--version"):
                done = run(name, option)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(name, done.stdout)


if __name__ == "__main__":
    harness.main()
