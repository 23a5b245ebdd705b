# SPDX-License-Identifier: MIT
"""What tools/demo does before it builds anything."""

import os
import shutil
import subprocess
import unittest

import harness

EX_USAGE, EX_UNAVAILABLE = 64, 69


class Demo(unittest.TestCase):
    """With a dpkg-query and an apt-get of our own making, a host that has nothing."""

    def setUp(self):
        self.folder = harness.temporary_folder()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.log = os.path.join(self.folder, "called")

    def fake(self, name, script):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)

    def run_tool(self, name, *arguments):
        env = {**os.environ, "PATH": f"{self.folder}:/usr/bin:/bin"}
        return subprocess.run([os.path.join(harness.SOURCE, "tools", name), *arguments],
                              env=env, cwd=self.folder, stdin=subprocess.DEVNULL,
                              text=True, capture_output=True, timeout=harness.DEADLINE)

    def test_no_install_names_what_is_missing(self):
        for name in ("dpkg-query", "dpkg"):
            self.fake(name, "exit 1")
        for name in ("apt-get", "sudo"):
            self.fake(name, f"echo {name} >>{self.log}; exit 1")
        done = self.run_tool("demo", "--no-install")
        self.assertEqual(done.returncode, EX_UNAVAILABLE, done.stderr)
        self.assertIn("libczmq-dev", done.stderr + done.stdout)
        self.assertFalse(os.path.exists(self.log), "nothing is installed")

    def test_an_option_that_is_not_known(self):
        self.assertEqual(self.run_tool("demo", "--no-such-option").returncode, EX_USAGE)

    def test_packages_are_names_that_debian_takes(self):
        for kind in ("build", "test"):
            done = self.run_tool("packages", kind)
            self.assertEqual(done.returncode, 0, done.stderr)
            for name in done.stdout.split():
                self.assertRegex(name, r"^[a-z0-9][a-z0-9+.-]+$")
        self.assertIn("python3-zmq", done.stdout.split())


if __name__ == "__main__":
    harness.main()
