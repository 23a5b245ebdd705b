# SPDX-License-Identifier: MIT
"""Recordings: what was learned, in the order of learning, through kills and full disks;
and replayed to a fresh daemon they give the same model."""

import json
import os
import random
import subprocess
import time
import unittest

import numpy as np
import zmq

import harness
import reference
from harness import config, InFolder, run, stream
from sender import Sender
from test_durable import essence, points, Restarting

LONG = "MIXD_TEST_LONG" in os.environ
KILLS = 200 if LONG else 12


def keyed(**more):
    return stream(key="id", columns=["id", "x", "y"], feed={"format": "json"}, **more)


class Record(InFolder):
    def setUp(self):
        super().setUp()
        self.folder_of = os.path.join(self.folder, "recording")

    def settings(self, entry=None, every="1d", **more):
        entry = {**(entry or stream()), "record": self.folder_of}
        return config({"s": entry}, checkpoint={"every": every}, **more)

    def rows(self):
        return np.concatenate([np.load(os.path.join(self.folder_of, name))
                               for name in sorted(os.listdir(self.folder_of))
                               if name.endswith(".npy")])

    def description(self):
        with open(os.path.join(self.folder_of, "recording.json"),
                  encoding="utf-8") as file:
            return harness.parse(file.read())

    def recording(self, mixd):
        return mixd.ask("status")["streams"]["s"]["recording"]

    def replay(self, mixd, *arguments, path=None):
        done = run("mixfeed", "--control", mixd.control_endpoint, *arguments,
                   path or self.folder_of)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def assert_same(self, got, wanted, but=()):
        for name, value in wanted.items():
            if name not in but:
                self.assertEqual(got[name], value, name)

    def test_a_recording_holds_what_was_learned(self):
        x = points(700)
        before = time.time()
        with Restarting(self.settings(), folder=self.folder) as mixd:
            feed = mixd.feed("s")
            feed.array(x[:500], 33)
            feed.send(b"bad")
            feed.send(b"[1, null]")
            feed.array(x[500:], 200)
            mixd.drain("s", 702)
            mixd.ask("checkpoint")
            rows = self.rows()
            self.assertEqual(self.recording(mixd), {
                "folder": self.folder_of, "rows": 700, "lost": 0, "problem": None})
        self.assertTrue(np.array_equal(rows[:, 1:], x))
        self.assertTrue(np.all(np.diff(rows[:, 0]) >= 0))
        self.assertTrue(before <= rows[0, 0] and rows[-1, 0] <= time.time())
        about = self.description()
        self.assertEqual(about["columns"], ["time", "x", "y"])
        self.assertEqual(about["stream"], "s")
        with open(os.path.join(self.folder_of, "000000.npy"), "rb") as file:
            start = file.read(128)
        self.assertEqual((start[:6], start[-1:]), (b"\x93NUMPY", b"\n"))
        self.assertEqual(os.stat(self.folder_of).st_mode & 0o777, 0o700)

    def test_what_is_not_learned_is_not_recorded(self):
        x = points(300)
        with Restarting(self.settings(), folder=self.folder) as mixd:
            mixd.feed_to(x, 100)
            mixd.ask("freeze", stream="s")
            mixd.feed_to(x, 200)
            mixd.ask("thaw", stream="s")
            mixd.feed_to(x, 300)
            mixd.ask("checkpoint")
            self.assertTrue(np.array_equal(self.rows()[:, 1:],
                                           np.concatenate([x[:100], x[200:]])))

    def test_a_replay_gives_the_same_model_after_any_number_of_kills(self):
        """Live: other messages, publishing, checkpoints, and kills in between; replayed
        in two framings and in two halves."""
        n = 500 * KILLS
        x = points(n)
        choice = random.Random(reference.SEED)
        text = self.settings(stream(publish={"updates": 1}), every="3ms", workers=2)
        with Restarting(text, folder=self.folder) as mixd:
            for kill in range(KILLS):
                start = mixd.received()
                feed = mixd.feed("s")
                feed.array(x[start:n * (kill + 1) // KILLS], choice.randrange(1, 200))
                if choice.random() < 0.7:
                    mixd.ask("checkpoint")
                mixd.crash()
                self.assertEqual(self.recording(mixd)["rows"], mixd.received())
            mixd.feed_to(x, n)
            live = essence(mixd.model("s"))
        self.assertTrue(np.array_equal(self.rows()[:, 1:], x))
        self.assertEqual(self.description()["gaps"], [])
        for batch, half in ((1000, n), (7, n // 3)):
            with Restarting(config({"s": stream()}), arguments=("--init",)) as mixd:
                self.replay(mixd, "--batch", batch, "--count", half)
                if half < n:
                    self.replay(mixd, "--batch", batch, "--skip", half)
                self.assert_same(essence(mixd.model("s")), live)

    def test_a_reliable_feed_is_recorded_once(self):
        """Whatever is sent again, and whoever is killed in between; and its replay over a
        plain feed gives the same model."""
        n = 500 * KILLS
        x = points(n)
        choice = random.Random(reference.SEED)
        text = self.settings(stream(feed={"type": "reliable"}), every="3ms")
        with Restarting(text, folder=self.folder) as mixd:
            sender = None
            for kill in range(KILLS):
                endpoint = mixd.streams()["s"]["feed"]["endpoints"][0]
                sender = (Sender(endpoint, x) if kill == 0 else sender.move(endpoint))
                sender.begin()
                while sender.next <= n * (kill + 1) // KILLS:
                    sender.push(choice.randrange(1, 200), choice.choice((0, 0, 30)))
                    sender.listen()
                if choice.random() < 0.7:
                    mixd.ask("checkpoint")
                mixd.crash()
                self.assertEqual(self.recording(mixd)["rows"],
                                 sum(mixd.ledger("s")[name]
                                     for name in ("learned", "queued")))
            sender.move(mixd.streams()["s"]["feed"]["endpoints"][0]).begin()
            sender.finish()
            live = essence(mixd.model("s"))
        self.assertTrue(np.array_equal(self.rows()[:, 1:], x))
        self.assertEqual(self.description()["gaps"], [])
        with Restarting(config({"s": stream()}), arguments=("--init",)) as mixd:
            self.replay(mixd, "--batch", 333)
            self.assert_same(essence(mixd.model("s")), live, but=("ledger",))

    def test_keys_times_and_weights_are_replayed(self):
        entry = stream(key="id", time="at", weight="w", missing="marginalize",
                       columns=["at", "id", "-", "x", "w", "y"],
                       feed={"format": "json"}, learn={"half_life": "1h"})
        ids = ("pump 1/a", 'q"uo\\te', "3", "é")
        rng = reference.rng(90)
        with Restarting(self.settings(entry), folder=self.folder) as mixd:
            feed = mixd.feed("s")
            for i in range(600):
                feed.send(json.dumps({
                    "at": 1.7e9 + i, "id": ids[i * i % 7 % 4], "w": i % 3 + 0.5,
                    "x": rng.normal(), "y": rng.normal() if i % 11 else None}).encode())
            mixd.drain("s", 600)
            mixd.ask("checkpoint")
            mixd.crash()
            for i in range(600, 900):
                mixd.feed("s").send(json.dumps({
                    "at": 1.7e9 + i, "id": ids[3 - i % 4], "w": 1, "x": i / 7,
                    "y": rng.normal()}).encode())
                mixd.drain("s", i + 1)
            live = {key: essence(mixd.model("s", key=key)) for key in ids}
        self.assertEqual(self.description()["columns"],
                         ["time", "at", "id", "x", "w", "y"])
        with Restarting(config({"s": entry})) as mixd:
            self.replay(mixd)
            for key, model in live.items():
                self.assert_same(essence(mixd.model("s", key=key)), model)

    def test_topics_are_replayed_as_keys(self):
        for place, form in (("frame", "f64"), ("space", "csv")):
            with self.subTest(place):
                self.folder_of = os.path.join(self.folder, place)
                self.replay_topics(stream(key="topic", feed={
                    "type": "sub", "topic": place, "format": form}), place)

    def replay_topics(self, entry, place):
        x = points(900)
        keys = ("room 1", "room/2", "r")
        with Restarting(self.settings(entry)) as mixd:
            bound = mixd.streams()["s"]["feed"]["endpoints"][0]
            with harness.Feed(bound, kind=zmq.XPUB) as feed:
                harness.wait_for(feed.socket, "subscription")
                for i, row in enumerate(x):
                    key = keys[i * i % 7 % 3].encode().replace(b" ", b"_")
                    if place == "frame":
                        feed.send(key, row.tobytes())
                    else:
                        feed.send(key + b" %r,%r" % (float(row[0]), float(row[1])))
                mixd.drain("s", 900)
            names = mixd.streams()["s"]["keys"]
            self.assertEqual(len(names), 3)
            live = {key: essence(mixd.model("s", key=key)) for key in names}
        self.assertEqual(self.description()["columns"], ["time", "x", "y", "topic"])
        with Restarting(config({"s": entry})) as mixd:
            self.replay(mixd)
            for key, model in live.items():
                self.assert_same(essence(mixd.model("s", key=key)), model)

    def test_after_a_kill_the_rest_of_a_file_is_kept_beside_it(self):
        x = points(900)
        with Restarting(self.settings(), folder=self.folder) as mixd:
            mixd.feed_to(x, 400)
            mixd.ask("checkpoint")
            mixd.feed_to(x, 900)
            size = os.path.getsize(os.path.join(self.folder_of, "000000.npy"))
            self.assertEqual(size, 128 + 400 * 24)
            # More than the buffer holds reaches the file without a checkpoint.
            mixd.feed("s").array(np.zeros((12000, 2)), 1000)
            mixd.drain("s", 12900)
            mixd.crash()
            self.assertEqual(len(self.rows()), 400)
            tail = np.load(os.path.join(self.folder_of, "000000.npy.tail"))
            self.assertGreater(len(tail), 500)
            self.assertTrue(np.array_equal(tail[:500, 1:], x[400:]))
            mixd.feed_to(x, 900)
            mixd.ask("checkpoint")
            self.assertTrue(np.array_equal(self.rows()[:, 1:], x))

    def test_a_full_disk_never_stops_learning(self):
        """RLIMIT_FSIZE: the recording is told that its file cannot grow."""
        x = points(40000)
        with Restarting(self.settings(), folder=self.folder) as mixd:
            mixd.feed_to(x, 1000, batch=500)
            mixd.ask("checkpoint")
            subprocess.run(["prlimit", f"--pid={mixd.process.pid}", "--fsize=131072:"],
                           check=True)
            mixd.feed_to(x, 35000, batch=500)
            found = self.recording(mixd)
            self.assertIn("File too large", found["problem"])
            self.assertGreater(found["lost"], 10000)
            self.assertEqual(found["rows"] + found["lost"], 35000)
            subprocess.run(["prlimit", f"--pid={mixd.process.pid}", "--fsize=unlimited:"],
                           check=True)
            while self.recording(mixd)["problem"] is not None:
                mixd.controller.request("checkpoint")
            mixd.feed_to(x, 40000, batch=500)
            mixd.ask("checkpoint")
            lost = self.recording(mixd)["lost"]
            self.assertEqual(self.recording(mixd)["rows"], 40000 - lost)
            gap, = self.description()["gaps"]
            self.assertEqual(gap["lost"], lost)
            kept = np.concatenate([x[:gap["row"]], x[gap["row"] + lost:]])
            self.assertTrue(np.array_equal(self.rows()[:, 1:], kept))
            self.assertEqual(mixd.errors().count("points are learned, not recorded"), 1)
            self.assertEqual(mixd.errors().count("recording of stream s works again"), 1)
            mixd.crash()
            self.assertEqual(self.recording(mixd)["lost"], lost)
        with Restarting(config({"s": stream()})) as mixd:
            self.assertIn(f"{lost} were not recorded", self.replay(mixd).stderr)

    def test_another_recording_is_set_aside(self):
        x = points(200)
        with Restarting(self.settings(), folder=self.folder) as mixd:
            mixd.feed_to(x, 150)
        with Restarting(self.settings(), folder=self.folder,
                        arguments=("--init",)) as mixd:
            mixd.feed_to(x, 50)
            mixd.ask("checkpoint")
            self.assertEqual(len(self.rows()), 50)
            old = os.path.join(self.folder_of, "old-1")
            self.assertEqual(len(np.load(os.path.join(old, "000000.npy"))), 150)
            with Restarting(config({"s": stream()})) as other:
                self.replay(other, path=old)
                self.assertEqual(other.received(), 150)

    def test_a_recording_that_begins_late_says_so(self):
        x = points(200)
        with Restarting(config({"s": stream()}), folder=self.folder) as mixd:
            mixd.feed_to(x, 150)
        with Restarting(self.settings(), folder=self.folder) as mixd:
            mixd.feed_to(x, 200)
        self.assertEqual(self.description()["first"], 150)
        with Restarting(config({"s": stream()})) as mixd:
            self.assertIn("begins after 150 points", self.replay(mixd).stderr)

    def test_two_streams_cannot_share_a_folder(self):
        entry = stream(record=self.folder_of)
        path = self.write("two.yaml", config({"a": entry, "b": entry}))
        done = run("mixd", "--check", "-c", path)
        self.assertEqual(done.returncode, 78)
        self.assertIn("stands twice", done.stderr)
        path = self.write("one.yaml", config({"a": entry}))
        with Restarting(self.settings(), folder=self.folder):
            done = run("mixd", "-c", path, "--state", os.path.join(self.folder, "other"))
            self.assertEqual(done.returncode, 75, done.stderr)

    def test_the_pace_and_the_beginning_of_a_replay(self):
        os.mkdir(self.folder_of)
        with open(os.path.join(self.folder_of, "recording.json"), "w",
                  encoding="utf-8") as file:
            json.dump({"version": 1, "id": "", "stream": "s", "first": 0,
                       "rows_per_file": 2, "columns": ["time", "x", "y"],
                       "fields": ["x", "y"]}, file)
        times = 1.7e9 + np.array([0, 60, 120, 180, 240.0])
        rows = np.column_stack([times, np.arange(10).reshape(5, 2)])
        for i in range(3):
            np.save(os.path.join(self.folder_of, f"{i:06}.npy"), rows[2 * i:2 * i + 2])
        with Restarting(config({"s": stream()})) as mixd:
            began = time.monotonic()
            self.replay(mixd, "--speed", 400)
            self.assertGreater(time.monotonic() - began, 0.6)
            self.assertEqual(mixd.received(), 5)
            for arguments, n in ((["--since", "1700000100"], 3), (["--skip", "1"], 4),
                                 (["--since", "2023-11-14T22:16:20Z"], 2),
                                 (["--skip", "9"], 0)):
                before = mixd.received()
                self.replay(mixd, *arguments)
                self.assertEqual(mixd.received() - before, n, arguments)
        done = run("mixfit", "--components", "1", "--json", self.folder_of)
        self.assertIn(done.returncode, (0, 65), done.stderr)
        os.unlink(os.path.join(self.folder_of, "000001.npy"))
        with Restarting(config({"s": stream()})) as mixd:
            done = run("mixfeed", "--control", mixd.control_endpoint, self.folder_of)
            self.assertEqual(done.returncode, 74)
            self.assertIn("000001.npy", done.stderr)

    def test_mixfit_reads_a_recording(self):
        x = points(3000)
        entry = stream(columns=["y", "x"])
        with Restarting(self.settings(entry), folder=self.folder) as mixd:
            mixd.feed("s").array(x[:, ::-1].copy(), 500)
            mixd.drain("s", 3000)
            live = mixd.model("s")
        done = run("mixfit", "--online", "--no-finish", "--components", "3",
                   self.folder_of)
        self.assertEqual(done.returncode, 0, done.stderr)
        model = harness.parse(done.stdout)
        self.assertEqual(model["fields"], ["x", "y"])
        self.assertEqual(model["means"], live["means"])
        self.assertEqual(model["weights"], live["weights"])


if __name__ == "__main__":
    harness.main()
