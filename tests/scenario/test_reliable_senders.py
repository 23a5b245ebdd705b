# SPDX-License-Identifier: MIT
"""Our own senders of the reliable feed against the real daemon: mixfeed, the module for
Python and the example of libmixfeed, while both sides are killed and the network resets.
In the end the ledger is exact and the model that of an undisturbed run, bit for bit."""

import fcntl
import os
import random
import selectors
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading

import harness
import reference
from harness import config, Daemon, DEADLINE, InFolder, program, run, stream
from reference import csv, parameters

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_IOERR = 64, 65, 69, 74
N_POINTS = 6000
N_KILLS = 10
TOOLS = os.path.join(harness.SOURCE, "tools")
# Sends the rows of a file in pieces; the note says how many it has sent.
MODULE = """
import sys, numpy, mixfeed
endpoint, source, spool, rows = sys.argv[1:]
rows = numpy.load(rows)
with mixfeed.Feed(endpoint, source, rows.shape[1], spool=spool) as feed:
    while feed.note < len(rows):
        piece = rows[feed.note:feed.note + 100]
        feed.send(piece, note=feed.note + len(piece))
"""


class Proxy:
    """Passes bytes between TCP peers, and resets all of them when told to."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.endpoint = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.peers, self.resets, self.is_over = {}, 0, False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_over:
            for key, _ in self.selector.select(0.02):
                with self.lock:
                    if key.fileobj is self.listener:
                        self.accept()
                    elif key.fileobj in self.peers:
                        self.forward(key.fileobj)

    def accept(self):
        try:
            near = self.listener.accept()[0]
            far = socket.create_connection(self.target)
        except OSError:
            return
        for one, other in ((near, far), (far, near)):
            self.peers[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def forward(self, one):
        try:
            data = one.recv(1 << 16)
            if data:
                return self.peers[one].sendall(data)
        except OSError:
            pass
        return self.cut(one)

    def cut(self, one):
        for end in (one, self.peers.get(one)):
            if end in self.peers:
                del self.peers[end]
                self.selector.unregister(end)
                # No orderly end: RST, and what is on its way is gone.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))
                end.close()

    def reset(self):
        with self.lock:
            self.resets += len(self.peers) // 2
            for one in list(self.peers):
                self.cut(one)

    def close(self):
        self.is_over = True
        self.thread.join()
        self.reset()
        self.listener.close()


def reliable(endpoint):
    return stream(feed={"type": "reliable", "bind": endpoint})


def daemon(endpoint):
    """One whose points are soon safe."""
    return Daemon(config({"s": reliable(endpoint)}, checkpoint={"every": "50ms"}))


class Senders(InFolder):
    def setUp(self):
        super().setUp()
        self.points = reference.mixture(N_POINTS, salt=90)
        self.endpoint = "ipc://" + os.path.join(self.folder, "feed")
        self.draw = random.Random(reference.SEED)

    def environment(self, mixd):
        return {**os.environ, "MIXD_CONTROL": mixd.control_endpoint, "PYTHONPATH": TOOLS}

    def mixfeed(self, mixd, *arguments, **more):
        return run("mixfeed", "--reliable", *arguments, env=self.environment(mixd),
                   within=3 * DEADLINE, **more)

    def start(self, mixd, command, stdin=None):
        """A sender in the background."""
        sender = subprocess.Popen(command, env=self.environment(mixd),
                                  stdin=stdin or subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True)
        self.addCleanup(self.end, sender)
        return sender

    @staticmethod
    def end(sender):
        sender.kill()
        sender.wait()
        for pipe in (sender.stdout, sender.stderr):
            pipe.close()

    def undisturbed(self):
        """What the model must be."""
        with daemon(self.endpoint) as mixd:
            path = self.write("plain.npy", self.points)
            done = self.mixfeed(mixd, "--source", "s", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"sent {N_POINTS} accounted {N_POINTS}", done.stdout)
            return parameters(mixd.model("s"))

    def exact(self, mixd, expected):
        ledger = mixd.ledger("s")
        self.assertEqual(ledger["learned"] + ledger["queued"], N_POINTS)
        self.assertEqual((ledger["lost"], ledger["rejected"]), (0, {}))
        self.assertEqual(parameters(mixd.model("s")), expected)

    def received(self, mixd):
        return mixd.ledger("s")["received"] - mixd.ledger("s")["duplicate"]

    def commands(self):
        """The three senders, as they are started again after each kill."""
        rows = self.write("rows.npy", self.points)
        text = self.write("rows.txt", csv(self.points, " ", header=None))
        spool = os.path.join(self.folder, "spool-")
        return {
            "mixfeed": ([program("mixfeed"), "--reliable", "--source", "a", "--batch",
                         "50", rows], None),
            "mixfeed-spool": ([program("mixfeed"), "--reliable", "--source", "b", "--spool",
                               spool + "b", "--batch", "50", rows], None),
            "module": ([sys.executable, "-c", MODULE, self.endpoint, "c", spool + "c",
                        rows], None),
            "example": ([program("lib/feed/mixfeed_example"), self.endpoint, "d", "2",
                         spool + "d"], text),
        }

    def disturb(self, mixd, command, text):
        """Runs a sender until it has ended well, starting it again as often as need be;
        at N_KILLS moments sender, daemon or both die."""
        marks = sorted(self.draw.sample(range(N_POINTS), N_KILLS))
        while True:
            with open(text or os.devnull, encoding="ascii") as stdin:
                sender = self.start(mixd, command, stdin)
            while marks and sender.poll() is None:
                if self.received(mixd) >= marks[0]:
                    self.kill(self.draw.choice(("sender", "daemon", "both")), sender, mixd)
                    del marks[0]
            output = sender.communicate(timeout=3 * DEADLINE)
            if sender.returncode == 0:
                break
            # 69: it had just begun to ask the daemon that was killed.
            self.assertIn(sender.returncode, (-signal.SIGKILL, EX_UNAVAILABLE), output)
        self.assertLess(len(marks), N_KILLS // 2)

    @staticmethod
    def kill(who, sender, mixd):
        if who != "daemon":
            sender.kill()
            sender.wait()
        if who != "sender":
            mixd.kill()
            mixd.start()

    def test_kills_of_either_side_change_nothing(self):
        expected = self.undisturbed()
        for name, (command, text) in self.commands().items():
            with self.subTest(name), daemon(self.endpoint) as mixd:
                self.disturb(mixd, command, text)
                self.exact(mixd, expected)

    def test_a_network_that_resets_changes_nothing(self):
        expected = self.undisturbed()
        rows = self.write("rows.npy", self.points)
        for source, extra in (("a", []), ("b", ["--spool", self.folder + "/reset"])):
            with self.subTest(source), daemon(harness.ANY_PORT) as mixd:
                endpoint = mixd.streams()["s"]["feed"]["endpoints"][0]
                proxy = Proxy(("127.0.0.1", int(endpoint.rpartition(":")[2])))
                self.addCleanup(proxy.close)
                sender = self.start(mixd, [
                    program("mixfeed"), "--reliable", "--source", source, "--to",
                    proxy.endpoint, "--batch", "20", *extra, rows])
                for mark in sorted(self.draw.sample(range(1, N_POINTS), 10)):
                    while self.received(mixd) < mark and sender.poll() is None:
                        pass
                    proxy.reset()
                output = sender.communicate(timeout=3 * DEADLINE)
                self.assertEqual(sender.returncode, 0, output)
                self.assertGreater(proxy.resets, 0)
                self.exact(mixd, expected)

    def test_what_can_be_read_once_needs_a_spool(self):
        path = self.write("a.csv", csv(self.points[:500]))
        with daemon(self.endpoint) as mixd:
            for source in (["--format", "csv", "-"], ["--fields", "busy,forks", "host:"],
                           ["synth:points=0"]):
                done = self.mixfeed(mixd, "--source", "s", *source, stdin="x,y\n1,2\n")
                self.assertEqual(done.returncode, EX_USAGE, source)
                self.assertIn("--spool", done.stderr)
            with open(path, encoding="ascii") as file:
                text = file.read()
            spool = os.path.join(self.folder, "spool")
            for total in (500, 1000):  # a pipe is new every time
                done = self.mixfeed(mixd, "--source", "s", "--spool", spool,
                                    "--input-format", "csv", "-", stdin=text)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("sent 500 accounted 500", done.stdout)
                self.assertEqual(mixd.ledger("s")["received"], total)

    def test_rows_are_sent_once_and_other_rows_are_refused(self):
        path = self.write("a.csv", csv(self.points[:500]))
        grown = self.write("b.csv", csv(self.points[:300]))
        spool = ["--source", "b", "--spool", os.path.join(self.folder, "spool")]
        with daemon(self.endpoint) as mixd:
            for _ in range(2):
                done = self.mixfeed(mixd, "--source", "a", path)
                self.assertIn("sent 500 accounted 500", done.stdout, done.stderr)
                self.assertEqual(mixd.ledger("s")["received"], 500)
            self.write("a.csv", csv(self.points[:501]))
            done = self.mixfeed(mixd, "--source", "a", path)
            self.assertEqual(done.returncode, EX_DATAERR, done.stderr)
            self.assertRegex(done.stderr, "incarnation.*forget-source")
            for count, new in ((300, 300), (300, 0), (500, 200)):
                self.write("b.csv", csv(self.points[:count]))
                done = self.mixfeed(mixd, *spool, grown)
                self.assertIn(f"sent {new} accounted {new}", done.stdout, done.stderr)
            self.write("b.csv", csv(self.points[1:600]))
            done = self.mixfeed(mixd, *spool, grown)
            self.assertEqual(done.returncode, EX_DATAERR, done.stderr)
            ledger = mixd.ledger("s")
            self.assertEqual((ledger["received"], ledger["duplicate"]), (1000, 0))

    def test_a_daemon_that_is_away_is_waited_for_and_then_given_up(self):
        path = self.write("a.npy", self.points)
        with daemon(self.endpoint) as mixd:
            sender = self.start(mixd, [program("mixfeed"), "--reliable", "--source", "a",
                                       "--rate", "1000", "--timeout", "0.5", path])
            while self.received(mixd) < 10:
                self.assertIsNone(sender.poll())
            mixd.kill()
            _, errors = sender.communicate(timeout=DEADLINE)
            self.assertEqual(sender.returncode, EX_IOERR, errors)
            self.assertRegex(errors, "no progress for 0.5 s.*applied.*safe")
            mixd.start()
            done = self.mixfeed(mixd, "--source", "a", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            ledger = mixd.ledger("s")
            self.assertEqual(ledger["learned"] + ledger["queued"], N_POINTS)

    def piped(self, mixd, spool, pipe):
        """mixfeed that reads CSV from a pipe, which stays ours as well."""
        sender = subprocess.Popen(
            [program("mixfeed"), "--reliable", "--source", "p", "--spool", spool,
             "--format", "csv", "-"], stdin=pipe, env=self.environment(mixd),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(sender.wait)
        self.addCleanup(sender.kill)
        return sender

    @staticmethod
    def end(sender):
        sender.kill()
        sender.wait()

    def test_a_pipe_loses_nothing_that_was_read_before(self):
        """Killed when it has had the time to spool what came."""
        spool, sent = os.path.join(self.folder, "spool"), 0
        output, pipe = os.pipe()
        with daemon(self.endpoint) as mixd, os.fdopen(pipe, "wb", 0) as to:
            for n_rows in (1, 2, 300, 1, 700):
                sender = self.piped(mixd, spool, output)
                to.write(csv(self.points[sent:sent + n_rows]).encode())
                sent += n_rows
                mixd.drain("s", sent)
                self.end(sender)
            os.close(output)
            ledger = mixd.ledger("s")
            self.assertEqual((ledger["learned"] + ledger["queued"], ledger["duplicate"]),
                             (sent, 0))

    def test_a_pipe_in_full_flow_loses_what_one_read_takes_at_most(self):
        """Of the bytes that left the pipe all but 64 KiB are in the spool."""
        spool = os.path.join(self.folder, "spool")
        line = b"1234567,7654321\n"
        output, pipe = os.pipe()
        with daemon(self.endpoint) as mixd:
            sender = self.piped(mixd, spool, output)
            written = 0
            while mixd.ledger("s")["received"] < 20000:
                written += os.write(pipe, line * 256)
            self.end(sender)
            left = struct.unpack("i", fcntl.ioctl(output, termios.FIONREAD, b"    "))[0]
            os.close(pipe)
            while os.read(output, 1 << 20):  # nobody wants them
                pass
            self.piped(mixd, spool, output).wait(DEADLINE)  # sends what it holds
            os.close(output)
            learned = mixd.ask("sources", stream="s", source="p")["sources"]["p"]["applied"]
            self.assertGreaterEqual(learned, 20000)
            self.assertLessEqual(learned * len(line), written - left)
            self.assertLess(written - left - learned * len(line), (64 << 10) + len(line))

    def test_a_state_that_was_lost_is_named(self):
        spool = os.path.join(self.folder, "spool")
        arguments = ("--source", "b", "--spool", spool, "--format", "csv", "-")
        text = csv(self.points[:100])
        with daemon(self.endpoint) as mixd:
            self.assertEqual(self.mixfeed(mixd, *arguments, stdin=text).returncode, 0)
        with daemon(self.endpoint) as mixd:  # of a new state
            done = self.mixfeed(mixd, *arguments, stdin=text)
            self.assertEqual(done.returncode, EX_DATAERR, done.stderr)
            self.assertRegex(done.stderr, "points 1 to 100 .100. are lost.*forget-source")

    def test_usage(self):
        path = self.write("a.npy", self.points[:10])
        streams = {"s": reliable(self.endpoint), "plain": stream()}
        wrong = [["--stream", "s", "--reliable", path],
                 ["--stream", "s", "--source", "a", path],
                 ["--stream", "s", "--spool", "a", path],
                 ["--stream", "s", path],
                 ["--stream", "plain", "--reliable", "--source", "a", path],
                 ["--stream", "s", "--reliable", "--source", "a b", path],
                 ["--stream", "s", "--reliable", "--source", "a", "--format", "csv", path],
                 ["--stream", "s", "--reliable", "--source", "a", "--bind",
                  "tcp://127.0.0.1:*", path]]
        with Daemon(config(streams)) as mixd:
            for arguments in wrong:
                with self.subTest(arguments):
                    done = run("mixfeed", *arguments, env=self.environment(mixd))
                    self.assertEqual(done.returncode, EX_USAGE, done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    harness.main()
