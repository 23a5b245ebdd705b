# SPDX-License-Identifier: MIT
"""Memory runs out at any moment: the daemon refuses what it was asked, or says so in one
line and ends with its exit code, and after a restart nothing is wrong. Never a signal."""

import mmap
import os
import random
import struct
import subprocess
import unittest

import harness
import reference
from harness import config, Daemon, InFolder, program, stream
from reference import check_ledger, mixture

EX_OSERR = 71
LONG = os.environ.get("MIXD_TEST_LONG")
SHIM = os.path.join(os.environ["abs_builddir"], "tests", "scenario", "failmalloc.so")


class Allocations:
    """What the daemon shares with failmalloc.c."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "allocations")
        with open(self.path, "wb") as file:
            file.write(bytes(16))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 16)
        self.env = {"LD_PRELOAD": SHIM, "FAILMALLOC": self.path}

    def count(self):
        return struct.unpack("=Q", self.map[:8])[0]

    def fail(self, at):
        """Counting begins anew, and the at-th allocation from here fails."""
        self.map[:] = struct.pack("=QQ", 0, at)

    def close(self):
        self.map.close()


def some_of(total, n):
    """All of 1..total where there is time, or n of them, the first and the last included."""
    if LONG or total <= n:
        return range(1, total + 1)
    chosen = random.Random(reference.SEED).sample(range(2, total), n - 2)
    return sorted([1, total, *chosen])


@unittest.skipIf(harness.is_sanitized(), "a sanitizer has an allocator of its own")
@unittest.skipUnless(os.path.exists(SHIM), "the shim was not built")
class Memory(InFolder):
    def setUp(self):
        super().setUp()
        self.allocations = Allocations(self.folder)
        self.addCleanup(self.allocations.close)
        self.text = config({"a": stream(missing="marginalize"),
                            "b": {**stream(), "key": "k"}})

    def check_ended(self, code, errors, at):
        """By its own decision, and it said why."""
        self.assertIn(code, (0, 65, 69, 70, EX_OSERR, 74, 78), f"at {at}: {errors}")
        if code != 0:
            self.assertRegex(errors, r"memory|[Ee]rror|cannot|unable", f"at {at}")

    def test_the_configuration_is_checked(self):
        path = self.write("mixd.yaml", self.text)
        command = [program("mixd"), "--check", "-c", path]
        env = {**os.environ, **self.allocations.env}
        self.allocations.fail(0)
        subprocess.run(command, env=env, check=True)
        total = self.allocations.count()
        self.assertGreater(total, 100)
        n_failed = 0
        for at in some_of(total, 80):
            self.allocations.fail(at)
            done = subprocess.run(command, env=env, capture_output=True, text=True,
                                  timeout=harness.DEADLINE, check=False)
            self.check_ended(done.returncode, done.stderr, at)
            n_failed += done.returncode != 0
        self.assertGreater(n_failed, 0)

    def start_and_stop(self, folder, at):
        self.allocations.fail(at)
        with open(os.path.join(folder, "mixd.yaml"), "w", encoding="utf-8") as file:
            file.write(self.text)
        with subprocess.Popen(
                [program("mixd"), "-c", os.path.join(folder, "mixd.yaml")], cwd=folder,
                env={**os.environ, **self.allocations.env, "NOTIFY_SOCKET": ""},
                stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
            errors = ""
            for line in process.stderr:
                errors += line
                if "ready" in line:
                    process.terminate()
            return process.wait(harness.DEADLINE), errors

    def test_it_starts(self):
        folder = harness.temporary_folder()
        self.addCleanup(harness.shutil.rmtree, folder, ignore_errors=True)
        code, errors = self.start_and_stop(folder, 0)
        self.assertEqual(code, 0, errors)
        total = self.allocations.count()
        for at in some_of(total, 40):
            code, errors = self.start_and_stop(folder, at)
            self.check_ended(code, errors, at)
        code, errors = self.start_and_stop(folder, 0)
        self.assertEqual(code, 0, errors)

    def traffic(self, mixd, points):
        """Everything that a feed and a client make the daemon do."""
        with mixd.feed("a") as feed:
            feed.array(points)
            feed.send(b"[1, 2]\n{\"x\": 1}\nnonsense")
        with mixd.feed("b") as feed:
            feed.send(b'{"x": 1, "y": 2, "k": "one"}\n{"x": 1, "y": 2, "k": "two"}')
        mixd.drain("a", len(points) + 3)
        for command, arguments in (("model", {"stream": "a"}), ("status", {}),
                                   ("rejects", {"stream": "a"}), ("checkpoint", {}),
                                   ("reload", {}), ("config", {}),
                                   ("sample", {"stream": "a", "n": 3, "seed": 1})):
            mixd.controller.request(command, **arguments)

    def test_it_runs(self):
        points = mixture(300, salt=190)
        with Daemon(self.text, env=self.allocations.env) as mixd:
            self.allocations.fail(0)
            self.traffic(mixd, points)
            total = self.allocations.count()
        for at in some_of(total, 20):
            with self.subTest(at=at), Daemon(self.text, env=self.allocations.env) as mixd:
                self.allocations.fail(at)
                try:
                    self.traffic(mixd, points)
                except AssertionError:
                    self.allocations.fail(0)
                    if mixd.process.poll() is None:
                        raise
                    code = mixd.process.wait(harness.DEADLINE)
                    self.check_ended(code, mixd.errors(), at)
                    mixd.start()
                self.allocations.fail(0)
                for name in ("a", "b"):
                    check_ledger(mixd.ledger(name))


if __name__ == "__main__":
    harness.main()
