# SPDX-License-Identifier: MIT
"""What the scenario tests hold the daemon against: points drawn from a known mixture,
densities in plain NumPy, and what must be true of every model frame and ledger.
MIXD_TEST_SEED draws other points."""

import os

import numpy as np

SEED = int(os.environ.get("MIXD_TEST_SEED", "1"))


def rng(salt=0):
    return np.random.default_rng([SEED, salt])


# The mixture that most tests learn: well apart, so that any sound learner finds it.
MEANS = np.array([[0.0, 0.0], [8.0, 1.0], [2.0, 9.0]])
WEIGHTS = np.array([0.5, 0.3, 0.2])
MODEL = {"family": "gaussian", "covariance_type": "full", "weights": WEIGHTS.tolist(),
         "means": MEANS.tolist(), "covariances": [np.eye(2).tolist()] * 3}


def mixture(n, salt=0, means=MEANS, weights=WEIGHTS):
    """n points of unit variance about the means."""
    random = rng(salt)
    which = random.choice(len(weights), size=n, p=weights)
    return means[which] + random.standard_normal((n, means.shape[1]))


def distance_to_nearest(found, truth):
    """How far every true mean is from the nearest of the means found: [K]."""
    apart = np.asarray(truth)[:, None, :] - np.asarray(found)[None, :, :]
    return np.sqrt((apart ** 2).sum(axis=2)).min(axis=1)


def covariance_matrices(model):
    """The covariances of a model as [K][D][D], whatever covariance_type says."""
    cov = np.asarray(model["covariances"], dtype=float)
    n_components, dims = np.shape(model["means"])
    kind = model["covariance_type"]
    if kind == "full":
        return cov
    if kind == "tied":
        return np.broadcast_to(cov, (n_components, dims, dims))
    if kind == "diag":
        return np.array([np.diag(row) for row in cov])
    return np.array([value * np.eye(dims) for value in cov])


def log_joint(model, points):
    """log w_k + log N(x; mu_k, Sigma_k) for each point and component: [n][K]."""
    points = np.atleast_2d(np.asarray(points, dtype=float))
    columns = []
    for weight, mean, cov in zip(model["weights"], model["means"],
                                 covariance_matrices(model)):
        factor = np.linalg.cholesky(cov)
        white = np.linalg.solve(factor, (points - mean).T)
        columns.append(np.log(weight) - 0.5 * (white ** 2).sum(axis=0)
                       - np.log(np.diag(factor)).sum()
                       - 0.5 * points.shape[1] * np.log(2 * np.pi))
    return np.array(columns).T


def log_density(model, points):
    return np.logaddexp.reduce(log_joint(model, points), axis=1)


def regress(model, points):
    """points with every NaN replaced by its mean given the rest of the row."""
    filled = points.copy()
    covariances = covariance_matrices(model)
    for row in filled:
        if not np.isnan(row).any():
            continue
        gap, seen = np.isnan(row), ~np.isnan(row)
        part = {"weights": model["weights"], "covariance_type": "full",
                "means": [np.asarray(mean)[seen] for mean in model["means"]],
                "covariances": [cov[np.ix_(seen, seen)] for cov in covariances]}
        joint = log_joint(part, row[seen])[0]
        shares = np.exp(joint - np.logaddexp.reduce(joint))
        row[gap] = sum(share * (np.asarray(mean)[gap] + cov[np.ix_(gap, seen)] @
                                np.linalg.solve(cov[np.ix_(seen, seen)],
                                                row[seen] - np.asarray(mean)[seen]))
                       for share, mean, cov in zip(shares, model["means"], covariances))
    return filled


def parameters(model):
    """What "the same model, bit for bit" compares."""
    return {name: model[name] for name in
            ("weights", "means", "covariances", "points", "updates", "log_likelihood")}


def csv(points, delimiter=",", header="x,y", end="\n"):
    """Points as a file of comma-separated values that reads back the same."""
    rows = [delimiter.join(map(repr, point)) for point in points.tolist()]
    head = [header.replace(",", delimiter)] if header else []
    return end.join([*head, *rows, ""])


def rejected(ledger):
    return sum(ledger["rejected"].values())


def check_ledger(ledger):
    parts = ledger["learned"] + rejected(ledger) + ledger["duplicate"] + ledger["queued"]
    assert ledger["received"] == parts, f"the ledger does not add up: {ledger}"
    return ledger


def growth(before, after):
    """What changed in the ledger; reasons that did not grow are left out."""
    reasons = {reason: count - before["rejected"].get(reason, 0)
               for reason, count in after["rejected"].items()}
    return {"received": after["received"] - before["received"],
            "taken": after["learned"] + after["queued"] - before["learned"]
            - before["queued"],
            "rejected": {reason: count for reason, count in reasons.items() if count}}


def check_model(model):
    """Shapes as scikit-learn has them, weights that sum to one, finite numbers."""
    n_components, dims = model["n_components"], len(model["fields"])
    shapes = {"full": (n_components, dims, dims), "diag": (n_components, dims),
              "spherical": (n_components,), "tied": (dims, dims)}
    form = "covariances" if model["family"] == "gaussian" else "parameters"
    if model["weights"] is None:
        assert model["means"] is None and model[form] is None, model
        return model
    assert np.shape(model["weights"]) == (n_components,), model
    assert np.shape(model["means"]) == (n_components, dims), model
    noise = (model.get("noise") or {}).get("weight", 0)
    assert abs(sum(model["weights"]) + noise - 1) < 1e-9, model["weights"]
    assert min(model["weights"]) >= 0, model["weights"]
    if form == "parameters":
        return model
    assert np.shape(model["covariances"]) == shapes[model["covariance_type"]], model
    np.linalg.cholesky(covariance_matrices(model))
    return model


def check_frame(frame):
    assert frame["schema"] == 1, frame
    assert frame["state"] in ("warmup", "learning", "frozen"), frame
    assert len(frame["ids"] or []) in (0, frame["n_components"]), frame
    check_ledger(frame["ledger"])
    return check_model(frame)
