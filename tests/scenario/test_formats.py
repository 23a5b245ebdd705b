# SPDX-License-Identifier: MIT
"""Every way to write a point. The same points give the same model, bit for bit, in
whatever format and however many to a message: one stream for each way, all in one
daemon, compared with a reference."""

import io
import itertools
import json
import unittest

import numpy as np

import harness
import reference
from harness import config, Daemon, stream
from reference import parameters

N_POINTS = 1000
FIELDS = ("x", "y")


def array(dtype, name=None, **more):
    """Two-part messages; `name` is how the header calls the type."""
    def encode(points):
        points = points.astype(dtype)
        header = {"dtype": name or np.dtype(dtype).str, "shape": points.shape, **more}
        return [json.dumps(header).encode(), points.tobytes()]
    return encode


def npy(dtype, version=(1, 0), order="C"):
    def encode(points):
        file = io.BytesIO()
        points = np.array(points, dtype=dtype, order=order)
        np.lib.format.write_array(file, points, version=version)
        return [file.getvalue()]
    return encode


def raw(dtype):
    return lambda points: [points.astype(dtype).tobytes()]


def lines(write, end="\n"):
    return lambda points: [end.join([*map(write, points), ""]).encode()]


def json_object(point):
    return json.dumps(dict(zip(FIELDS, point.tolist())))


def json_object_with_more(point):
    x, y = point.tolist()
    return json.dumps({"unit": "°C", "y": y, "tags": [{"x": 1}, None, "\\\"}"], "x": x})


def json_array(point):
    return json.dumps(point.tolist())


def json_array_of_arrays(points):
    return [json.dumps(points.tolist()).encode()]


def json_array_of_objects(points):
    return [("[" + ",".join(map(json_object, points)) + "]").encode()]


def csv(point):
    return ",".join(map(repr, point.tolist()))


def csv_as_people_write(point):
    return " , ".join(f"{value:+.17e}" for value in point.tolist()) + " "


# Ways that hold any float64, by format: the exact text of a number reads back the same.
EXACT = {
    "array-f8": ("array", array("<f8")),
    "array-float64": ("array", array("<f8", "float64")),
    "array-big": ("array", array(">f8")),
    "array-more": ("array", array("<f8", source="rig", md={"a": [1]}, copy=False)),
    "auto-array": ("auto", array("<f8")),
    "npy-v1": ("npy", npy("<f8")),
    "npy-v2": ("npy", npy("<f8", version=(2, 0))),
    "npy-fortran": ("npy", npy("<f8", order="F")),
    "npy-big": ("npy", npy(">f8")),
    "npy-big-fortran": ("npy", npy(">f8", order="F")),
    "f64": ("f64", raw("<f8")),
    "json-objects": ("json", lines(json_object)),
    "json-more": ("json", lines(json_object_with_more)),
    "json-arrays": ("json", lines(json_array)),
    "json-crlf": ("json", lines(json_array, end="\r\n")),
    "json-gaps": ("json", lines(json_array, end="\n\n\r\n")),
    "json-points": ("json", json_array_of_arrays),
    "json-objects-in-array": ("json", json_array_of_objects),
    "auto-json": ("auto", lines(json_object)),
    "csv": ("csv", lines(csv)),
    "csv-blanks": ("csv", lines(csv_as_people_write)),
    "csv-crlf": ("csv", lines(csv, end="\r\n")),
    "csv-no-last-end": ("csv", lambda points: ["\n".join(map(csv, points)).encode()]),
}
WHOLE_TYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
# Ways that hold small whole numbers.
WHOLE = {"reference": ("array", array("<f8")), "f32": ("f32", raw("<f4")),
         "array-float32": ("array", array("<f4", "float32")),
         "array-f4-big": ("array", array(">f4")), "npy-f4": ("npy", npy("<f4")),
         "npy-f4-big": ("npy", npy(">f4")), "csv": ("csv", lines(csv))}
for _name in WHOLE_TYPES:
    WHOLE[f"array-{_name}"] = ("array", array(_name, _name))
    WHOLE[f"array-{_name}-code"] = ("array", array(_name))
    WHOLE[f"array-{_name}-big"] = ("array", array(np.dtype(_name).newbyteorder(">")))
    WHOLE[f"npy-{_name}"] = ("npy", npy(_name))
    WHOLE[f"npy-{_name}-big"] = ("npy", npy(np.dtype(_name).newbyteorder(">"), order="F"))


def cut(points, framing):
    """The points in messages of the given sizes, over and over."""
    sizes, start = itertools.cycle(framing), 0
    while start < len(points):
        size = next(sizes)
        yield points[start:start + size]
        start += size


def learn(mixd, ways, points, framing):
    """Sends the points to the stream of every way; the models by stream."""
    for name, (_, encode) in ways.items():
        feed = mixd.feed(name)
        for part in cut(points, framing):
            feed.send(*encode(part))
    models = {}
    for name in ways:
        ledger = mixd.drain(name, len(points))
        assert reference.rejected(ledger) == 0, f"{name}: {ledger}"
        models[name] = parameters(mixd.model(name))
    return models


def streams_of(ways):
    return config({name: stream(feed={"format": form})
                   for name, (form, _) in ways.items()})


class SamePointsSameModel(unittest.TestCase):
    def compare(self, ways, points, framings):
        reference = None
        for framing in framings:
            with Daemon(streams_of(ways)) as mixd:
                models = learn(mixd, ways, points, framing)
            for name, model in models.items():
                reference = reference or model
                with self.subTest(way=name, framing=framing):
                    self.assertEqual(model, reference)

    def test_any_float64_in_any_format_and_framing(self):
        self.compare(EXACT, reference.mixture(N_POINTS, salt=4),
                     [(1,), (7,), (100,), (N_POINTS,), (3, 256, 1, 511)])

    def test_small_whole_numbers_in_every_type(self):
        means = np.array([[20.0, 30.0], [90.0, 40.0], [50.0, 100.0]])
        points = np.round(reference.mixture(N_POINTS, 5, means)).clip(0, 127)
        self.compare(WHOLE, points, [(100,)])

    def test_every_stream_tells_its_format(self):
        ways = {**EXACT, "f32": WHOLE["f32"]}
        with Daemon(streams_of(ways)) as mixd:
            for name, entry in mixd.streams().items():
                self.assertEqual(entry["feed"]["format"], ways[name][0])
                self.assertEqual(entry["feed"]["type"], "pull")
                self.assertEqual(entry["feed"]["direction"], "bind")
                self.assertEqual(entry["columns"], list(FIELDS))
                self.assertEqual(entry["fields"], list(FIELDS))


def drained(mixd, sent):
    """The parameters of every stream once it has what was sent."""
    for name in mixd.streams():
        assert reference.rejected(mixd.drain(name, sent)) == 0, name
    return {name: parameters(mixd.model(name)) for name in mixd.streams()}


class Shapes(unittest.TestCase):
    """What the table above cannot say: shapes, columns and values of their own."""

    def test_one_point_may_come_without_its_count(self):
        points = reference.mixture(N_POINTS, salt=6)
        with Daemon(config({"one": stream(), "many": stream()})) as mixd:
            one = mixd.feed("one")
            for point in points:
                one.send(b'{"dtype": "<f8", "shape": [2]}', point.tobytes())
            mixd.feed("many").array(points)
            found = drained(mixd, N_POINTS)
            self.assertEqual(found["one"], found["many"])

    def test_columns_may_be_skipped_and_in_another_order(self):
        points = reference.mixture(N_POINTS, salt=7)
        wide = np.column_stack([points[:, 1], np.full(N_POINTS, np.nan), points[:, 0]])
        columns = {"columns": ["y", "-", "x"]}
        ways = {"plain": ("array", array("<f8"), points),
                "array": ("array", array("<f8"), wide),
                "f64": ("f64", raw("<f8"), wide),
                "csv": ("csv", lines(csv), wide),
                "text": ("csv", lines(lambda p: f"{p[0]!r},pump,{p[2]!r}"), wide)}
        text = config({name: stream(feed={"format": form},
                                    **({} if name == "plain" else columns))
                       for name, (form, _, _) in ways.items()})
        with Daemon(text) as mixd:
            for name, (_, encode, rows) in ways.items():
                feed = mixd.feed(name)
                for part in cut(rows, (50,)):
                    feed.send(*encode(part))
            models = {}
            for name in ways:
                mixd.drain(name, N_POINTS)
                models[name] = parameters(mixd.model(name))
            for name, model in models.items():
                with self.subTest(way=name):
                    self.assertEqual(model, models["plain"])

    def test_negative_zero_and_denormals_are_the_values_they_are(self):
        points = reference.mixture(N_POINTS, salt=8)
        points[::5] = 0.0
        signed = np.where(points == 0, -0.0, points)
        tiny = points * 2.0 ** -1040  # all denormal; exact but for the last bits
        streams = {"plus": points, "minus": signed, "tiny": tiny}
        with Daemon(config({name: stream() for name in streams})) as mixd:
            for name, rows in streams.items():
                mixd.feed(name).array(rows)
            found = drained(mixd, N_POINTS)
            self.assertEqual(found["plus"], found["minus"])
            self.assertGreater(np.abs(found["tiny"]["means"]).max(), 0)

    def test_gaps_in_the_numbers_of_a_source_are_counted(self):
        with Daemon(config({"s": stream()})) as mixd:
            feed = mixd.feed("s")
            for source, first in (("a", 1), ("b", 1), ("a", 11), ("a", 41), ("b", 11)):
                points = reference.mixture(10, salt=first)
                feed.send(*array("<f8", source=source, seq=first)(points))
            ledger = mixd.drain("s", 50)
            self.assertEqual((ledger["received"], ledger["lost"]), (50, 20))


if __name__ == "__main__":
    harness.main()
