# SPDX-License-Identifier: MIT
"""mixwatch on a terminal: a page for every model, until q is pressed."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

import harness
from harness import config, Daemon, program, stream
from reference import mixture

ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>78])|[\x0e\x0f]")


class Terminal:
    """A program on a terminal of so many columns and rows."""

    def __init__(self, *command, columns=100, rows=30, **env):
        self.descriptor, slave = pty.openpty()
        self.size(columns, rows)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm", **env})
        os.close(slave)
        self.text = ""

    def size(self, columns, rows):
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, pattern):
        """Reads until what was printed since the last call matches; all of it then."""
        until = time.monotonic() + harness.DEADLINE
        while not re.search(pattern, ESCAPES.sub("", self.text)):
            if not select.select([self.descriptor], [], [], until - time.monotonic())[0]:
                raise AssertionError(f"no {pattern} came:\n{self.text[-3000:]}")
            self.text += os.read(self.descriptor, 65536).decode(errors="replace")
        seen, self.text = ESCAPES.sub("", self.text), ""
        return seen

    def press(self, keys):
        os.write(self.descriptor, keys.encode())

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.descriptor)


def has_screen():
    with open(program("mixwatch"), "rb") as file:
        return b"endwin" in file.read()


@unittest.skipUnless(has_screen(), "built without ncurses")
class Screen(unittest.TestCase):
    def watch(self, mixd, **more):
        return Terminal(program("mixwatch"), "--from",
                        mixd.ask("status")["endpoints"]["publish"][0], **more)

    def test_it_shows_every_model_until_q(self):
        with Daemon(config({"boiler": stream(("temperature", "pressure")),
                            "pump": stream()})) as mixd:
            for name in ("boiler", "pump"):
                harness.learned(mixd, name, mixture(1000, salt=201))
            with self.watch(mixd, LC_ALL="C.UTF-8") as terminal:
                page = terminal.until(r"(?s)boiler.*pump.*lost")
                self.assertIn("temperature", page)
                self.assertIn("\u2588", page)  # bars of blocks
                terminal.press("q")
                self.assertEqual(terminal.process.wait(harness.DEADLINE), 0)

    def test_a_plain_and_a_small_terminal(self):
        with Daemon(config({"boiler": stream()})) as mixd:
            harness.learned(mixd, "boiler", mixture(1000, salt=202))
            with self.watch(mixd, LC_ALL="C", columns=30, rows=4) as terminal:
                page = terminal.until(r"boiler")
                self.assertNotIn("\u2588", page)
                terminal.size(120, 40)
                terminal.process.send_signal(signal.SIGWINCH)
                harness.learned(mixd, "boiler", mixture(1000, salt=203))
                terminal.until(r"received")
                terminal.process.send_signal(signal.SIGTERM)
                self.assertEqual(terminal.process.wait(harness.DEADLINE), 0)


if __name__ == "__main__":
    harness.main()
