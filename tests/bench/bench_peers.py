# SPDX-License-Identifier: MIT
"""One pass of EM over the same points by mixd and by others, one thread each, on
overlapping and on separated points; then the feed against a loop in NumPy and pyzmq.

    bench_peers.py [--seed N] [--quick]

Run from the build folder by `make bench-peers`. Every program starts from the model that
the points were drawn from, with its means half a standard deviation off (OpenCV from
these means alone: Python cannot give it more). The time of a pass of a peer is that of
many passes less that of few, so that its preparations do not count, each the best of
several: other load on the machine only ever adds to it. mixd's is the best of many. On
separated points EM soon stops, so few and many are fewer there. Peers whose Debian
package is not installed are left out with a line."""
import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
CORE = 1
# covariance, D, K, points
CONFIGS = [
    ("full", 1, 3, 200000), ("full", 2, 4, 200000), ("full", 2, 16, 65536),
    ("full", 8, 8, 65536), ("full", 16, 16, 16384), ("full", 32, 32, 4096),
    ("full", 64, 16, 4096), ("diag", 2, 4, 200000), ("diag", 8, 8, 65536),
    ("diag", 16, 16, 32768), ("diag", 64, 16, 16384),
]
# Distance between means in standard deviations.
DATA = {"overlapping": 0.5, "separated": 10.0}
# Passes whose times are compared; each is measured so often, but no longer than this.
PASSES = {"overlapping": (2, 8), "separated": (1, 3)}
REPEATS = 5
REPEATS_S = 2.0
# Ratios to reach, (scikit-learn, Armadillo); None: nothing is asked.
GOALS = {
    ("full", 1, 3): (45, 28), ("full", 2, 4): (75, 30), ("full", 2, 16): (90, 45),
    ("full", 8, 8): (28, 21), ("full", 16, 16): (16, 21), ("full", 32, 32): (9, 17),
    ("full", 64, 16): (5.5, 20), ("diag", 2, 4): (45, None), ("diag", 8, 8): (18, None),
    ("diag", 16, 16): (10, None), ("diag", 64, 16): (4.5, None),
}


class Problem:
    """A mixture, points from it, and both in a file for the other programs."""

    def __init__(self, folder, covariance, d, k, n, data, seed):
        rng = np.random.default_rng(seed)
        self.covariance, self.d, self.k, self.n = covariance, d, k, n
        self.passes = PASSES[data]
        self.weights = np.full(k, 1 / k)
        centres = DATA[data] * rng.standard_normal((k, d))
        self.means = centres + 0.5 * rng.standard_normal((k, d))
        if covariance == "full":
            one = np.full((d, d), 0.3 / d)
            np.fill_diagonal(one, 1.0)
            self.covs = np.broadcast_to(one, (k, d, d)).copy()
            noise = rng.standard_normal((n, d)) @ np.linalg.cholesky(one).T
        else:
            self.covs = np.ones((k, d))
            noise = rng.standard_normal((n, d))
        self.x = centres[rng.integers(k, size=n)] + noise
        self.path = os.path.join(folder, "problem")
        with open(self.path, "wb") as file:
            for part in (self.weights, self.means, self.covs, self.x):
                file.write(np.ascontiguousarray(part, "<f8").tobytes())


# ---- Peers: seconds of one pass, or None where the program is not there ---------------


def differenced(run, passes):
    """Seconds of a pass from run(passes), the least of several."""
    times = [float("inf")] * 2
    end = time.perf_counter() + REPEATS_S
    for _ in range(REPEATS):
        for j, n in enumerate(passes):
            begin = time.perf_counter()
            run(n)
            times[j] = min(times[j], time.perf_counter() - begin)
        if time.perf_counter() > end:
            break
    return (times[1] - times[0]) / (passes[1] - passes[0])


def run_program(*words):
    reply = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if reply.returncode != 0:
        raise RuntimeError(f"{words[0]}: {reply.stderr.strip()[-300:]}")
    return float(reply.stdout)


def mixd_pass(problem):
    return run_program("tests/bench/peer_pass", problem.covariance, problem.d, problem.k,
                       problem.path)


def sklearn_pass(problem):
    from sklearn.mixture import GaussianMixture
    precisions = (np.linalg.inv(problem.covs) if problem.covariance == "full"
                  else 1 / problem.covs)

    def run(passes):
        GaussianMixture(problem.k, covariance_type=problem.covariance, tol=0,
                        max_iter=passes, weights_init=problem.weights,
                        means_init=problem.means, precisions_init=precisions,
                        init_params="random").fit(problem.x)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return differenced(run, problem.passes)


def opencv_pass(problem):
    import cv2
    cv2.setNumThreads(1)
    part = problem.x[:max(1024, problem.n // 32)]  # it is slow, and linear in n
    kind = (cv2.ml.EM_COV_MAT_GENERIC if problem.covariance == "full"
            else cv2.ml.EM_COV_MAT_DIAGONAL)

    def run(passes):
        em = cv2.ml.EM_create()
        em.setClustersNumber(problem.k)
        em.setCovarianceMatrixType(kind)
        em.setTermCriteria((cv2.TERM_CRITERIA_COUNT, passes, 0))
        em.trainE(part, problem.means)  # Python cannot give it the covariances

    return differenced(run, problem.passes) * problem.n / len(part)


def armadillo_pass(problem):
    return run_program("tests/bench/peer_armadillo", problem.covariance, problem.d,
                       problem.k, problem.path, *problem.passes)


def mclust_pass(problem):
    return run_program("Rscript", HERE / "peer_mclust.R", problem.covariance, problem.d,
                       problem.k, problem.path, *problem.passes)


def has_module(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False


def has_mclust():
    return shutil.which("Rscript") is not None and subprocess.run(
        ["Rscript", "-e", "library(mclust)"], capture_output=True).returncode == 0


PEERS = [
    ("scikit-learn", "python3-sklearn", lambda: has_module("sklearn"), sklearn_pass),
    ("Armadillo", "libarmadillo-dev",
     lambda: os.path.exists("tests/bench/peer_armadillo"), armadillo_pass),
    ("OpenCV", "python3-opencv", lambda: has_module("cv2"), opencv_pass),
    ("mclust", "r-cran-mclust", has_mclust, mclust_pass),
]


# ---- The tables ---------------------------------------------------------------------


def peer_text(run, problem, own, goal):
    """How many times faster mixd is; "-" where the peer gave no time."""
    try:
        seconds = run(problem)
    except RuntimeError as error:
        print(f"  {error}", file=sys.stderr)
        seconds = 0
    if seconds <= 0:
        return f"{'-':>13}  "
    mark = "!" if goal is not None and seconds / own < goal else " "
    return f"{seconds / own:13.1f}{mark} "


def compare(peers, configs, seed):
    print("  a pass of mixd in M points/s, and how many times faster than the peer it is;"
          f" ! below what is asked\n  {'':26}{'mixd':>13}"
          + "".join(f"{name:>15}" for name, _ in peers))
    for covariance, d, k, n in configs:
        goals = dict(zip(("scikit-learn", "Armadillo"), GOALS[covariance, d, k]))
        for data in DATA:
            with tempfile.TemporaryDirectory() as folder:
                problem = Problem(folder, covariance, d, k, n, data, seed)
                own = mixd_pass(problem)
                line = f"  {covariance:5} ({d:2},{k:2}) {data:12}{n / own / 1e6:13.2f}"
                for name, run in peers:
                    line += peer_text(run, problem, own, goals.get(name))
                print(line, flush=True)


def find_peers():
    found = []
    for name, package, is_there, run in PEERS:
        if is_there():
            found.append((name, run))
        else:
            print(f"  {name}: left out, {package} is not installed")
    return found


# ---- The feed -------------------------------------------------------------------------

# What one would write without mixd, by somebody who knows NumPy: minibatches of 256,
# stepwise EM, points along the last axis, one product of matrices to whiten and one for
# all moments, buffers that are used again. A plainer loop is two to three times slower.
LOOP = """
import json, os, sys, time
import numpy as np, zmq
os.sched_setaffinity(0, {%(core)d})
d, k, total = %(d)d, %(k)d, %(total)d
rng = np.random.default_rng(1)
pull = zmq.Context().socket(zmq.PULL)
port = pull.bind_to_random_port("tcp://127.0.0.1")
print(port, flush=True)
n = 256
block, filled = np.empty((n, d)), 0
w, mu, cov = np.full(k, 1 / k), rng.standard_normal((k, d)), np.stack([np.eye(d)] * k)
second = cov + mu[:, :, None] * mu[:, None]
s = w[:, None] * np.concatenate([np.ones((k, 1)), mu, second.reshape(k, -1)], 1)
features, outer, floor = np.ones((n, 1 + d + d * d)), np.empty((n, d, d)), 1e-3 * np.eye(d)
t = 0
def update(x):
    global w, mu, cov, s, t
    t += 1
    g = (t + 2) ** -0.6
    chol = np.linalg.cholesky(cov)
    whiten = np.linalg.inv(chol)
    z = (whiten.reshape(k * d, d) @ x.T).reshape(k, d, n)
    z -= whiten @ mu[:, :, None]
    z *= z
    r = z.sum(1)
    r *= -0.5
    r += (np.log(w) - np.log(np.diagonal(chol, axis1=1, axis2=2)).sum(1))[:, None]
    r -= r.max(0)
    np.exp(r, out=r)
    r /= r.sum(0)
    np.multiply(x[:, :, None], x[:, None, :], out=outer)
    features[:, 1:1 + d] = x
    features[:, 1 + d:] = outer.reshape(n, d * d)
    s *= 1 - g
    s += (g / n) * (r @ features)
    w, mean = s[:, 0], s[:, 1:] / s[:, :1]
    mu = mean[:, :d]
    cov = mean[:, d:].reshape(k, d, d) - mu[:, :, None] * mu[:, None] + floor
seen, begin = 0, None
while seen < total:
    header = json.loads(pull.recv())
    x = np.frombuffer(pull.recv(), header["dtype"]).reshape(header["shape"])
    begin = begin or time.perf_counter()
    seen += len(x)
    while len(x):
        if filled == 0 and len(x) >= n:  # where it lies
            update(x[:n])
            x = x[n:]
            continue
        part = x[:n - filled]
        block[filled:filled + len(part)] = part
        filled += len(part)
        x = x[len(part):]
        if filled == n:
            update(block)
            filled = 0
print(seen / (time.perf_counter() - begin), flush=True)
"""


def loop_rate(d, k, per_message, messages):
    words = {"core": CORE, "d": d, "k": k, "total": per_message * messages}
    with subprocess.Popen([sys.executable, "-c", LOOP % words], text=True,
                          stdout=subprocess.PIPE) as loop:
        port = int(loop.stdout.readline())
        subprocess.run(["tests/bench/bench_feed", str(d), str(k), str(per_message),
                        f"tcp://127.0.0.1:{port}", str(messages)], check=True)
        return float(loop.stdout.readline())


def mixd_rate(d, k, per_message):
    """Points a second through the daemon: behind shape, format, messages and bare PULL."""
    row = subprocess.run(["tests/bench/bench_feed", str(d), str(k), str(per_message)],
                         check=True, capture_output=True, text=True).stdout
    return 1e6 * float(row.split(")")[1].split()[3])


def compare_feed(quick):
    print("  points/s through loopback tcp: mixd, and a NumPy and pyzmq loop in minibatches"
          " of 256\n  (D,K)   a message       mixd       loop   times")
    for d, k in ((2, 4), (8, 8)):
        for per_message, messages in ((1, 300000), (256, 4000)):
            own = mixd_rate(d, k, per_message)
            peer = loop_rate(d, k, per_message, messages // (8 if quick else 1))
            print(f"  ({d:2},{k:2})  {per_message:8}  {own:10.0f} {peer:10.0f}"
                  f"  {own / peer:6.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="(2,4) and (8,8) only")
    options = parser.parse_args()
    os.sched_setaffinity(0, {CORE})
    print(f"peers: one pass over the same points, one thread, seed {options.seed}",
          flush=True)
    configs = [c for c in CONFIGS if not options.quick or c[1:3] in ((2, 4), (8, 8))]
    compare(find_peers(), configs, options.seed)
    os.sched_setaffinity(0, range(os.cpu_count()))
    if has_module("zmq"):
        compare_feed(options.quick)
    else:
        print("  the feed: left out, python3-zmq is not installed")


if __name__ == "__main__":
    main()
