# SPDX-License-Identifier: MIT
"""Configurations that are refused: every error in one pass, each with its place, exit
78, nothing opened or created, at once.

In the texts of the table « stands before the place that a message must name; it is not
part of the file. As many «, as many errors, in the order of the file."""

import os
import re
import resource
import socket
import subprocess
import time
import unittest

import harness
from harness import InFolder, run

EX_NOINPUT, EX_NOPERM, EX_CONFIG = 66, 77, 78
WITHIN = 1 * harness.PATIENCE  # "within a second whatever the file"

# What most of the files begin with; MODEL completes a stream.
PUBLISH = 'publish: {bind: "tcp://127.0.0.1:*"}\n'
HEAD = PUBLISH + "streams:\n  s:\n"
FIELDS = "    fields: [x, y]\n"
FEED = '    feed: {bind: "tcp://127.0.0.1:*"}\n'
MODEL = "    model: {components: 3}\n"
REST = FIELDS + FEED + MODEL
GOOD = HEAD + REST


def section(line):
    """A file whose only stream has one more line."""
    return HEAD + REST + f"    {line}\n"


def feed(text):
    return HEAD + FIELDS + MODEL + f"    feed: {text}\n"


def model(text):
    return HEAD + FIELDS + FEED + f"    model: {text}\n"


# (what, text, what every message of the file must match, in order)
TABLE = [
    # Keys
    ("an unknown key, the nearest named", "«pubish: {}\n" + GOOD, ["publish"]),
    ("an unknown key of a stream", section("«modle: {components: 3}"), ["model"]),
    ("an unknown key two levels down", model("{«componets: 3, components: 3}"),
     ["components"]),
    ("a key that does not work yet", section("«wibble: 1"), ["wibble"]),
    ("a key twice", GOOD + "«publish: {}\n", ["publish"]),
    ("a stream twice", GOOD + "  «s:\n" + REST, ["s"]),
    ("a key twice in a flow mapping", model("{components: 3, «components: 4}"),
     ["components"]),
    ("no stream", PUBLISH + "streams: «{}\n", ["stream"]),
    ("no streams at all", "«" + PUBLISH, ["streams"]),
    ("no components", HEAD.replace("  s:", "  «s:") + FIELDS + FEED + "    model: {}\n",
     ["components"]),
    ("a name with a blank", PUBLISH + 'streams:\n  «"a b":\n' + REST, ["name|a b"]),
    ("a name of 65 bytes", PUBLISH + f"streams:\n  «{'a' * 65}:\n" + REST, ["64"]),
    ("an empty name", PUBLISH + 'streams:\n  «"":\n' + REST, ["."]),
    # Types
    ("a word for a number", model("{components: «ten}"), ["components"]),
    ("a fraction for a count", model("{components: «3.5}"), ["components"]),
    ("octal for a count", model("{components: «0o17}"), ["components"]),
    ("yes for a number", model("{components: «yes}"), ["components"]),
    ("a list for a number", model("{components: «[3]}"), ["components"]),
    ("nothing for a number", model("{components: «}"), ["components"]),
    ("a number for a mapping", "publish: «5\n" + "streams:\n  s:\n" + REST, ["publish"]),
    ("a list for a mapping", GOOD + "log: «[a]\n", ["log"]),
    ("a mapping for a list", HEAD + "    fields: «{x: 1}\n" + FEED + MODEL, ["fields"]),
    ("a word that is not known", model("{components: 3, covariance: «fulll}"), ["full"]),
    ("a word that is no choice", section("missing: «maybe"), ["reject"]),
    ("a top level that is a list", "«- a\n- b\n", ["map"]),
    ("a top level that is a word", "«hello\n", ["map|."]),
    # Ranges
    ("no component", model("{components: «0}"), ["components"]),
    ("a thousand million components", model("{components: «1000000000}"), ["components"]),
    ("minus one component", model("{components: «-1}"), ["components"]),
    ("too many parameters", HEAD + "    dimensions: 256\n" + FEED
     + "    model: {components: «100}\n", ["components"]),
    ("no field", HEAD + "    fields: «[]\n" + FEED + MODEL, ["fields"]),
    ("no dimension", HEAD + "    dimensions: «0\n" + FEED + MODEL, ["dimensions"]),
    ("257 dimensions", HEAD + "    dimensions: «257\n" + FEED + MODEL, ["dimensions"]),
    ("a field twice", HEAD + "    fields: [x, «x]\n" + FEED + MODEL, ["x"]),
    ("an exponent of a half", section("learn: {step: {exponent: «0.5, offset: 2}}"),
     ["exponent"]),
    ("an exponent over one", section("learn: {step: {exponent: «1.01, offset: 2}}"),
     ["exponent"]),
    ("an infinite exponent", section("learn: {step: {exponent: «1e999, offset: 2}}"),
     ["exponent"]),
    ("a negative offset", section("learn: {step: {exponent: 0.7, offset: «-1}}"),
     ["offset"]),
    ("an empty block", section("learn: {block: «0}"), ["block"]),
    ("a negative seed", section("learn: {seed: «-1}"), ["seed"]),
    ("a warm-up under K(D+1)", section("learn: {warmup: «8}"), ["warmup"]),
    ("a negative interval", section("publish: {every: «-1s}"), ["every"]),
    ("an interval without unit", section("publish: {every: «10}"), ["every"]),
    ("an interval in fortnights", section("publish: {every: «1fortnight}"), ["every"]),
    ("an interval past all numbers", section("publish: {every: «1e999s}"), ["every"]),
    ("a size without unit", feed('{bind: "tcp://127.0.0.1:*", max_message: «1XiB}'),
     ["max_message"]),
    ("an empty queue", feed('{bind: "tcp://127.0.0.1:*", queue: «0}'), ["queue"]),
    ("no worker", "workers: «0\n" + GOOD, ["workers"]),
    ("a negative resolution", model("{components: 3, resolution: «-1}"), ["resolution"]),
    ("resolutions of three fields", model("{components: 3, resolution: «[1, 2, 3]}"),
     ["resolution"]),
    ("a log level of its own", "log: {level: «chatty}\n" + GOOD, ["info"]),
    # Keys that exclude or need each other
    ("fields and dimensions", HEAD + "    dimensions: 2\n" + REST.replace(
        "[x", "«[x"), ["fields|dimensions"]),
    ("neither fields nor dimensions", HEAD.replace("  s:", "  «s:") + FEED + MODEL,
     ["fields|dimensions"]),
    ("bind and connect", feed('{bind: "tcp://127.0.0.1:*", '
                              'connect: «"tcp://127.0.0.1:5999"}'), ["bind|connect"]),
    ("neither bind nor connect", feed("{format: json}").replace("  s:", "  «s:"),
     ["bind"]),
    ("a field that no column holds", section("columns: «[x, z]"), ["y"]),
    ("a key that is the topic without a topic", section("key: «topic"), ["topic"]),
    ("a topic on a pull feed", feed('{bind: "tcp://127.0.0.1:*", subscribe: «["a"]}'),
     ["sub"]),
    # Endpoints
    ("a port past 65535", feed('{bind: «"tcp://127.0.0.1:70000"}'), ["port|70000"]),
    ("a port in words", feed('{bind: «"tcp://127.0.0.1:http"}'), ["port|http"]),
    ("no port", feed('{bind: «"tcp://127.0.0.1"}'), ["port|tcp"]),
    ("a host's name", feed('{bind: «"tcp://localhost:5570"}'), ["address|localhost"]),
    ("a transport of threads", feed('{bind: «"inproc://feed"}'), ["inproc|tcp"]),
    ("a transport of groups", feed('{bind: «"epgm://127.0.0.1;239.0.0.1:5"}'), ["tcp"]),
    ("no transport", feed('{bind: «"127.0.0.1:5570"}'), ["tcp"]),
    ("an ipc path of 108 bytes", feed(f'{{bind: «"ipc:///{"a" * 107}"}}'), ["107"]),
    ("the same endpoint twice", 'publish: {bind: "tcp://127.0.0.1:5998"}\n'
     + feed('{bind: «"tcp://127.0.0.1:5998"}').removeprefix(PUBLISH), ["5998"]),
    # Open binds
    *[(f"an open bind: {address}", feed(f'{{bind: «"tcp://{address}:5570"}}'),
       [r"curve\.secret"])
      for address in ("*", "0.0.0.0", "[::]", "eth0", "192.0.2.1", "[2001:db8::1]")],
    ("an open publisher", 'publish: {bind: «"tcp://*:5571"}\nstreams:\n  s:\n' + REST,
     [r"curve\.secret"]),
    ("an open control socket", 'control: {bind: «"tcp://0.0.0.0:5572"}\n' + GOOD,
     [r"curve\.secret"]),
    ("an open bind in a list", feed('{bind: ["tcp://127.0.0.1:*", «"tcp://*:5570"]}'),
     [r"curve\.secret"]),
    # YAML itself
    ("an anchor", model("«&m {components: 3}"), ["anchor"]),
    ("an alias", HEAD + "    fields: «&f [x, y]\n" + FEED + MODEL + "    key: «*f\n",
     ["anchor", "alias"]),
    ("an alias to itself", "streams: «&a [«*a]\n", None),
    ("a merge key", HEAD + REST + "    «<<: {a: 1}\n", ["<<|merge"]),
    ("a tag", model("{components: «!!str 3}"), ["tag"]),
    ("two documents", GOOD + "«---\n" + GOOD, ["document"]),
    ("a tab to indent", HEAD + FIELDS + FEED + "«\tmodel: {components: 3}\n", ["."]),
    ("a bracket that stays open", HEAD + "    fields: [x, y\n", None),
    ("a stray bracket", GOOD + "«]\n", None),
    ("an empty file", "«", ["empty|streams|nothing"]),
    ("nothing but comments", "# mixd\n# nothing here\n", None),
    # Several at once
    ("five errors in one pass",
     '«stat: /tmp/x\npublish: {bind: «"tcp://*:5571"}\nstreams:\n  boiler:\n'
     "    fields: [temperature, pressure]\n"
     '    feed: {bind: "tcp://127.0.0.1:*", «formatt: json}\n'
     "    model: {components: «0, covariance: «fulll}\n",
     ["state", r"curve\.secret", "format", "components", "full"]),
]


def places(text):
    """The file without its marks, and line:column of each mark."""
    found, lines = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        while "«" in line:
            found.append((number, line.index("«") + 1))
            line = line.replace("«", "", 1)
        lines.append(line)
    return "\n".join(lines), found


class ConfigTest(InFolder):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.folder, "mixd.yaml")

    def write_config(self, text):
        self.write("mixd.yaml", text)


class Refused(ConfigTest):
    def refused(self, *arguments, code=EX_CONFIG, path=None):
        """Runs the daemon on the file: refused at once, and nothing is created."""
        before = sorted(os.listdir(self.folder))
        start = time.monotonic()
        done = run("mixd", *arguments, "-c", path or self.file, cwd=self.folder)
        self.assertLess(time.monotonic() - start, WITHIN)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        self.assertNotEqual(done.stderr, "")
        return done.stderr

    def findings(self, errors):
        """[(line, column, message)] of the messages with a place in the file."""
        pattern = re.escape(self.file) + r":(\d+):(\d+): (.+)"
        return [(int(line), int(column), message)
                for line, column, message in re.findall(pattern, errors)]

    def test_the_table(self):
        for what, marked, messages in TABLE:
            text, expected = places(marked)
            self.write_config(text)
            for arguments in ((), ("--check",)):
                with self.subTest(what, arguments=arguments):
                    found = self.findings(self.refused(*arguments))
                    if messages is None:
                        self.assertGreaterEqual(len(found), 1)
                        continue
                    self.assertEqual([place[:2] for place in found], expected, found)
                    for (_, _, message), pattern in zip(found, messages):
                        self.assertRegex(message, pattern)

    def test_a_hundred_errors_are_all_found(self):
        self.write_config(GOOD + "".join(f"wrong{number}: 1\n" for number in range(100)))
        found = self.findings(self.refused())
        lines = 1 + GOOD.count("\n")
        self.assertEqual([place[0] for place in found], list(range(lines, lines + 100)))

    def test_files_that_are_no_text(self):
        files = {
            "UTF-16": GOOD.encode("utf-16"), "UTF-16BE": GOOD.encode("utf-16-be"),
            "invalid UTF-8": GOOD.encode() + b"# \xff\xfe\n",
            "invalid UTF-8 in a key": GOOD.encode() + b"\xc3\x28: 1\n",
            "NUL": GOOD.encode() + b"\0\n",
            "a program": b"\x7fELF" + bytes(range(256)) * 8,
            "gzip": b"\x1f\x8b\x08" + os.urandom(500),
        }
        for what, data in files.items():
            with self.subTest(what):
                self.write_config(data)
                self.assertIn(self.file, self.refused())

    def test_files_made_to_take_long(self):
        mebibyte = 1 << 20
        files = {
            "100,000 brackets": "[" * 100000, "100,000 braces": "{" * 100000,
            "80,000 brackets in a value": GOOD + "x: " + "[" * 80000,
            "100,000 dashes": "- " * 100000, "100,000 questions": "? " * 100000,
            "closed brackets": "[" * 50000 + "]" * 50000,
            "brackets a line": "[\n" * 50000,
            "nested blocks": "".join(" " * n + "a:\n" for n in range(1000)),
            "100,000 keys": "".join(f"key{n}: 1\n" for n in range(50000)),
            "the same key": "streams: 1\n" * 50000,
            "just over a mebibyte": GOOD + "#" * mebibyte,
            "a long line": "a" * (mebibyte - 10),
            "a bomb": "a: &a [x,x]\n" + "".join(
                f"b{n}: &b{n} [{'*a,' * 9}*a]\n" for n in range(100)),
        }
        for what, text in files.items():
            with self.subTest(what):
                self.write_config(text)
                self.assertIn(self.file, self.refused())

    def test_just_under_a_mebibyte_is_read(self):
        self.write_config(GOOD + "#" * ((1 << 20) - len(GOOD) - 1) + "\n")
        self.assertEqual(run("mixd", "--check", "-c", self.file).returncode, 0)

    def test_paths_that_are_no_file(self):
        fifo, loop = os.path.join(self.folder, "fifo"), os.path.join(self.folder, "loop")
        listener = os.path.join(self.folder, "socket")
        os.mkfifo(fifo)
        os.symlink(loop, loop)
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(listener)
            for path in (fifo, listener, self.folder, "/dev/zero"):
                with self.subTest(path):
                    self.assertIn(path, self.refused(path=path))
            with self.subTest("a loop of links"):
                done = run("mixd", "-c", loop)
                self.assertIn(done.returncode, (EX_NOINPUT, EX_CONFIG))
                self.assertIn(loop, done.stderr)

    def test_a_file_that_is_not_there(self):
        missing = os.path.join(self.folder, "missing.yaml")
        self.assertIn(missing, self.refused(code=EX_NOINPUT, path=missing))

    @unittest.skipIf(os.geteuid() == 0 and not os.access("/usr/bin/setpriv", os.X_OK),
                     "root reads everything")
    def test_a_file_that_may_not_be_read(self):
        self.write_config(GOOD)
        os.chmod(self.file, 0)
        os.chmod(self.folder, 0o755)
        user = 65534 if os.geteuid() == 0 else None
        with open(os.path.join(self.folder, "errors"), "w+") as errors:
            try:
                done = subprocess.run(
                    [harness.program("mixd"), "-c", self.file], user=user, stderr=errors,
                    timeout=harness.DEADLINE)
            except PermissionError:
                self.skipTest("the build folder is closed to other users")
            errors.seek(0)
            self.assertEqual(done.returncode, EX_NOPERM)
            self.assertIn(self.file, errors.read())

    def test_control_characters_are_escaped_in_messages(self):
        self.write_config(GOOD + '"a\\e[31m\\nmixd: all is well": 1\n')
        errors = self.refused()
        self.assertNotIn("\033", errors)
        self.assertTrue(all(line.startswith(self.file) for line in errors.splitlines()))

    def test_usage(self):
        for arguments in (("--no-such-option",), ("-c",), ("extra", "words")):
            with self.subTest(arguments):
                self.assertEqual(run("mixd", *arguments).returncode, 64)

    def test_memory_stays_small(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        if harness.is_sanitized():
            self.skipTest("a sanitizer reserves terabytes")
        self.write_config("[" * 100000)
        done = subprocess.run([harness.program("mixd"), "-c", self.file],
                                      preexec_fn=limit, timeout=harness.DEADLINE,
                                      stderr=subprocess.DEVNULL)
        self.assertEqual(done.returncode, EX_CONFIG)


class Accepted(ConfigTest):
    def printed(self):
        done = run("mixd", "--print-config", "-c", self.file, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_check_says_nothing_and_creates_nothing(self):
        self.write_config(GOOD)
        done = run("mixd", "--check", "-c", self.file, cwd=self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(os.listdir(self.folder), ["mixd.yaml"])

    def test_what_print_config_prints_reads_back_to_the_same(self):
        files = {
            "minimal": GOOD,
            "json": harness.config({"a": harness.stream(), "b.c-d_E": harness.stream()}),
            "much": 'state: elsewhere\nworkers: 2\nlog: {level: debug, format: json}\n'
                    + HEAD + FIELDS + "    columns: [time, x, '-', y, w]\n"
                    "    time: time\n    weight: w\n"
                    '    feed: {type: sub, connect: ["tcp://127.0.0.1:5997", '
                    '"ipc:///tmp/a b"], subscribe: ["a", "", "ü b"], topic: space, '
                    "format: csv, queue: 10, max_message: 64KiB}\n"
                    "    key: topic\n    max_keys: 7\n"
                    "    model: {components: 2, covariance: tied}\n"
                    "    learn: {block: 128, warmup: 500, seed: 7, "
                    "step: {exponent: 0.7, offset: 2}}\n"
                    "    publish: {every: 250ms, updates: 3}\n",
        }
        for what, text in files.items():
            with self.subTest(what):
                self.write_config(text)
                once = self.printed()
                self.write_config(once)
                self.assertEqual(self.printed(), once)

    def test_print_config_shows_defaults(self):
        self.write_config(GOOD)
        printed = self.printed()
        for words in ("full", "256", "1MiB", "1000", "pull", "info"):
            self.assertIn(words, printed)
        self.assertEqual(os.listdir(self.folder), ["mixd.yaml"])

    def test_relative_paths_are_relative_to_the_file(self):
        self.write_config("state: here/and/there\n" + GOOD)
        self.assertIn(os.path.join(self.folder, "here/and/there"), self.printed())

    def test_the_state_folder_of_the_command_line_comes_first(self):
        self.write_config("state: here\n" + GOOD)
        env = {**os.environ, "STATE_DIRECTORY": os.path.join(self.folder, "third")}
        first = os.path.join(self.folder, "first")
        done = run("mixd", "--print-config", "--state", first, "-c", self.file, env=env)
        self.assertIn(first, done.stdout)
        done = run("mixd", "--print-config", "-c", self.file, env=env)
        self.assertIn(os.path.join(self.folder, "here"), done.stdout)
        self.write_config(GOOD)
        done = run("mixd", "--print-config", "-c", self.file, env=env)
        self.assertIn(os.path.join(self.folder, "third"), done.stdout)
        self.assertIn(os.path.join(self.folder, "mixd-state"), self.printed())


if __name__ == "__main__":
    harness.main()
