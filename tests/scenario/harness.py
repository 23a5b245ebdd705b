# SPDX-License-Identifier: MIT
"""What the scenario tests share: the real daemon in a folder of its own, and a client
that knows nothing but what the documentation says.

Nothing here sleeps: every wait is for a reply, a frame or the end of a process, with a
deadline. MIXD_TEST_PATIENCE stretches all deadlines (for valgrind, say)."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np
import zmq

import reference

BUILD = os.environ.get("abs_builddir", os.getcwd())
SOURCE = os.environ.get("abs_srcdir", os.getcwd())
PATIENCE = float(os.environ.get("MIXD_TEST_PATIENCE", "1"))
DEADLINE = 20 * PATIENCE  # seconds for anything that has no promise of its own
STOP_WITHIN = 10 * PATIENCE  # seconds, the daemon's promise on SIGTERM
REPORTS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "ThreadSanitizer")
ANY_PORT = "tcp://127.0.0.1:*"
CONTEXT = zmq.Context.instance()
# Recorded data, where a checkout has it beside the project.
DATA = os.path.join(SOURCE, "..", "shared", "data")


def program(name):
    return os.path.join(BUILD, name)


def is_sanitized():
    """Whether a sanitizer is in: it keeps what is freed, so memory says nothing."""
    with open(program("mixd"), "rb") as file:
        content = file.read()
    return b"__asan_init" in content or b"__tsan_init" in content


def parse(text):
    """JSON as documented: no NaN, no Infinity."""
    def refuse(constant):
        raise AssertionError(f"{constant} in {text[:200]}")
    return json.loads(text, parse_constant=refuse)


def model_section(components=3, **more):
    return {"components": components, **more}


def stream(fields=("x", "y"), feed=None, model=None, **more):
    """One stream of a configuration: two fields, any port, three components."""
    feed = {"bind": ANY_PORT, **(feed or {})}
    if "connect" in feed:
        del feed["bind"]
    return {"fields": list(fields), "feed": feed, "model": model or model_section(),
            "publish": {"every": "50ms"}, **more}


def config(streams, **top):
    """A configuration as text. JSON is YAML, and easier to write for a program."""
    whole = {"publish": {"bind": ANY_PORT}, "streams": streams, **top}
    return json.dumps(whole, indent=1)


def wait_for(socket, what, process=None):
    """Waits until the socket can be read; at once an error when the process has ended."""
    until = time.monotonic() + DEADLINE
    while not socket.poll(100):
        if process is not None and process.poll() is not None:
            raise AssertionError(f"no {what}: mixd ended with {process.returncode}")
        if time.monotonic() > until:
            raise AssertionError(f"no {what} came")


class Feed:
    """A PUSH (or, for sub feeds that bind, PUB) socket connected to a stream's feed."""

    def __init__(self, endpoint, kind=zmq.PUSH, bind=False):
        self.socket = CONTEXT.socket(kind)
        self.socket.setsockopt(zmq.SNDTIMEO, int(1000 * DEADLINE))
        self.socket.setsockopt(zmq.LINGER, int(1000 * DEADLINE))
        if bind:
            self.socket.bind(endpoint)
            self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        else:
            self.socket.connect(endpoint)
            self.endpoint = endpoint

    def send(self, *parts):
        self.socket.send_multipart(parts)

    def array(self, points, batch=256):
        """Sends points as NumPy users do: a header, then the buffer."""
        for start in range(0, len(points), batch):
            part = np.ascontiguousarray(points[start:start + batch])
            header = {"dtype": part.dtype.str, "shape": part.shape}
            self.send(json.dumps(header).encode(), part.tobytes())
        return len(points)

    def close(self):
        self.socket.close()

    def drop(self):
        """Without what was not sent yet."""
        self.socket.close(0)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()


class Subscription:
    """A SUB socket on the daemon's publisher. Model frames are checked as they come."""

    def __init__(self, endpoint, topics, conflate=False, process=None):
        self.process = process
        self.socket = CONTEXT.socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        if conflate:
            self.socket.setsockopt(zmq.CONFLATE, 1)
        for topic in topics:
            self.socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
        self.socket.connect(endpoint)

    def receive(self):
        """The next frame: topic and object."""
        wait_for(self.socket, "frame", self.process)
        parts = self.socket.recv_multipart()
        assert len(parts) == 1, f"{len(parts)} parts instead of one"
        topic, blank, body = parts[0].partition(b" ")
        assert blank == b" " and body[:1] == b"{", parts[0][:200]
        frame = parse(body)
        if topic.startswith(b"model/"):
            reference.check_frame(frame)
        return topic.decode(), frame

    def frame(self):
        return self.receive()[1]

    def until(self, condition):
        """The first frame for which condition(frame) is true."""
        until = time.monotonic() + DEADLINE
        frame = self.frame()
        while not condition(frame):
            assert time.monotonic() < until, f"still {json.dumps(frame)[:2000]}"
            frame = self.frame()
        return frame

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()


class Control:
    """A DEALER on a control socket, one request at a time."""

    def __init__(self, endpoint, process=None):
        self.process = process
        self.socket = CONTEXT.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 10)
        self.socket.connect(endpoint)

    def send(self, request):
        self.socket.send(json.dumps(request).encode())

    def reply(self):
        wait_for(self.socket, "reply", self.process)
        return parse(self.socket.recv_multipart()[-1])

    def request(self, command, **arguments):
        self.send({"command": command, **arguments})
        return self.reply()

    def close(self):
        self.socket.close()


def temporary_folder():
    # Short: the path of an ipc socket holds 107 bytes.
    return tempfile.mkdtemp(prefix="mixd-", dir="/tmp")


@contextlib.contextmanager
def socket_file(path):
    """A socket file that a program which is gone left behind."""
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
    yield path


def run(name, *arguments, stdin=None, env=None, cwd=None, within=DEADLINE):
    """Runs one of the programs to its end; text output, no exception on failure."""
    done = subprocess.run([program(name), *map(str, arguments)], input=stdin, env=env,
                          cwd=cwd, timeout=within, text=True, errors="replace",
                          stdin=subprocess.DEVNULL if stdin is None else None,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for report in REPORTS:
        assert report not in done.stderr, done.stderr
    return done


class Daemon:
    """mixd in a temporary folder with its configuration. `with` starts and stops it."""

    def __init__(self, text, arguments=(), env=None, folder=None, **popen):
        self.owns_folder = folder is None
        self.folder = folder or temporary_folder()
        self.file = os.path.join(self.folder, "mixd.yaml")
        self.state = os.path.join(self.folder, "mixd-state")
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text)
        self.arguments = arguments
        self.env = {**os.environ, **(env or {})}
        self.popen = popen
        self.clients = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *ignored):
        try:
            if kind is not None and self.process is not None:
                self.kill()
                print(self.errors()[-8000:], file=sys.stderr)
            elif self.process.returncode is None:
                self.stop()
        finally:
            self.drop_clients()
            if self.owns_folder:
                shutil.rmtree(self.folder, ignore_errors=True)

    def drop_clients(self):
        """The daemon is gone: what was not sent must not reach another on its port."""
        for client in self.clients:
            getattr(client, "drop", client.close)()
        self.clients.clear()

    def start(self):
        """Starts the program and waits until it answers."""
        self.process = None
        with open(os.path.join(self.folder, "stderr"), "ab") as errors:
            options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                       "stderr": errors, "cwd": self.folder, "env": self.env}
            self.process = subprocess.Popen(
                [program("mixd"), "-c", self.file, *self.arguments],
                **{**options, **self.popen})
        self.controller = self.client()
        self.ask("version")
        with open(os.path.join(self.state, "endpoints.json"), encoding="utf-8") as file:
            parse(file.read())

    def errors(self):
        with open(os.path.join(self.folder, "stderr"), errors="replace") as file:
            return file.read()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, expect=0):
        """SIGTERM; the daemon leaves with 0 in time and without a sanitizer's report."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.leave(expect)

    def leave(self, expect=0):
        try:
            code = self.process.wait(timeout=STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"mixd did not end in time\n{self.errors()[-4000:]}")
        errors = self.errors()
        assert code == expect, f"mixd ended with {code}\n{errors[-4000:]}"
        for report in REPORTS:
            assert report not in errors, errors[-8000:]
        return errors

    @property
    def control_endpoint(self):
        return "ipc://" + os.path.join(self.state, "control.sock")

    def client(self):
        return self.keep(Control(self.control_endpoint, self.process))

    def keep(self, client):
        self.clients.append(client)
        return client

    def ask(self, command, **arguments):
        """The reply to a command that must succeed."""
        reply = self.controller.request(command, **arguments)
        assert reply.get("ok") is True, f"{command} {arguments}: {reply}"
        return reply

    def refusal(self, command, **arguments):
        """The code of a command that must fail, with a sentence that says why."""
        reply = self.controller.request(command, **arguments)
        assert reply.get("ok") is False, f"{command} {arguments}: {reply}"
        assert reply["error"], f"{command} {arguments}: no sentence"
        return reply["code"]

    def streams(self):
        return self.ask("streams")["streams"]

    def feed(self, name, **options):
        return self.keep(Feed(self.streams()[name]["feed"]["endpoints"][0], **options))

    def subscribe(self, *topics, **options):
        publish = self.ask("status")["endpoints"]["publish"][0]
        return self.keep(Subscription(publish, topics, process=self.process, **options))

    def ledger(self, name):
        return reference.check_ledger(self.ask("status")["streams"][name]["ledger"])

    def drain(self, name, sent, **more):
        """Waits until `sent` points came in; the ledger then."""
        reply = self.ask("drain", stream=name, sent=sent, timeout=DEADLINE, **more)
        return reference.check_ledger(reply["ledger"])

    def model(self, name, **more):
        return reference.check_model(self.ask("model", stream=name, **more)["model"])

    def memory(self):
        """Memory of its own in bytes. Pages of programs and libraries are not: the kernel
        takes and brings them back as it likes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            status = dict(line.split(":") for line in file)
        return sum(int(status[name].split()[0]) << 10 for name in ("RssAnon", "VmSwap"))


def learned(mixd, name, points):
    """Feeds all points to a stream and waits for them; the ledger then."""
    before = mixd.ledger(name)["received"]
    mixd.feed(name).array(points)
    return mixd.drain(name, len(points), since=before)


class InFolder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = temporary_folder()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, content):
        """A file of text, bytes or, as .npy, an array; its path."""
        path = os.path.join(self.folder, name)
        if isinstance(content, np.ndarray):
            np.save(path, content)
            return path
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path


def main():
    """Runs the tests of the calling file. A test that hangs ends by an exception, so
    that the daemons it started are ended too."""
    def give_up(*_):
        raise AssertionError("the test takes too long")
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(int(120 * PATIENCE))
    print(f"MIXD_TEST_SEED={reference.SEED}")
    unittest.main(module="__main__", verbosity=2)
