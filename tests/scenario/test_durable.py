# SPDX-License-Identifier: MIT
"""What the daemon learned outlives it: killed at any moment it goes on from its last
checkpoint, bit for bit."""

import contextlib
import glob
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

import numpy as np

import harness
import reference
from harness import Daemon, InFolder, config, stream

LONG = "MIXD_TEST_LONG" in os.environ
# Kills of one run; `make check-long` has the thousand.
KILLS = 1000 if LONG else 50
NOT_SAVED = ("instance", "time", "last_time", "seq")


def points(n, d=2, seed=reference.SEED):
    """Points of three clusters that drift a little."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 6, (3, d))
    x = centres[rng.integers(0, 3, n)] + rng.normal(0, 1, (n, d))
    return x + np.linspace(0, 1, n)[:, None]


def settings(every="1d", streams=None, **more):
    """Checkpoints only at the start, on command and at the end."""
    return config(streams or {"s": stream()}, checkpoint={"every": every}, **more)


def essence(model):
    """A model without what differs from start to start."""
    return {name: value for name, value in model.items() if name not in NOT_SAVED}


def trace(mixd, injection):
    """An strace that injects, attached to the daemon: one that is interrupted before
    that may leave a process of its own behind."""
    tracer = subprocess.Popen(
        ["strace", "-f", "-o", "/dev/null", "-p", str(mixd.process.pid),
         "-e", f"trace={injection.split(':')[0]}", "-e", f"inject={injection}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    line = tracer.stderr.readline()
    if b"attached" not in line:
        raise AssertionError(line)
    # What else it says is little, and nobody reads it.
    return tracer


class Restarting(Daemon):
    """A daemon that is killed and started again in its folder."""

    def crash(self):
        self.kill()
        self.drop_clients()
        self.start()

    def received(self, name="s"):
        return self.ledger(name)["received"]

    def feed_to(self, x, end, name="s", batch=97):
        """Feeds what is missing up to row `end`, as a sender that asks first."""
        start = self.received(name)
        with_feed = self.feed(name)
        with_feed.array(x[start:end], batch)
        self.drain(name, end)
        with_feed.close()


def uninterrupted(text, x, name="s"):
    with Daemon(text) as mixd:
        harness.learned(mixd, name, x)
        return essence(mixd.model(name))


class Durable(InFolder):

    def compare(self, got, wanted):
        for name, value in wanted.items():
            self.assertEqual(got[name], value, name)

    def test_a_stop_and_a_start_change_nothing(self):
        x = points(3000)
        with Restarting(settings()) as mixd:
            mixd.feed_to(x, 1500)
            before = essence(mixd.model("s"))
            mixd.stop()
            mixd.start()
            self.compare(essence(mixd.model("s")), before)
            self.assertEqual(mixd.received(), 1500)
            mixd.feed_to(x, 3000)
            self.compare(essence(mixd.model("s")), uninterrupted(settings(), x))

    def test_a_kill_goes_back_to_the_last_checkpoint(self):
        x = points(3000)
        with Restarting(settings()) as mixd:
            mixd.feed_to(x, 1111)
            reply = mixd.ask("checkpoint")
            self.assertGreaterEqual(reply["generation"], 2)
            mixd.feed_to(x, 2000)
            mixd.crash()
            self.assertEqual(mixd.received(), 1111)
            mixd.feed_to(x, 3000)
            self.compare(essence(mixd.model("s")), uninterrupted(settings(), x))

    def test_many_kills_at_random_points_change_nothing(self):
        """Also before the first model, in the warm-up, and with work under way."""
        n = 20 * KILLS
        x = points(n)
        choice = random.Random(reference.SEED)
        with Restarting(settings(every="2ms")) as mixd:
            for kill in range(KILLS):
                start = mixd.received()
                feed = mixd.feed("s")
                feed.array(x[start:n * (kill + 1) // KILLS], choice.randrange(1, 60))
                if choice.random() < 0.5:
                    mixd.ask("checkpoint")
                elif choice.random() < 0.5:
                    mixd.ask("version")
                mixd.crash()
            mixd.feed_to(x, n)
            got = essence(mixd.model("s"))
        self.compare(got, uninterrupted(settings(), x))

    def test_a_kill_during_the_checkpoint_changes_nothing(self):
        """strace kills at the n-th call of a kind; then one generation or the other."""
        if shutil.which("strace") is None or harness.is_sanitized():
            self.skipTest("needs strace, without a sanitizer")
        x = points(1200)
        wanted = uninterrupted(settings(), x)
        calls = (("fdatasync", 24), ("pwrite64", 60), ("unlink", 6), ("openat", 40))
        step = 1 if LONG else 7
        for call, last in calls:
            for at in range(1, last, step):
                with self.subTest(call=call, at=at):
                    self.interrupt(x, wanted, f"{call}:signal=SIGKILL:when={at}")

    def interrupt(self, x, wanted, injection):
        with Restarting(settings()) as mixd:
            mixd.feed_to(x, 700)
            mixd.ask("checkpoint")
            tracer = trace(mixd, injection)
            mixd.feed_to(x, 900)
            for _ in range(6):
                mixd.controller.send({"command": "checkpoint"})
                if mixd.process.poll() is None:
                    mixd.controller.socket.poll(300)
            mixd.kill()
            tracer.communicate()
            mixd.crash()
            self.assertIn(mixd.received(), (700, 900))
            mixd.feed_to(x, 1200)
            self.compare(essence(mixd.model("s")), wanted)

    def test_keys_rejects_freezing_and_sources_are_kept(self):
        text = settings(streams={
            "k": stream(key="id", columns=["id", "x", "y"], feed={"format": "json"}),
            "f": stream(),
        })
        with Restarting(text) as mixd:
            feed = mixd.feed("k")
            for i in range(400):
                feed.send(b'{"id": "pump %d/a", "x": %d, "y": %d}' % (i % 3, i % 17, i % 5))
            feed.send(b'{"id": "pump 1/a", "x": 1e999, "y": 1}')
            feed.send(b"what")
            mixd.drain("k", 402)
            mixd.ask("freeze", stream="f")
            sender = mixd.feed("f")
            header = b'{"dtype": "<f8", "shape": [1, 2], "source": "a", "seq": %d}'
            sender.send(header % 1, bytes(16))
            sender.send(header % 4, bytes(16))
            mixd.drain("f", 2)
            models = [essence(mixd.model("k", key=f"pump {i}/a")) for i in range(3)]
            ledgers = mixd.ledger("k"), mixd.ledger("f")
            rejects = mixd.ask("rejects", stream="k")["rejects"]
            self.assertEqual(ledgers[1]["lost"], 2)
            self.assertEqual(len(rejects), 2)
            mixd.ask("checkpoint")
            mixd.crash()
            self.assertEqual((mixd.ledger("k"), mixd.ledger("f")), ledgers)
            self.assertEqual(mixd.ask("rejects", stream="k")["rejects"], rejects)
            self.assertEqual(mixd.ask("status")["streams"]["f"]["state"], "frozen")
            for i, model in enumerate(models):
                self.compare(essence(mixd.model("k", key=f"pump {i}/a")), model)
            mixd.feed("f").send(header % 7, bytes(16))
            self.assertEqual(mixd.drain("f", 3)["lost"], 4)

    def test_frames_go_on_counting(self):
        with Restarting(settings()) as mixd:
            mixd.feed_to(points(500), 500)
            first = mixd.subscribe("model/s ").until(
                lambda frame: frame["ledger"]["received"] == 500)
            mixd.ask("checkpoint")
            mixd.crash()
            second = mixd.subscribe("model/s ").frame()
            self.assertGreater(second["seq"], first["seq"])
            self.assertNotEqual(second["instance"], first["instance"])

    def test_status_tells_what_is_durable(self):
        with Restarting(settings()) as mixd:
            mixd.ask("checkpoint")
            durability = mixd.ask("status")["durability"]
            self.assertGreaterEqual(durability["generation"], 1)
            self.assertIsNone(durability["problem"])
            self.assertGreater(durability["last"], 1e9)

    # ---- Another configuration, lost and foreign state

    def refused(self, text, folder, code, *arguments):
        with open(os.path.join(folder, "mixd.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        done = harness.run("mixd", "-c", os.path.join(folder, "mixd.yaml"), *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def stopped(self, text, x):
        """A folder whose daemon has learned and was stopped."""
        with Restarting(text, folder=self.folder) as mixd:
            mixd.feed_to(x, len(x))
        return os.path.join(self.folder, "mixd-state")

    def contents(self, folder):
        found = {}
        for path in glob.glob(os.path.join(folder, "[si]*")):
            with open(path, "rb") as file:
                found[os.path.basename(path)] = file.read()
        return found

    def test_another_model_is_refused_with_both_values(self):
        state = self.stopped(settings(), points(300))
        before = self.contents(state)
        changes = ((dict(model=harness.model_section(4)),
                    "streams.s.model.components: the state has 3, the configuration 4"),
                   (dict(fields=("x", "z")), "streams.s.fields"),
                   (dict(fields=("x", "y", "z")), "streams.s.fields"),
                   (dict(model=harness.model_section(3, covariance="diag")),
                    "streams.s.model.covariance: the state has full, the "
                    "configuration diag: change it back, or give the stream another name"),
                   (dict(learn={"seed": 2}),
                    "streams.s.learn.seed: the state has 1, the configuration 2"))
        for change, message in changes:
            with self.subTest(message):
                text = settings(streams={"s": stream(**change)})
                self.assertIn(message, self.refused(text, self.folder, 65))
                self.assertEqual(self.contents(state), before)

    def test_a_stream_that_is_left_out_is_kept(self):
        both = {"s": stream(), "t": stream()}
        with Restarting(settings(streams=both), folder=self.folder) as mixd:
            mixd.feed_to(points(300), 300)
            model = essence(mixd.model("s"))
        with Restarting(settings(streams={"t": stream()}), folder=self.folder) as mixd:
            mixd.feed_to(points(100), 100, name="t")
        with Restarting(settings(streams=both), folder=self.folder) as mixd:
            self.compare(essence(mixd.model("s")), model)
            self.assertEqual(mixd.received("t"), 100)

    def test_a_damaged_file_gives_way_to_the_other(self):
        state = self.stopped(settings(), points(300))
        newest = max(("state.0", "state.1"), key=lambda name: self.generation(state, name))
        with open(os.path.join(state, newest), "r+b") as file:
            file.seek(-2000, os.SEEK_END)
            file.write(b"damage" * 200)
        with Restarting(settings(), folder=self.folder) as mixd:
            self.assertEqual(len(glob.glob(os.path.join(state, newest + ".bad-*"))), 1)
            self.assertIn(newest, mixd.errors())
            mixd.feed_to(points(400), 400)

    @staticmethod
    def generation(state, name):
        with sqlite3.connect(os.path.join(state, name)) as base:
            return base.execute("SELECT generation FROM store").fetchone()[0]

    def test_lost_and_unreadable_states_are_refused_untouched(self):
        state = self.stopped(settings(), points(300))
        for name in ("state.0", "state.1"):
            with open(os.path.join(state, name), "wb") as file:
                file.write(b"hello")
        before = self.contents(state)
        errors = self.refused(settings(), self.folder, 65)
        self.assertIn("state.0", errors)
        self.assertIn("state.1", errors)
        self.assertEqual(self.contents(state), before)
        for name in ("state.0", "state.1"):
            os.unlink(os.path.join(state, name))
        self.assertIn("state lost", self.refused(settings(), self.folder, 65))
        with Restarting(settings(), arguments=("--init",), folder=self.folder) as mixd:
            self.assertEqual(mixd.received(), 0)

    def test_a_newer_state_is_refused(self):
        state = self.stopped(settings(), points(300))
        for name in ("state.0", "state.1"):
            with sqlite3.connect(os.path.join(state, name)) as base:
                base.execute("PRAGMA user_version = 99")
                base.execute("UPDATE store SET version = 99")
        self.assertIn("schema 99, this program knows up to",
                      self.refused(settings(), self.folder, 65))

    def test_a_backup_can_be_brought_back(self):
        x = points(900)
        backup = os.path.join(self.folder, "saved")
        with Restarting(settings()) as mixd:
            mixd.feed_to(x, 600)
            mixd.ask("backup", file=backup)
            self.assertEqual(mixd.refusal("backup", file=backup), "refused")
            self.assertEqual(mixd.refusal("backup", file="saved"), "argument")
            mixd.feed_to(x, 900)
            wanted = essence(mixd.model("s"))
        folder = os.path.join(self.folder, "new")
        os.makedirs(os.path.join(folder, "mixd-state"), mode=0o700)
        shutil.move(backup, os.path.join(folder, "mixd-state", "state.0"))
        with Restarting(settings(), folder=folder) as mixd:
            self.assertEqual(mixd.received(), 600)
            mixd.feed_to(x, 900)
            self.compare(essence(mixd.model("s")), wanted)

    def test_states_of_every_version_are_loaded(self):
        """And written anew; one of the streams is not configured any more."""
        golden = os.path.join(harness.SOURCE, "tests", "golden")
        for path in sorted(glob.glob(os.path.join(golden, "capture-*.sqlite"))):
            with self.subTest(path), open(path.replace(".sqlite", ".json"),
                                          encoding="utf-8") as file:
                self.load(path, harness.parse(file.read()))

    def load(self, path, golden):
        folder = os.path.join(self.folder, os.path.basename(path))
        state = os.path.join(folder, "mixd-state")
        os.makedirs(state, mode=0o700)
        shutil.copy(path, os.path.join(state, "state.1"))
        del golden["config"]["streams"]["gone"]
        with Restarting(json.dumps(golden["config"]), folder=folder) as mixd:
            for _ in range(2):
                for topic, wanted in golden["models"].items():
                    name, _, key = topic.partition("/")
                    model = mixd.model(name, **({"key": key} if key else {}))
                    model["ledger"] = wanted["ledger"]  # of the key, not of the stream
                    self.compare(model, {**wanted, "seq": model["seq"]})
                for name, wanted in golden["ledgers"].items():
                    self.compare(mixd.ledger(name), wanted)
                for name, wanted in golden.get("sources", {}).items():
                    found = mixd.ask("sources", stream="r")["sources"][name]
                    self.compare(found, wanted)
                mixd.ask("checkpoint")
                mixd.crash()

    # ---- Failing disks

    def degraded(self, mixd):
        self.assertEqual(mixd.refusal("checkpoint"), "refused")
        problem = mixd.ask("status")["durability"]["problem"]
        self.assertTrue(problem)
        return problem

    def test_a_folder_that_is_gone_degrades_until_it_is_back(self):
        x = points(800)
        with Restarting(settings()) as mixd:
            mixd.feed_to(x, 400)
            mixd.ask("checkpoint")
            os.rename(mixd.state, mixd.state + ".away")
            mixd.feed("s")  # control and feeds go on
            self.degraded(mixd)
            self.degraded(mixd)
            os.rename(mixd.state + ".away", mixd.state)
            mixd.feed_to(x, 800)
            self.assertGreater(mixd.ask("checkpoint")["generation"], 1)
            self.assertEqual(mixd.errors().count("checkpoint:"), 1, mixd.errors())
            self.assertIn("checkpoints work again", mixd.errors())
            mixd.crash()
            self.assertEqual(mixd.received(), 800)

    def test_a_folder_that_is_replaced_is_locked_and_written(self):
        x = points(400)
        with Restarting(settings()) as mixd:
            mixd.feed_to(x, 400)
            os.rename(mixd.state, mixd.state + ".away")
            os.mkdir(mixd.state, 0o700)
            mixd.ask("checkpoint")
            second = harness.run("mixd", "-c", mixd.file)
            self.assertEqual(second.returncode, 75, second.stderr)
            mixd.crash()
            self.assertEqual(mixd.received(), 400)

    def test_a_daemon_can_be_found_again_in_a_replaced_folder(self):
        """The folder removed and made anew, emptied, become a link; the socket alone."""
        def remove(state):
            os.rename(state, state + ".away")
            os.mkdir(state, 0o700)
            shutil.rmtree(state + ".away")

        def empty(state):
            for name in os.listdir(state):
                with contextlib.suppress(FileNotFoundError):  # the daemon's own work
                    os.unlink(os.path.join(state, name))

        def link(state):
            os.rename(state, state + ".away")
            os.mkdir(state + ".new", 0o700)
            os.symlink(state + ".new", state)

        def unlink(state):
            os.unlink(os.path.join(state, "control.sock"))

        x = points(300)
        for change in (remove, empty, link, unlink):
            folder = os.path.join(self.folder, change.__name__)
            os.mkdir(folder)
            with self.subTest(change.__name__), \
                    Restarting(settings(every="10ms"), folder=folder) as mixd:
                mixd.feed_to(x, 300)
                change(mixd.state)
                names = [os.path.join(mixd.state, name)
                         for name in ("control.sock", "endpoints.json")]
                until = time.monotonic() + harness.DEADLINE
                while not all(map(os.path.exists, names)):
                    self.assertLess(time.monotonic(), until, mixd.errors())
                mixd.controller = mixd.client()
                mixd.ask("checkpoint")
                with open(os.path.join(mixd.state, "endpoints.json"),
                          encoding="utf-8") as file:
                    self.assertEqual(harness.parse(file.read())["streams"]["s"],
                                     mixd.streams()["s"]["feed"]["endpoints"])
                second = harness.run("mixd", "-c", mixd.file)
                self.assertEqual(second.returncode, 75, second.stderr)
                self.assertEqual(mixd.errors().count("bound again"), 1, mixd.errors())
                mixd.crash()
                self.assertEqual(mixd.received(), 300)

    def test_the_folder_may_be_a_link(self):
        """As systemd makes it where it chooses the user."""
        x = points(200)
        os.mkdir(os.path.join(self.folder, "real"), 0o700)
        os.symlink("real", os.path.join(self.folder, "mixd-state"))
        with Restarting(settings(), folder=self.folder) as mixd:
            mixd.feed_to(x, 200)
            self.assertGreater(mixd.ask("checkpoint")["generation"], 1)
            mixd.crash()
            self.assertEqual(mixd.received(), 200)
            self.assertNotIn("warn", mixd.errors())

    def test_a_file_size_limit_is_a_full_disk(self):
        """RLIMIT_FSIZE below the state: EFBIG, and no SIGXFSZ that ends the daemon."""
        x = points(600)
        with Restarting(settings()) as mixd:
            mixd.feed_to(x, 600)
            subprocess.run(["prlimit", f"--pid={mixd.process.pid}", "--fsize=4096:"],
                           check=True)
            self.degraded(mixd)
            subprocess.run(["prlimit", f"--pid={mixd.process.pid}",
                            "--fsize=unlimited:"], check=True)
            mixd.ask("checkpoint")
            mixd.crash()
            self.assertEqual(mixd.received(), 600)

    def test_a_full_disk_degrades_until_there_is_room(self):
        """A small tmpfs: the state fits when it is empty, not with what it learned."""
        state = os.path.join(self.folder, "mixd-state")
        os.mkdir(state, 0o700)
        mount = ["mount", "-t", "tmpfs", "-o", "size=48k,mode=0700", "tmpfs", state]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            self.skipTest("may not mount")
        self.addCleanup(subprocess.run, ["umount", "-l", state], check=True)
        x = points(900)
        with Restarting(settings(), folder=self.folder) as mixd:
            mixd.feed_to(x, 900)
            self.assertRegex(self.degraded(mixd), "full|No space")
            mixd.model("s")  # learning goes on
            subprocess.run(["mount", "-o", "remount,size=64m", state], check=True)
            mixd.ask("checkpoint")
            self.assertIsNone(mixd.ask("status")["durability"]["problem"])
            mixd.crash()
            self.assertEqual(mixd.received(), 900)

    def test_failing_calls_degrade_and_recover(self):
        """Every kind of call of a checkpoint fails for a while, from the n-th on."""
        if shutil.which("strace") is None or harness.is_sanitized():
            self.skipTest("needs strace, without a sanitizer")
        x = points(500)
        for call, error in (("fdatasync", "EIO"), ("pwrite64", "ENOSPC"),
                            ("pwrite64", "EDQUOT"), ("unlink", "EROFS"),
                            ("openat", "EROFS")):
            for at in (1, 2, 3, 5):
                with self.subTest(call=call, error=error, at=at):
                    self.fail_and_recover(x, call, error, at)

    def fail_and_recover(self, x, call, error, at):
        with Restarting(settings()) as mixd:
            mixd.feed_to(x, 300)
            mixd.ask("checkpoint")
            tracer = trace(mixd, f"{call}:error={error}:when={at}+")
            mixd.feed_to(x, 500)
            mixd.controller.request("checkpoint")
            mixd.controller.request("checkpoint")
            tracer.send_signal(signal.SIGINT)
            tracer.communicate()
            mixd.ask("checkpoint")
            self.assertIsNone(mixd.ask("status")["durability"]["problem"])
            mixd.crash()
            self.assertEqual(mixd.received(), 500)


if __name__ == "__main__":
    harness.main()
