# SPDX-License-Identifier: MIT
"""Whatever comes in on a feed: it is rejected for a reason, counted, kept as a dead
letter, and no good point before or after it is lost.

One table. Each row is one message to the stream of its format; before and after it go
a thousand good points, and the ledger must have grown by exactly what was sent."""

import io
import json
import struct
import time
import unittest

import numpy as np

import harness
import reference
from harness import config, Daemon, stream
from reference import growth

GOOD = 1000
KIB, MIB = 1 << 10, 1 << 20
GROWTH = 4 * MIB


class Case:
    """One message: what it is, the stream, the parts, the reasons that are right (the
    documentation may leave two open), and how many points it counts as."""

    def __init__(self, name, stream_name, parts, reasons, received=1, bad=1):
        self.name = f"{stream_name}: {name}"
        self.stream = stream_name
        self.parts = parts if isinstance(parts, list) else [parts]
        self.reasons = reasons.split("|")
        self.received = received
        self.bad = bad


def doubles(*values):
    return np.array(values, dtype="<f8").tobytes()


def array(payload=None, **header):
    header = {"dtype": "<f8", "shape": [1, 2], **header}
    given = {name: value for name, value in header.items() if value is not None}
    payload = doubles(1, 2) if payload is None else payload
    return [json.dumps(given).encode(), payload]


def rows(*values):
    return array(doubles(*values), shape=[len(values) // 2, 2])


ARRAY = [
    ("an empty message", [b""], "frames"),
    ("no payload frame", array()[:1], "frames"),
    ("a third frame", [*array(), b""], "frames"),
    ("a thousand frames", [b"x"] * 1000, "frames"),
    ("an empty payload", array(b""), "shape"),
    ("one byte short", array(doubles(1, 2)[:-1]), "shape"),
    ("one byte long", array(doubles(1, 2) + b"\0"), "shape"),
    ("three doubles", array(doubles(1, 2, 3)), "shape"),
    ("no column", array(b"", shape=[4, 0]), "shape"),
    ("one column too few", array(doubles(1), shape=[1, 1]), "shape"),
    ("one column too many", array(doubles(1, 2, 3), shape=[1, 3]), "shape"),
    ("2^31 columns", array(shape=[1, 2 ** 31]), "shape"),
    ("no points", array(b"", shape=[0, 2]), "shape"),
    ("2^32 - 1 points in 8 bytes", array(doubles(1), shape=[2 ** 32 - 1, 2]), "shape"),
    ("a size that wraps to 16 bytes", array(shape=[2 ** 60 + 1, 2]), "shape"),
    ("a size past 2^64", array(shape=[10 ** 30, 2]), "shape|header"),
    ("minus one point", array(shape=[-1, 2]), "shape|header"),
    ("a shape of no dimension", array(shape=[]), "shape"),
    ("a shape of three", array(shape=[1, 1, 2]), "shape"),
    ("a shape of fractions", array(shape=[1.5, 2]), "shape|header"),
    ("a shape in words", array(shape="1,2"), "shape|header"),
    ("no shape", array(shape=None), "header|shape"),
    ("no dtype", array(dtype=None), "header|dtype"),
    ("a dtype that is a number", array(dtype=8), "header|dtype"),
    ("an unknown dtype", array(dtype="complex128"), "dtype"),
    ("objects", array(dtype="|O"), "dtype"),
    ("float16", array(b"\0" * 4, dtype="<f2"), "dtype"),
    ("an empty dtype", array(dtype=""), "dtype"),
    ("f32 sent as f64", array(np.ones(2, "<f4").tobytes()), "shape"),
    ("a header that is no JSON", [b"{", doubles(1, 2)], "header"),
    ("an empty header", [b"", doubles(1, 2)], "header"),
    ("a header that is a list", [b"[]", doubles(1, 2)], "header"),
    ("a header that is null", [b"null", doubles(1, 2)], "header"),
    ("a header of a million brackets", [b"[" * MIB, doubles(1, 2)], "header|size"),
    ("a header of bytes", [bytes(range(256)), doubles(1, 2)], "header"),
    ("a source that is a number", array(source=5, seq=1), "header"),
    ("a seq that is a word", array(source="a", seq="b"), "header"),
    ("a seq below 0", array(source="a", seq=-1), "header"),
    ("over max_message", array(b"\0" * (MIB + 16), shape=[65537, 2]), "size"),
    ("NaN between good points", rows(1, 2, np.nan, 2, 1, 2), "missing", 3, 1),
    ("infinity", rows(1, 2, np.inf, 2, 1, 2), "value", 3, 1),
    ("minus infinity", rows(1, -np.inf), "value"),
    ("infinity in float32", array(np.array([1, np.inf], "<f4").tobytes(), dtype="<f4"),
     "value"),
    ("1e308", rows(1, 2, 1e308, 2), "range", 2, 1),
    ("-1e151", rows(-1e151, 2), "range"),
]


def npy(header, payload=doubles(1, 2), version=1, magic=b"\x93NUMPY"):
    text = header.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return magic + bytes([version, 0]) + length + text + payload


def npy_header(descr="'<f8'", fortran="False", shape="(1, 2)"):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


def npy_of(points):
    file = io.BytesIO()
    np.save(file, points)
    return file.getvalue()


NPY = [
    ("an empty message", b"", "frames|header|shape"),
    ("two frames", [npy_of(np.ones((1, 2))), b""], "frames"),
    ("no npy at all", b"hello, world", "header"),
    ("half the magic", b"\x93NUM", "header"),
    ("a magic of another kind", npy(npy_header(), magic=b"\x93PUMPY"), "header"),
    ("version 9", npy(npy_header(), version=9), "header"),
    ("a header longer than the message", b"\x93NUMPY\x01\x00\xff\xff{}", "header"),
    ("a v2 header of 4 GiB", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", "header"),
    ("an empty header", npy(""), "header"),
    ("no shape", npy("{'descr': '<f8', 'fortran_order': False}\n"), "header"),
    ("a header that is Python", npy("__import__('os').abort()\n"), "header"),
    ("fortran_order maybe", npy(npy_header(fortran="Maybe")), "header"),
    ("objects", npy(npy_header("'|O'")), "dtype"),
    ("strings", npy(npy_header("'<U8'")), "dtype"),
    ("a structure", npy(npy_header("[('x', '<f8'), ('y', '<f8')]")), "dtype|header"),
    ("one byte short", npy_of(np.ones((1, 2)))[:-1], "shape"),
    ("one byte long", npy_of(np.ones((1, 2))) + b"\0", "shape"),
    ("no points", npy_of(np.ones((0, 2))), "shape"),
    ("three columns", npy_of(np.ones((1, 3))), "shape"),
    ("three dimensions", npy_of(np.ones((1, 1, 2))), "shape"),
    ("2^60 points", npy(npy_header(shape="(1152921504606846977, 2)")), "shape"),
    ("10^30 points", npy(npy_header(shape=f"({10 ** 30}, 2)")), "shape|header"),
    ("NaN", npy_of(np.array([[1, 2], [np.nan, 1]])), "missing", 2, 1),
    ("1e200", npy_of(np.array([[1, 2], [1e200, 1]])), "range", 2, 1),
]

F64 = [
    ("an empty message", b"", "shape|frames"),
    ("two frames", [doubles(1, 2), doubles(1, 2)], "frames"),
    ("one byte", b"x", "shape"),
    ("one byte short", doubles(1, 2)[:-1], "shape"),
    ("one byte long", doubles(1, 2) + b"x", "shape"),
    ("three doubles", doubles(1, 2, 3), "shape"),
    ("over max_message", bytes(MIB + 16), "size"),
    ("NaN between good points", doubles(1, 2, np.nan, 2, 1, 2), "missing", 3, 1),
    ("infinity", doubles(1, np.inf), "value"),
    ("1e308", doubles(1e308, 1), "range"),
]

F32 = [
    ("seven bytes", b"1234567", "shape"),
    ("three floats", np.ones(3, "<f4").tobytes(), "shape"),
    ("infinity", np.array([1, np.inf], "<f4").tobytes(), "value"),
    ("NaN", np.array([np.nan, 1], "<f4").tobytes(), "missing"),
]

GOOD_JSON = b'{"x": 1, "y": 2}'
NUMBERS = ["01", "+1", ".5", "1.", "1e", "- 1", "--1", "0x10", "1_000", "1e+", "NaN",
           "nan", "Infinity", "-Infinity", "1,5", "1f", "\u0661"]
JSON = [
    ("an empty message", b"", "parse|frames"),
    ("nothing but line ends", b"\r\n\n\r\n", "parse"),
    ("two frames", [GOOD_JSON, GOOD_JSON], "frames"),
    ("half an object", b'{"x": 1, "y"', "parse"),
    ("a word", b"hello", "parse"),
    ("a number", b"5", "parse"),
    ("a string", b'"x"', "parse"),
    ("null", b"null", "parse|missing"),
    ("an empty array", b"[]", "parse|shape"),
    ("an empty object", b"{}", "missing|parse|shape"),
    ("two objects on a line", GOOD_JSON + b" " + GOOD_JSON, "parse"),
    ("something after the object", GOOD_JSON + b"}", "parse"),
    ("a trailing comma", b'{"x": 1, "y": 2,}', "parse"),
    ("a trailing comma in an array", b"[1, 2,]", "parse"),
    ("single quotes", b"{'x': 1, 'y': 2}", "parse"),
    ("a comment", b'{"x": 1, "y": 2} // boiler', "parse"),
    ("a member without a name", b'{1: 1, "x": 1, "y": 2}', "parse"),
    ("a column twice", b'{"x": 1, "y": 2, "x": 1}', "parse"),
    ("a column missing", b'{"x": 1}', "missing|parse|shape"),
    ("a column null", b'{"x": 1, "y": null}', "missing"),
    ("a column in words", b'{"x": 1, "y": "two"}', "parse"),
    ("a number in quotes", b'{"x": 1, "y": "2"}', "parse"),
    ("a truth value", b'{"x": 1, "y": true}', "parse"),
    ("an array in a column", b'{"x": 1, "y": [2]}', "parse"),
    ("one number too few", b"[1]", "shape|parse"),
    ("one number too many", b"[1, 2, 3]", "shape|parse"),
    ("an array in a point", b"[1, [2]]", "parse|shape"),
    ("null in an array", b"[1, null]", "missing"),
    ("a bad point among points", b'[[1, 2], ["a", 2], [1, 2]]', "parse", 3, 1),
    ("a number among points", b"[[1, 2], 3, [1, 2]]", "parse|shape", 3, 1),
    ("a point too short among points", b"[[1, 2], [3], [1, 2]]", "shape|parse", 3, 1),
    ("a null among points", b"[[1, 2], [3, null], [1, 2]]", "missing", 3, 1),
    ("a bad line between good ones", b"[1, 2]\n[1, 2\n[1, 2]", "parse", 3, 1),
    ("an embedded NUL", b'{"x": 1, \0"y": 2}', "parse"),
    ("a NUL after the object", GOOD_JSON + b"\0", "parse"),
    ("a raw control character in a string", b'{"x": 1, "y": 2, "n": "\x01"}', "parse"),
    ("invalid UTF-8 in a string", b'{"x": 1, "y": 2, "n": "\xff\xfe"}', "parse"),
    ("UTF-16", '{"x": 1, "y": 2}'.encode("utf-16"), "parse"),
    ("10,000 brackets", b"[" * 10000, "parse"),
    ("10,000 nested arrays", b"[" * 10000 + b"]" * 10000, "parse|shape"),
    ("10,000 nested objects", b'{"n":' * 10000 + b"1" + b"}" * 10000, "parse"),
    ("a line of 128 KiB", b'{"n": "' + b"x" * 128 * KIB + b'", "x": 1, "y": 2}\n[1, 2]',
     "size|parse", 2, 1),
    ("a number of 100,000 digits", b"[1, " + b"9" * 100000 + b"]\n[1, 2]",
     "size|parse|range", 2, 1),
    ("a number of 60,000 digits", b"[1, " + b"9" * 60000 + b"]\n[1, 2]", "range", 2, 1),
    ("1e400", b"[1, 1e400]", "range"),
    ("-1e400 in an object", b'{"x": -1e400, "y": 1}', "range"),
    ("1e151", b"[1, 1e151]", "range"),
    ("over max_message", b"[1, 2]\n" * (MIB // 7 + 1), "size"),
    ("an HTTP request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "parse", 2, 2),
]
JSON += [(f"the number {text}", f'{{"x": 1, "y": {text}}}'.encode(), "parse")
         for text in NUMBERS]

CSV = [
    ("an empty message", b"", "parse|frames"),
    ("two frames", [b"1,2", b"1,2"], "frames"),
    ("a header line", b"x,y\n1,2", "parse", 2, 1),
    ("a header in the middle", b"1,2\nx,y\n1,2", "parse", 3, 1),
    ("one column too few", b"1", "shape|parse"),
    ("one column too many", b"1,2,3", "shape|parse"),
    ("a trailing comma", b"1,2,", "shape|parse"),
    ("a decimal comma", b"1,5,2", "shape|parse"),
    ("semicolons", b"1;2", "shape|parse"),
    ("an empty column", b"1,", "missing"),
    ("an empty first column", b",2", "missing"),
    ("two empty columns", b",", "missing|unscorable"),
    ("nan", b"nan,2", "missing"),
    ("infinity", b"inf,2", "parse|value"),
    ("hex", b"0x10,2", "parse"),
    ("two numbers in a column", b"1 1,2", "parse"),
    ("a unit", b"1 V,2", "parse"),
    ("two signs", b"+-1,2", "parse"),
    ("nothing but an exponent", b"e5,2", "parse"),
    ("an unbalanced quote", b'"1,2\n1,2', "parse|shape", 2, 1),
    ("a quoted line end", b'"1\n",2\n1,2', "parse|shape", 3, 2),
    ("an embedded NUL", b"1\0,2", "parse"),
    ("a NUL at the end", b"1,2\0", "parse"),
    ("invalid UTF-8", b"1,\xff2", "parse"),
    ("1e400", b"1,1e400", "range"),
    ("a number of 60,000 digits", b"1," + b"9" * 60000 + b"\n1,2", "range", 2, 1),
    ("a number of 100,000 digits", b"1," + b"9" * 100000 + b"\n1,2", "size|parse|range",
     2, 1),
    ("20,000 columns", b"1," * 20000 + b"1\n1,2", "shape|parse", 2, 1),
    ("400,000 columns", b"1," * 400000 + b"1\n1,2", "shape|parse|size", 2, 1),
    ("over max_message", b"1,2\n" * (MIB // 4 + 1), "size"),
]

# Lines that may be learned or rejected, as long as they are counted.
EITHER = [
    ("json", b"\xef\xbb\xbf" + GOOD_JSON), ("csv", b"\xef\xbb\xbf1,2"),
    ("json", b'{"x": 1, "y": 2, "n": "\\ud800"}'), ("csv", b'"1","2"'),
    ("json", b'{"x": 1, "y": 2, "n": 1, "n": 2}'), ("json", b"[1, 1e-400]"),
    ("json", b"[1, 0." + b"1" * 60000 + b"]"), ("csv", b"1\r,2"), ("csv", b"NAN,2"),
]

TABLES = {"array": ARRAY, "npy": NPY, "f64": F64, "f32": F32, "json": JSON, "csv": CSV}
CASES = [Case(row[0], name, *row[1:]) for name, table in TABLES.items() for row in table]


def good_messages(form):
    points = reference.mixture(GOOD, salt=11)
    if form == "array":
        return [array(part.tobytes(), shape=part.shape) for part in np.split(points, 4)]
    if form == "npy":
        return [[npy_of(points)]]
    if form in ("f64", "f32"):
        return [[points.astype("<f8" if form == "f64" else "<f4").tobytes()]]
    pattern = "[%r, %r]" if form == "json" else "%r,%r"
    return [["\n".join(pattern % (x, y) for x, y in points.tolist()).encode()]]


class BadMessages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = config({form: stream(feed={"format": form}) for form in TABLES})
        # A locale with decimal commas must change nothing.
        cls.mixd = cls.enterClassContext(Daemon(text, env={"LC_ALL": "de_DE.UTF-8"}))
        cls.good = {form: good_messages(form) for form in TABLES}
        cls.feeds = {form: cls.mixd.feed(form) for form in TABLES}
        for form in TABLES:  # memory has found its size when the model stands
            for _ in range(3):
                cls.send_good(form)
            cls.mixd.drain(form, 3 * GOOD)

    @classmethod
    def send_good(cls, form):
        for parts in cls.good[form]:
            cls.feeds[form].send(*parts)

    def surround(self, form, parts, received):
        """The message between two thousand good points; the ledger's growth."""
        before = self.mixd.ledger(form)
        self.send_good(form)
        self.feeds[form].send(*parts)
        self.send_good(form)
        after = self.mixd.drain(form, 2 * GOOD + received, since=before["received"])
        return growth(before, after)

    def dead_letter(self, case):
        return self.mixd.ask("rejects", stream=case.stream)["rejects"][-1]

    def test_the_table(self):
        memory = self.mixd.memory()
        for case in CASES:
            with self.subTest(case.name):
                grown = self.surround(case.stream, case.parts, case.received)
                self.assertEqual(grown["received"], 2 * GOOD + case.received)
                self.assertEqual(sum(grown["rejected"].values()), case.bad, grown)
                self.assertEqual(grown["taken"], 2 * GOOD + case.received - case.bad)
                self.assertEqual(len(grown["rejected"]), 1, grown)
                reason = next(iter(grown["rejected"]))
                self.assertIn(reason, case.reasons)
                letter = self.dead_letter(case)
                self.assertEqual(letter["reason"], reason)
                self.assertGreater(letter["time"], 1e9)
        if not harness.is_sanitized():
            self.assertLess(self.mixd.memory() - memory, GROWTH)

    def test_what_the_manual_leaves_open_is_counted_all_the_same(self):
        for form, line in EITHER:
            with self.subTest(line[:80]):
                grown = self.surround(form, [line], 1)
                bad = sum(grown["rejected"].values())
                self.assertEqual(grown["received"], 2 * GOOD + 1)
                self.assertEqual(grown["taken"] + bad, 2 * GOOD + 1)

    def test_dead_letters_are_bounded_and_keep_the_first_kibibyte(self):
        before = self.mixd.ledger("json")["received"]
        self.feeds["json"].send(b"\n".join([b"bad"] * 5000 + [b"{" + b"z" * 5000]))
        self.mixd.drain("json", 5001, since=before)
        letters = self.mixd.ask("rejects", stream="json")["rejects"]
        self.assertLess(len(letters), 5000)
        self.assertTrue(all(len(json.dumps(letter)) < 8 * KIB for letter in letters))

    def test_the_log_is_written_at_a_limited_rate(self):
        before = len(self.mixd.errors().splitlines())
        grown = self.surround("csv", [b"bad\n" * 100000], 100000)
        self.assertEqual(grown["rejected"], {"parse": 100000})
        self.assertLess(len(self.mixd.errors().splitlines()) - before, 100)

    def test_all_streams_share_a_limited_rate(self):
        """Forty streams, each within its ten lines a second."""
        streams = {f"s{i}": stream(feed={"format": "csv"}) for i in range(40)}
        begin = time.monotonic()
        with Daemon(config(streams)) as mixd:
            for name in streams:
                mixd.feed(name).send(b"bad\n" * 20)
                mixd.drain(name, 20)
            errors = mixd.stop()
        periods = 1 + int(time.monotonic() - begin)
        self.assertLessEqual(errors.count(": rejected: "), 100 * periods)
        self.assertGreater(errors.count(": rejected: "), 50)
        if periods == 1:
            self.assertRegex(errors, "log: suppressed [0-9]+ lines over 100 a second")


if __name__ == "__main__":
    harness.main()
