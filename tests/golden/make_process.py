#!/usr/bin/env python3
"""What a library of PyPI makes of small Gaussian processes, for src/tuning/process_test.cc: writes
tests/golden/tuning/process.json.

    python tests/golden/make_process.py     # scikit-learn 1.9.1, numpy 2.4.6, scipy 1.17.1, mpmath 1.3.0

The kernel is a constant times Matern 5/2 with a length for each coordinate; noise is the same for all values, or
known for each. Expected improvement is E[max(0, best - f)] of a normal f, its logarithm to 17 digits far into the tail.
"""
import json
import pathlib

import mpmath
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern


def process(seed, rows, lengths, scale, noise, known):
    random = np.random.default_rng(seed)
    points = random.uniform(size=(rows, len(lengths))).round(6)
    values = (np.sin(5 * points[:, 0]) + points[:, -1] ** 2 + 0.1 * random.normal(size=rows)).round(6)
    known = (random.uniform(0.01, 0.5, size=rows) ** 2).round(8) if known else np.zeros(rows)
    kernel = ConstantKernel(scale) * Matern(length_scale=lengths, nu=2.5)
    model = GaussianProcessRegressor(kernel, alpha=noise + known, optimizer=None, normalize_y=False).fit(points, values)
    other = GaussianProcessRegressor(kernel, alpha=noise + known, optimizer=None, normalize_y=False).fit(points, values * 0)
    asked = np.vstack([random.uniform(size=(6, len(lengths))).round(6), points[:2]])
    mean, deviation = model.predict(asked, return_std=True)
    _, covariance = model.predict(asked, return_cov=True)
    return {"points": points.tolist(), "values": values.tolist(), "lengths": lengths, "scale": scale, "noise": noise,
            "known": known.tolist(), "asked": asked.tolist(), "mean": mean.tolist(), "deviation": deviation.tolist(),
            "covariance": covariance.tolist(),
            # Of these values less that of zeros: hyperparameters' priors cancel.
            "log_likelihood": model.log_marginal_likelihood_value_ - other.log_marginal_likelihood_value_}


def improvement(mean, deviation, best):
    mpmath.mp.dps = 60
    z = (mpmath.mpf(best) - mpmath.mpf(mean)) / mpmath.mpf(deviation)
    value = mpmath.mpf(deviation) * (z * mpmath.ncdf(z) + mpmath.npdf(z))
    if z < -30:  # by the tail's continued fraction, where both terms cancel
        mpmath.mp.dps = 400
        z = (mpmath.mpf(best) - mpmath.mpf(mean)) / mpmath.mpf(deviation)
        value = mpmath.mpf(deviation) * (z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2 + mpmath.npdf(z))
    return {"mean": mean, "deviation": deviation, "best": best, "log_improvement": float(mpmath.log(value))}


out = {
    "processes": [process(1, 8, [0.3], 1.0, 0.01, False), process(2, 25, [0.2, 0.7, 1.5], 2.5, 0.05, False),
                  process(3, 25, [0.2, 0.7, 1.5], 0.8, 1e-4, True), process(4, 60, [0.4] * 8, 1.3, 0.02, True)],
    "improvements": [improvement(m, d, b) for m, d, b in
                     [(0, 1, 0), (1, 0.5, 2.25), (0.3, 0.01, 0.25), (2, 1, -3), (5, 0.5, 0), (1, 0.02, 0.3), (40, 1, 0), (0, 1e-3, 0.5)]],
}
path = pathlib.Path(__file__).parent / "tuning" / "process.json"
path.write_text(json.dumps(out, indent=1) + "\n")
