# SPDX-License-Identifier: MIT
"""Fields of different families in one model, through daemon and tools."""

import json
import math
import os
import unittest

import harness
import numpy as np
import reference
from harness import config, Daemon, run, stream

FIELDS = ("heat", "faults", "wait", "door")
FAMILY = {"heat": "gaussian", "faults": "poisson", "wait": "exponential",
          "door": "bernoulli"}
PARAMETERS = {"heat": {"mean": [10, 20], "variance": [1, 4]}, "faults": {"rate": [1, 8]},
              "wait": {"mean": [0.2, 5]}, "door": {"probability": [0.1, 0.7]}}
WEIGHTS = [0.6, 0.4]
MODEL = {"components": 2, "family": FAMILY}
N_POINTS = 12000


def draw(n, salt):
    """n points of that mixture, by numpy."""
    rng = reference.rng(salt)
    z = rng.choice(2, n, p=WEIGHTS)
    columns = [rng.normal(np.take([10, 20], z), np.sqrt(np.take([1, 4], z))),
               rng.poisson(np.take([1, 8], z)), rng.exponential(np.take([0.2, 5], z)),
               rng.random(n) < np.take([0.1, 0.7], z)]
    return np.column_stack([np.asarray(c, dtype=float) for c in columns])


def log_density(x, weights=WEIGHTS, p=PARAMETERS):
    """By the textbook."""
    heat, faults, wait, door = x
    total = 0.0
    for k, w in enumerate(weights):
        v, rate = p["heat"]["variance"][k], p["faults"]["rate"][k]
        mean, yes = p["wait"]["mean"][k], p["door"]["probability"][k]
        total += w * math.exp(
            -(heat - p["heat"]["mean"][k]) ** 2 / (2 * v) - 0.5 * math.log(2 * math.pi * v)
            + faults * math.log(rate) - rate - math.lgamma(faults + 1)
            - wait / mean - math.log(mean) + math.log(yes if door else 1 - yes))
    return math.log(total)


class MixedFields(harness.InFolder):
    def check_parameters(self, model):
        """Near those that the points were drawn with, whatever the order."""
        order = np.argsort(model["parameters"]["heat"]["mean"])
        self.assertEqual(model["family"], FAMILY)
        np.testing.assert_allclose(np.take(model["weights"], order), WEIGHTS, atol=0.02)
        for field, of_field in PARAMETERS.items():
            self.assertEqual(set(model["parameters"][field]), set(of_field))
            for name, values in of_field.items():
                found = np.take(model["parameters"][field][name], order)
                np.testing.assert_allclose(found, values, rtol=0.12, err_msg=name)

    def test_a_product_is_learned_scored_and_started_from(self):
        points = draw(N_POINTS, 5)
        bad = np.array([[10, -1, 1, 0], [10, 1.5, 1, 0], [10, 1, -1, 0], [10, 1, 1, 2]])
        text = config({"s": stream(FIELDS, model=MODEL, missing="marginalize")})
        with Daemon(text) as mixd:
            feed, frames = mixd.feed("s"), mixd.subscribe("model/s ")
            first = frames.frame()
            self.assertIsNone(first["parameters"])
            self.assertEqual(first["family"], FAMILY)
            feed.array(np.vstack([points[:5000], bad, points[5000:]]))
            ledger = mixd.drain("s", N_POINTS + 4)
            self.assertEqual(ledger["rejected"], {"range": 4})
            model = mixd.model("s")
            self.check_parameters(model)
            self.assertIsNone(model["covariance_type"])
            self.assertNotIn("covariances", model)
            for point in points[:20].tolist():
                answer = mixd.ask("score", stream="s", point=point)
                self.assertAlmostEqual(
                    answer["log_density"],
                    log_density(point, model["weights"], model["parameters"]), places=9)
            drawn = np.array(mixd.ask("sample", stream="s", n=500, seed=3)["points"])
            self.assertTrue((drawn[:, 1] == np.floor(drawn[:, 1])).all())
            self.assertEqual(set(drawn[:, 3]), {0.0, 1.0})
        self.write("model.json", json.dumps(model))
        text = config({"s": stream(FIELDS, model=MODEL, start="model.json")})
        with Daemon(text, folder=self.folder) as mixd:
            started = mixd.model("s")
            self.assertEqual(started["parameters"], model["parameters"])
            self.assertEqual(started["weights"], model["weights"])

    def test_mixfit_fits_learns_and_scores_the_same(self):
        points = draw(4000, 6)
        path = self.write("points.csv", ",".join(FIELDS) + "\n" + "".join(
            ",".join(repr(float(x)) for x in row) + "\n" for row in points) + "1,-2,1,1\n")
        family = ",".join(f"{field}={name}" for field, name in FAMILY.items())
        fitted = run("mixfit", "--components", "2", "--family", family, path)
        self.assertEqual(fitted.returncode, 0, fitted.stderr)
        self.assertIn("1 rows left out", fitted.stderr)
        self.check_parameters(json.loads(fitted.stdout))
        file = self.write("fitted.json", fitted.stdout)
        good = self.write("good.npy.csv", ",".join(FIELDS) + "\n" + "".join(
            ",".join(repr(float(x)) for x in row) + "\n" for row in points))
        scored = run("mixfit", "--score", file, good)
        model = json.loads(fitted.stdout)
        mean = np.mean([log_density(x, model["weights"], model["parameters"])
                        for x in points.tolist()])
        self.assertAlmostEqual(float(scored.stdout), mean, places=9)
        self.assertAlmostEqual(model["log_likelihood"], mean, places=9)
        online = json.loads(run("mixfit", "--online", "--no-finish", "--components", "2",
                                "--family", family, good).stdout)
        with Daemon(config({"s": stream(FIELDS, model=MODEL)})) as mixd:
            mixd.feed("s").array(points)
            mixd.drain("s", len(points))
            self.assertEqual(mixd.model("s")["parameters"], online["parameters"])

    def test_one_family_for_all_fields(self):
        rng = reference.rng(7)
        z = rng.choice(2, 8000, p=WEIGHTS)
        points = rng.poisson(np.array([[1, 20], [9, 3]])[z]).astype(float)
        text = config({"s": stream(model={"components": 2, "family": "poisson"}),
                       "t": stream(["x"], model={"components": 2, "family": "poisson"})})
        with Daemon(text) as mixd:
            for name, sent in (("s", points), ("t", points[:, :1])):
                mixd.feed(name).array(sent)
                mixd.drain(name, 8000)
            rates = np.array(sorted(mixd.model("s")["parameters"]["rate"]))
            np.testing.assert_allclose(rates, [[1, 20], [9, 3]], rtol=0.05)
            rates = sorted(mixd.model("t")["parameters"]["rate"])
            np.testing.assert_allclose(rates, [1, 9], rtol=0.05)

    def test_what_is_wrong_is_told_with_its_place(self):
        head = ("streams:\n  s:\n    fields: [a, b]\n    feed: {bind: \"tcp://127.0.0.1:*\"}\n"
                "    model:\n      components: 2\n")
        wrong = {
            "      family: binomial\n": "7:15: model.family 'binomial' is not one of: gaussian,",
            "      family: {a: poisson, c: poisson}\n": "7:28: model.family has 'c': not a field",
            "      family: {a: round}\n": "7:19: model.family 'round' is not one of: gaussian,",
            "      family: [poisson]\n": "7:15: model.family is a list and is not one of",
            "      family: {a: poisson}\n      covariance: full\n":
                "8:19: model.covariance 'full' needs gaussian fields alone",
            "      categories: 1\n": "7:19: model.categories '1' is out of range: 2 to 256",
        }
        for text, message in wrong.items():
            with self.subTest(text):
                path = self.write("mixd.yaml", head + text)
                done = run("mixd", "--check", "-c", path)
                self.assertEqual(done.returncode, os.EX_CONFIG)
                self.assertIn(message, done.stderr)
        path = self.write("mixd.yaml", head + "      family: {b: poisson}\n")
        printed = run("mixd", "--print-config", "-c", path).stdout
        self.assertIn("family: {b: poisson}\n", printed)
        self.write("mixd.yaml", printed)
        self.assertEqual(run("mixd", "--print-config", "-c", path).stdout, printed)


if __name__ == "__main__":
    harness.main()
