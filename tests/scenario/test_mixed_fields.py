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


# Every other family, K = 2 in each.
REST = {
    "size": ("gamma", {"shape": [4, 9], "scale": [0.5, 3]}),
    "heading": ("von-mises", {"mean": [-2.5, 1], "concentration": [6, 20]}),
    "kind": ("categorical", {"probabilities": [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]}),
    "delay": ("log-normal", {"log_mean": [-1, 2], "log_variance": [0.2, 0.5]}),
    "jitter": ("student-t", {"location": [0, 5], "scale": [1, 2],
                             "degrees_of_freedom": [4, 6]}),
}


def draw_rest(n, salt):
    rng = reference.rng(salt)
    z = rng.choice(2, n, p=WEIGHTS)
    of = {field: {name: np.array(values)[z] for name, values in p.items()}
          for field, (_, p) in REST.items()}
    kinds = of["kind"]["probabilities"].cumsum(1)
    jitter = of["jitter"]
    return np.column_stack([
        rng.gamma(of["size"]["shape"], of["size"]["scale"]),
        rng.vonmises(of["heading"]["mean"], of["heading"]["concentration"]),
        (rng.random(n)[:, None] > kinds[:, :2]).sum(1),
        rng.lognormal(of["delay"]["log_mean"], np.sqrt(of["delay"]["log_variance"])),
        jitter["location"] + jitter["scale"] * rng.standard_t(jitter["degrees_of_freedom"]),
    ]).astype(float)


def log_density_of_rest(x, weights, p):
    size, heading, kind, delay, jitter = x
    total = 0.0
    for k, w in enumerate(weights):
        a, b = p["size"]["shape"][k], p["size"]["scale"][k]
        c = p["heading"]["concentration"][k]
        m, v = p["delay"]["log_mean"][k], p["delay"]["log_variance"][k]
        s, nu = p["jitter"]["scale"][k], p["jitter"]["degrees_of_freedom"][k]
        z = (jitter - p["jitter"]["location"][k]) / s
        total += w * p["kind"]["probabilities"][k][int(kind)] * math.exp(
            (a - 1) * math.log(size) - size / b - math.lgamma(a) - a * math.log(b)
            + c * math.cos(heading - p["heading"]["mean"][k])
            - math.log(2 * math.pi * np.i0(c))
            - (math.log(delay) - m) ** 2 / (2 * v) - 0.5 * math.log(2 * math.pi * v)
            - math.log(delay) + math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)
            - 0.5 * math.log(nu * math.pi) - math.log(s)
            - (nu + 1) / 2 * math.log1p(z * z / nu))
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

    def test_noise_takes_the_outliers_through_daemon_and_tools(self):
        rng = reference.rng(9)
        points = np.vstack([rng.normal([0, 0], 1, (9000, 2)), rng.normal([8, 3], 1, (9000, 2)),
                            rng.uniform(-1000, 1000, (2000, 2))])
        rng.shuffle(points)
        np.savetxt(os.path.join(self.folder, "p.csv"), points, delimiter=",",
                   header="x,y", comments="", fmt="%.17g")
        model = {"components": 2, "noise": "on"}
        with Daemon(config({"s": stream(model=model)})) as mixd:
            mixd.feed("s").array(points)
            mixd.drain("s", len(points))
            learned = mixd.model("s")
            answer = mixd.ask("score", stream="s", point=[500, -700])
            self.assertGreater(answer["noise"], 0.999)
            shown = run("mixctl", "--control", mixd.control_endpoint, "score", "s", "0", "0")
            self.assertRegex(shown.stdout, r"(?m)^  noise +[0-9.e-]+$")
            self.assertLess(mixd.ask("score", stream="s", point=[0, 0])["noise"], 1e-3)
        noise = learned["noise"]
        self.assertAlmostEqual(sum(learned["weights"]) + noise["weight"], 1, places=12)
        self.assertAlmostEqual(noise["weight"], 0.1, delta=0.01)
        means = sorted(learned["means"])
        np.testing.assert_allclose(means, [[0, 0], [8, 3]], atol=0.1)
        offline = run("mixfit", "--components", "2", "--noise", "--online", "--no-finish",
                      "p.csv", cwd=self.folder)
        same = json.loads(offline.stdout)
        for member in ("weights", "means", "covariances", "noise"):
            self.assertEqual(same[member], learned[member])
        self.write("model.json", json.dumps(learned))
        text = config({"t": stream(model=model, start="model.json")})
        with Daemon(text, folder=self.folder) as mixd:
            started = mixd.model("t")
            for member in ("weights", "means", "covariances", "noise"):
                self.assertEqual(started[member], learned[member])

    def test_the_other_families(self):
        family = {field: name for field, (name, _) in REST.items()}
        model = {"components": 2, "family": family, "categories": 3}
        points, bad = draw_rest(3 * N_POINTS, 8), draw_rest(3, 9)
        bad[0, 0], bad[1, 2], bad[2, 3] = 0, 3, -1
        holed = points[-100:].copy()
        holed[::2, 0] = holed[1::2, 2] = math.nan
        sent = np.vstack([points, bad, holed])
        text = config({"s": stream(tuple(REST), model=model, missing="marginalize")})
        with Daemon(text) as mixd:
            mixd.feed("s").array(sent)
            ledger = mixd.drain("s", len(sent))
            self.assertEqual(ledger["rejected"], {"range": 3})
            found = mixd.model("s")
            order = np.argsort(found["parameters"]["size"]["scale"])
            for field, (_, parameters) in REST.items():
                for name, values in parameters.items():
                    is_nu = name == "degrees_of_freedom"  # known to a fourth at best
                    np.testing.assert_allclose(
                        np.array(found["parameters"][field][name])[order], values,
                        rtol=0.4 if is_nu else 0.15, atol=0.06, err_msg=name)
            for point in points[:20].tolist():
                answer = mixd.ask("score", stream="s", point=point)
                self.assertAlmostEqual(answer["log_density"], log_density_of_rest(
                    point, found["weights"], found["parameters"]), places=8)
        file = self.write("model.json", json.dumps(found))
        text = config({"s": stream(tuple(REST), model=model, start="model.json")})
        with Daemon(text, folder=self.folder) as mixd:
            self.assertEqual(mixd.model("s")["parameters"], found["parameters"])
            fed = run("mixfeed", "-c", os.path.join(self.folder, "mixd.yaml"), "--count",
                      "2000", "--stream", "s", f"synth:{file}")
            self.assertEqual(fed.returncode, 0, fed.stderr)
            self.assertEqual(mixd.ledger("s")["rejected"], {})
            line = run("mixwatch", "-c", os.path.join(self.folder, "mixd.yaml"), "--once")
            self.assertIn(" weights ", line.stdout)
        other = self.write("other.yaml", config({"s": stream(
            tuple(REST), model={**model, "categories": 4}, start="model.json")}))
        refused = run("mixd", "--state", os.path.join(self.folder, "fresh"), "-c", other)
        self.assertIn(refused.returncode, (os.EX_DATAERR, os.EX_CONFIG), refused.stderr)
        self.assertIn("model.json", refused.stderr)

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
