# SPDX-License-Identifier: MIT
"""mixfit: batch EM against scikit-learn, scores against NumPy, --online against the
daemon, bit for bit."""

import json
import os
import subprocess
import unittest

import numpy as np

import harness
import reference
from harness import config, Daemon, InFolder, model_section, program, run, stream
from reference import csv

EX_USAGE, EX_DATAERR, EX_NOINPUT = 64, 65, 66


class Mixfit(InFolder):
    def fit(self, *arguments, code=0):
        done = run("mixfit", *arguments, within=3 * harness.DEADLINE)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def model(self, *arguments):
        return reference.check_model(harness.parse(self.fit(*arguments).stdout))

    def test_batch_em_finds_the_mixture(self):
        points = reference.mixture(5000, salt=82)
        path = self.write("a.npy", points)
        for kind in ("full", "diag", "spherical", "tied"):
            with self.subTest(kind):
                model = self.model("--components", 3, "--covariance", kind, path)
                self.assertEqual(model["covariance_type"], kind)
                # The rarest component has 1000 points: a standard error of .03.
                apart = reference.distance_to_nearest(model["means"], reference.MEANS)
                self.assertLess(apart.max(), 0.2)

    def test_batch_em_is_as_good_as_scikit_learn(self):
        try:
            from sklearn.mixture import GaussianMixture
        except ImportError:
            self.skipTest("no scikit-learn here")
        points = reference.mixture(3000, salt=83)
        path = self.write("a.npy", points)
        for kind in ("full", "diag", "spherical", "tied"):
            with self.subTest(kind):
                model = self.model("--components", 3, "--covariance", kind, "--tolerance",
                                   "1e-9", "--max-iterations", "1000", path)
                peer = GaussianMixture(3, covariance_type=kind, n_init=3, tol=1e-9,
                                       max_iter=1000, random_state=1).fit(points)
                ours = reference.log_density(model, points).mean()
                # The prior of D + 2 points for each component costs about 1e-4 nats.
                self.assertGreater(ours, peer.score(points) - 1e-3)

    def test_online_a_range_is_chosen_from_as_in_the_daemon(self):
        points = reference.mixture(12000, salt=19)
        model = self.model("--components", "1..5", "--online", self.write("x.npy", points))
        self.assertEqual(model["n_components"], 3)
        self.assertLess(reference.distance_to_nearest(model["means"],
                                                      reference.MEANS).max(), 0.2)

    def test_a_range_of_components_is_judged_on_points_held_out(self):
        path = self.write("a.npy", reference.mixture(2000, salt=181))
        out = os.path.join(self.folder, "model.json")
        report = harness.parse(self.fit("--json", "--components", "1..5",
                                        "--cross-validate", 4, path).stdout)
        rows = {row["n_components"]: row for row in report["candidates"]}
        self.assertEqual(sorted(rows), [1, 2, 3, 4, 5])
        self.assertEqual(report["n_components"], 3)
        self.assertEqual(min(rows, key=lambda k: rows[k]["bic"]), 3)
        # What was not seen says less than what was, and one component far less.
        self.assertLess(rows[3]["held_out"], rows[3]["log_likelihood"])
        self.assertGreater(rows[1]["behind"], 10 * rows[1]["behind_error"])
        table = self.fit("--components", "2..3", "--output", out, path).stdout
        self.assertEqual([line[0] for line in table.splitlines()[1:]], [" ", "*"])
        with open(out, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["n_components"], 3)

    def test_held_out_scores_are_those_of_fits_without_the_fold(self):
        points = reference.mixture(300, salt=182)
        path = self.write("a.npy", points)
        report = harness.parse(self.fit("--json", "--components", 2, "--cross-validate", 3,
                                        path).stdout)
        total = 0
        for fold in range(3):
            held = np.arange(len(points)) % 3 == fold
            model = self.model("--components", 2, self.write("rest.npy", points[~held]))
            total += reference.log_density(model, points[held]).sum()
        self.assertAlmostEqual(report["candidates"][0]["held_out"], total / len(points),
                               delta=1e-9)

    def test_models_are_compared(self):
        points = reference.mixture(2000, salt=183)
        path = self.write("a.npy", points)
        files = []
        for k in (1, 3):
            files.append(os.path.join(self.folder, f"{k}.json"))
            self.fit("--components", k, "--output", files[-1], path)
        report = harness.parse(self.fit("--compare", "--json", *files, path).stdout)
        one, three = report["log_likelihood"]
        self.assertAlmostEqual(report["second_better_by"]["nats"], three - one, delta=1e-9)
        self.assertGreater(three, one)
        self.assertGreater(report["divergence"]["nats"], 0)
        same = harness.parse(self.fit("--compare", "--json", files[0], files[0]).stdout)
        self.assertEqual(same["divergence"], {"nats": 0, "error": 0})
        self.assertIn("2 better on the points by", self.fit("--compare", *files, path).stdout)
        self.fit("--compare", files[0], code=EX_USAGE)

    def test_models_of_parts_are_merged(self):
        points = reference.mixture(9000, salt=93)
        files = []
        for i, part in enumerate((points[:2000], points[2000:5000], points[5000:])):
            path = self.write("part.npy", part)
            files.append(os.path.join(self.folder, f"part-{i}.json"))
            self.fit("--components", 3, "--seed", i, "--output", files[-1], path)
        merged = os.path.join(self.folder, "merged.json")
        done = self.fit("--merge", "--json", "--output", merged, *files)
        report = harness.parse(done.stdout)
        self.assertEqual(report["points"], 9000)
        self.assertLess(max(report["losses"]), 0.01)  # of 2000 points, p/2n is .004
        whole = self.model("--components", 3, self.write("all.npy", points))
        with open(merged, encoding="utf-8") as file:
            model = reference.check_model(json.load(file))
        # Means of means over the same points: three standard errors are apart by no more.
        apart = reference.distance_to_nearest(model["means"], whole["means"])
        self.assertLess(apart.max(), 0.01)
        gap = (reference.log_density(whole, points) - reference.log_density(model, points))
        self.assertLess(gap.mean(), 1e-3)
        self.assertIn("loss", self.fit("--merge", *files).stderr)
        two = os.path.join(self.folder, "two.json")
        self.fit("--components", 2, "--output", two, self.write("x.npy", points))
        self.assertIn(two, self.fit("--merge", files[0], two, code=EX_DATAERR).stderr)
        bare = self.write("bare.json", json.dumps(reference.MODEL))
        self.assertIn("points", self.fit("--merge", files[0], bare, code=EX_DATAERR).stderr)
        self.fit("--merge", files[0], code=EX_USAGE)

    def test_missing_values_are_predicted(self):
        points = reference.mixture(5000, salt=184)
        model = os.path.join(self.folder, "model.json")
        self.fit("--components", 3, "--output", model, self.write("a.npy", points))
        holes = points[:200].copy()
        holes[::2, 0] = np.nan
        lines = self.fit("--predict", model, self.write("b.npy", holes)).stdout.splitlines()
        filled = np.array([[float(value) for value in line.split(",")] for line in lines[1:]])
        seen = ~np.isnan(holes)
        np.testing.assert_array_equal(filled[seen], holes[seen])
        with open(model, encoding="utf-8") as file:
            expected = reference.regress(json.load(file), holes)
        np.testing.assert_allclose(filled, expected, rtol=1e-9, atol=1e-9)

    def test_options_without_an_effect_are_refused(self):
        path = self.write("a.npy", reference.mixture(100, salt=185))
        model = os.path.join(self.folder, "model.json")
        self.fit("--components", 1, "--output", model, path)
        for arguments in (("--predict", model, "--starts", 2), ("--score", model, "--seed", 3),
                          ("--components", 2, "--adapt", "on"),
                          ("--components", "1..40", "--online"),
                          ("--components", "3..2"), ("--components", "1.."),
                          ("--components", 2, "--cross-validate", 1),
                          ("--online", "--components", 2, "--cross-validate", 5),
                          ("--online", "--score", model)):
            with self.subTest(arguments):
                done = self.fit(*arguments, path, code=EX_USAGE)
                self.assertRegex(done.stderr, r"^mixfit: --[^\n]*\n$")

    def test_score_is_the_mean_log_density(self):
        points = reference.mixture(500, salt=84)
        path = self.write("a.csv", csv(points))
        model_file = os.path.join(self.folder, "model.json")
        self.fit("--components", 3, "--output", model_file, path)
        with open(model_file, encoding="utf-8") as file:
            model = reference.check_model(harness.parse(file.read()))
        expected = reference.log_density(model, points)
        printed = self.fit("--score", model_file, path).stdout
        self.assertAlmostEqual(float(printed.split()[0]), expected.mean(), places=9)
        report = harness.parse(self.fit("--score", model_file, "--json", path).stdout)
        self.assertEqual(report["points"], 500)
        self.assertAlmostEqual(report["log_likelihood"], expected.mean(), places=9)
        lines = self.fit("--score", model_file, "--per-point", path).stdout.split()
        self.assertEqual(len(lines), 500)
        self.assertLess(np.abs(np.array(lines, float) - expected).max(), 1e-9)

    def test_fields_in_another_order_are_not_scored(self):
        points = reference.mixture(300, salt=88)
        right = self.write("right.csv", csv(points, header="a,b"))
        swapped = self.write("swapped.csv", csv(points[:, ::-1], header="b,a"))
        model = os.path.join(self.folder, "model.json")
        other = os.path.join(self.folder, "other.json")
        self.fit("--components", 2, "--output", model, right)
        self.fit("--components", 2, "--output", other, swapped)
        for arguments in (("--score", model, swapped), ("--predict", model, swapped),
                          ("--compare", model, model, swapped),
                          ("--compare", model, other)):
            with self.subTest(arguments):
                done = self.fit(*arguments, code=EX_DATAERR)
                self.assertIn("its order is a,b", done.stderr)
                self.assertEqual(done.stdout, "")
        self.assertEqual(self.fit("--score", model, "--fields", "a,b", swapped).stdout,
                         self.fit("--score", model, right).stdout)

    def test_so_many_iterations_and_no_more(self):
        path = self.write("a.npy", reference.mixture(1000, salt=85) / [1, 9])
        fits = [self.model("--components", 5, "--starts", 1, "--tolerance", 0,
                           "--max-iterations", count, path) for count in (3, 3, 4)]
        self.assertEqual(fits[0]["means"], fits[1]["means"])
        self.assertNotEqual(fits[1]["means"], fits[2]["means"])

    def test_online_gives_the_daemon_s_bits(self):
        for kind, count in (("full", 9000), ("diag", 1234)):
            points = reference.mixture(count, salt=86)
            path = self.write("a.npy", points)
            with self.subTest(kind):
                text = config({"s": stream(model=model_section(covariance=kind))})
                with Daemon(text) as mixd:
                    mixd.feed("s").array(points, batch=100)
                    mixd.drain("s", count)
                    expected = mixd.model("s")
                model = self.model("--online", "--no-finish", "--components", 3,
                                   "--covariance", kind, path)
                for name in ("weights", "means", "covariances", "points", "updates"):
                    self.assertEqual(model[name], expected[name], name)

    def test_online_closes_the_open_block(self):
        for count in (20, 64, 1234):
            with self.subTest(count):
                path = self.write("a.npy", reference.mixture(count, salt=87))
                model = self.model("--online", "--components", 3, path)
                self.assertEqual(model["points"], count)

    def test_models_that_cannot_score(self):
        good = self.write("good.npy", reference.mixture(100))
        three = {**reference.MODEL, "means": [[1, 2, 3]] * 3}
        models = [
            (EX_NOINPUT, os.path.join(self.folder, "missing.json")),
            (EX_DATAERR, self.write("empty.json", "{}")),
            (EX_DATAERR, self.write("half.json", json.dumps(reference.MODEL)[:100])),
            (EX_DATAERR, self.write("three.json", json.dumps(three))),
        ]
        for code, path in models:
            with self.subTest(path):
                done = self.fit("--score", path, good, code=code)
                self.assertIn(path, done.stderr)

    def test_auto_is_one_to_eight(self):
        path = self.write("a.npy", reference.mixture(400, salt=182))
        report = harness.parse(self.fit("--json", "--components", "auto", path).stdout)
        tried = [row["n_components"] for row in report["candidates"]]
        self.assertEqual(tried, list(range(1, 9)))

    def test_values_that_their_family_cannot_have_are_named(self):
        path = self.write("a.csv", "a,b\n1,3\n2,5\n3,0.25\n")
        done = self.fit("--components", 1, "--family", "b=poisson", path)
        self.assertRegex(done.stderr, "1 rows left out, the first for b 0.25: poisson takes")

    def test_the_report_as_json(self):
        path = self.write("a.npy", reference.mixture(500, salt=88))
        report = harness.parse(self.fit("--components", 2, "--json", path).stdout)
        self.assertIsInstance(report, dict)

    def test_inputs_that_cannot_be_fitted(self):
        good = self.write("good.npy", reference.mixture(100))
        failures = [
            (EX_NOINPUT, [os.path.join(self.folder, "missing.npy")]),
            (EX_DATAERR, [self.write("bad.npy", b"\x93NUMPY\x01\x00")]),
            (EX_DATAERR, [self.write("empty.csv", b"")]),
            (EX_DATAERR, [self.write("none.csv", "x,y\n")]),
            (EX_USAGE, []), (EX_USAGE, ["--covariance", "round", good]),
            (EX_USAGE, ["--components", "0", good]),
            (EX_USAGE, ["--tolerance", "-1", good]),
        ]
        for code, arguments in failures:
            with self.subTest(arguments):
                done = self.fit("--components", 3, *arguments, code=code)
                self.assertTrue(done.stderr)
        done = self.fit("--components", 3, "--seed", -1, good, code=EX_USAGE)
        self.assertIn("not a whole number from 0 to 9007199254740992", done.stderr)

    @unittest.skipUnless(os.path.isdir(harness.DATA), "no recorded data here")
    def test_old_faithful(self):
        path = os.path.join(harness.DATA, "faithful.csv")
        model = self.model("--components", 2, path)
        points = np.loadtxt(path, delimiter=",", skiprows=1)
        # Known for the maximum: -4.1554 nats a point; the prior costs a little.
        self.assertGreater(reference.log_density(model, points).mean(), -4.17)

    def test_a_pipe_that_closes(self):
        path = self.write("a.npy", reference.mixture(5000))
        model_file = os.path.join(self.folder, "model.json")
        self.fit("--components", 3, "--output", model_file, path)
        fit = subprocess.Popen(
            [program("mixfit"), "--score", model_file, "--per-point", path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        fit.stdout.readline()
        fit.stdout.close()
        self.assertEqual(fit.wait(harness.DEADLINE), 0, fit.stderr.read())
        fit.stderr.close()


if __name__ == "__main__":
    harness.main()
