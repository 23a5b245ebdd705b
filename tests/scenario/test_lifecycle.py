# SPDX-License-Identifier: MIT
"""From start to stop: signals, locks, sockets in the way, closed descriptors."""

import fcntl
import os
import signal
import time
import unittest

import zmq

import harness
import reference
from harness import config, CONTEXT, Daemon, InFolder, learned, run, stream
from reference import parameters

EX_UNAVAILABLE, EX_IOERR, EX_TEMPFAIL = 69, 74, 75
N_POINTS = 2048


class Signals(unittest.TestCase):
    def test_sigterm_leaves_with_zero_after_a_last_frame(self):
        text = config({"s": stream(publish={"every": "1h"})})
        with Daemon(text) as mixd:
            frames = mixd.subscribe("model/s ")
            self.assertEqual(frames.frame()["ledger"]["received"], 0)
            learned(mixd, "s", reference.mixture(N_POINTS + 7))
            mixd.process.send_signal(signal.SIGTERM)
            last = frames.until(lambda f: f["ledger"]["received"] == N_POINTS + 7)
            self.assertGreater(last["ledger"]["queued"], 0, "no block is closed early")
            mixd.leave()

    def test_sigint_is_the_same(self):
        with Daemon(config({"s": stream()})) as mixd:
            mixd.process.send_signal(signal.SIGINT)
            mixd.leave()

    def test_sigterm_twice_is_still_orderly(self):
        with Daemon(config({"s": stream()})) as mixd:
            learned(mixd, "s", reference.mixture(N_POINTS))
            mixd.process.send_signal(signal.SIGTERM)
            mixd.process.send_signal(signal.SIGTERM)
            mixd.leave()

    def test_sigterm_again_and_again_ends_it(self):
        with Daemon(config({"s": stream()})) as mixd:
            while mixd.process.poll() is None:
                mixd.process.send_signal(signal.SIGTERM)
            self.assertIn(mixd.process.returncode, (0, 130))

    def test_sigterm_in_the_middle_of_a_flood(self):
        with Daemon(config({"s": stream()})) as mixd:
            feed, frames = mixd.feed("s"), mixd.subscribe("model/s ")
            feed.socket.setsockopt(zmq.LINGER, 0)
            points = reference.mixture(100000)
            feed.array(points)
            frames.until(lambda f: f["ledger"]["learned"] > 0)
            mixd.stop()

    def test_ten_thousand_sighups_change_nothing(self):
        with Daemon(config({"s": stream()})) as mixd:
            learned(mixd, "s", reference.mixture(N_POINTS))
            before = parameters(mixd.model("s"))
            for _ in range(10000):
                mixd.process.send_signal(signal.SIGHUP)
            self.assertEqual(parameters(mixd.model("s")), before)
            learned(mixd, "s", reference.mixture(N_POINTS))

    def test_a_stopped_daemon_goes_on_where_it_was(self):
        points = reference.mixture(N_POINTS, salt=60)
        with Daemon(config({"s": stream(), "t": stream()})) as mixd:
            feed = mixd.feed("s")
            feed.array(points[:1000])
            mixd.drain("s", 1000)
            mixd.process.send_signal(signal.SIGSTOP)
            feed.array(points[1000:])
            mixd.process.send_signal(signal.SIGCONT)
            mixd.drain("s", N_POINTS)
            learned(mixd, "t", points)
            self.assertEqual(parameters(mixd.model("s")), parameters(mixd.model("t")))


class InTheWay(InFolder):
    """What another program holds is not taken over."""

    def test_a_second_daemon_on_the_same_state(self):
        with Daemon(config({"s": stream()})) as mixd:
            start = time.monotonic()
            second = run("mixd", "-c", mixd.file)
            self.assertLess(time.monotonic() - start, 1 * harness.PATIENCE)
            self.assertEqual(second.returncode, EX_TEMPFAIL, second.stderr)
            self.assertIn(str(mixd.process.pid), second.stderr)
            learned(mixd, "s", reference.mixture(N_POINTS))
            self.assertTrue(os.path.exists(os.path.join(mixd.state, "control.sock")))

    def test_the_state_is_free_again_after_a_kill(self):
        with Daemon(config({"s": stream()}), folder=self.folder) as mixd:
            mixd.kill()
            with Daemon(config({"s": stream()}), folder=self.folder) as again:
                learned(again, "s", reference.mixture(N_POINTS))

    def test_the_state_folder_may_go_away(self):
        with Daemon(config({"s": stream()})) as mixd:
            os.rename(mixd.state, mixd.state + ".gone")
            learned(mixd, "s", reference.mixture(N_POINTS))
            # The last checkpoint has nowhere to go, and the daemon says so.
            self.assertIn(mixd.state, mixd.stop(expect=EX_IOERR))

    def test_the_state_folder_may_come_back(self):
        with Daemon(config({"s": stream()})) as mixd:
            os.rename(mixd.state, mixd.state + ".gone")
            learned(mixd, "s", reference.mixture(N_POINTS))
            os.rename(mixd.state + ".gone", mixd.state)

    def refused(self, text, code):
        done = run("mixd", "-c", self.write("mixd.yaml", text))
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_an_ipc_path_on_which_somebody_answers(self):
        endpoint = f"ipc://{self.folder}/feed"
        with CONTEXT.socket(zmq.PULL) as owner, CONTEXT.socket(zmq.PUSH) as client:
            owner.bind(endpoint)
            for text in (config({"s": stream(feed={"bind": endpoint})}),
                         config({"s": stream()}, control={"bind": endpoint}),
                         config({"s": stream()}, publish={"bind": endpoint})):
                self.assertIn(endpoint, self.refused(text, EX_UNAVAILABLE))
            client.connect(endpoint)
            client.send(b"still mine")
            self.assertTrue(owner.poll(1000 * harness.DEADLINE))

    def test_an_ipc_path_that_nobody_holds_any_more(self):
        with harness.socket_file(os.path.join(self.folder, "feed")) as path:
            text = config({"s": stream(feed={"bind": f"ipc://{path}"})})
            with Daemon(text) as mixd:
                learned(mixd, "s", reference.mixture(N_POINTS))

    def test_an_ipc_path_that_is_a_file_of_somebody(self):
        path = self.write("feed", "precious")
        text = config({"s": stream(feed={"bind": f"ipc://{path}"})})
        self.refused(text, EX_UNAVAILABLE)
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_a_port_in_use(self):
        with CONTEXT.socket(zmq.PULL) as owner:
            owner.bind(harness.ANY_PORT)
            endpoint = owner.getsockopt_string(zmq.LAST_ENDPOINT)
            text = config({"s": stream(feed={"bind": endpoint})})
            self.assertIn(endpoint, self.refused(text, EX_UNAVAILABLE))


class Descriptors(unittest.TestCase):
    """Nothing that standard input, output and error do may stop the learner."""

    def check(self, **popen):
        with Daemon(config({"s": stream(feed={"format": "csv"})}), **popen) as mixd:
            feed = mixd.feed("s")
            feed.send(b"bad\n" * 20000)
            feed.send("\n".join(f"{x!r},{y!r}" for x, y in
                                reference.mixture(N_POINTS).tolist()).encode())
            ledger = mixd.drain("s", 20000 + N_POINTS)
            self.assertEqual(ledger["rejected"], {"parse": 20000})

    def test_all_three_closed_at_the_start(self):
        def close():
            for descriptor in (0, 1, 2):
                os.close(descriptor)
        self.check(preexec_fn=close)

    def test_a_standard_error_that_is_full(self):
        with open("/dev/full", "wb") as full:
            self.check(stderr=full, stdout=full)

    def test_a_standard_error_that_nobody_reads(self):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        try:
            self.check(stderr=writer)
        finally:
            os.close(reader)
            os.close(writer)

    def test_a_standard_error_that_is_gone(self):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            self.check(stderr=writer)
        finally:
            os.close(writer)


if __name__ == "__main__":
    harness.main()
