"""The data sets of gbdt_bench.py: made once, kept as .npy files in a folder.

A set is (X train, y train, X test, y test) as float32, NaN for missing, plus the sizes of the
queries for ranking. "libsvm" is kept as compressed sparse rows. Every generator is seeded.
"""

import pathlib

import numpy as np


def logistic_labels(rng, z, steep=1.0):
    return (rng.uniform(size=len(z)) < 1 / (1 + np.exp(-steep * (z - z.mean())))).astype(np.float32)


def higgs(rng, rows, test):
    """Physics-like: 28 continuous features of mixed shape, a few with three values."""
    n = rows + test
    X = rng.normal(size=(n, 28)).astype(np.float32)
    X[:, 0:9] = np.abs(X[:, 0:9]) ** 1.5
    X[:, 9:14] = rng.uniform(-1.7, 1.7, size=(n, 5))
    for j in (14, 18, 22):
        X[:, j] = rng.choice([0.0, 1.09, 2.17], n, p=[0.5, 0.25, 0.25])
    z = np.sin(2 * X[:, 23] * X[:, 24]) + (X[:, 0] * X[:, 1] > 1) * (X[:, 9] > 0)
    z += 0.7 * np.cos(2 * X[:, 10]) * X[:, 25] - 0.7 * np.abs(X[:, 2] - X[:, 3])
    z += 0.5 * np.tanh(X[:, 26] + X[:, 27]) * X[:, 14] + 0.4 * np.sqrt(X[:, 4] * X[:, 5])
    z += 0.3 * X[:, 11] * np.sign(X[:, 12]) + 0.2 * X[:, 18] * X[:, 13]
    return X, logistic_labels(rng, z, 1.3), None


def reg(rng, rows, test):
    """90 correlated continuous features, a third of them skewed; heavy-tailed noise."""
    n = rows + test
    latent = rng.normal(size=(n, 12)).astype(np.float32)
    X = latent @ rng.normal(size=(12, 90)).astype(np.float32) / 2
    X += rng.normal(size=(n, 90)).astype(np.float32)
    X[:, 60:] = np.exp(0.4 * X[:, 60:])
    y = 3 * np.sin(X[:, 0]) + 2 * np.sqrt(np.abs(X[:, 1] * X[:, 2])) + X[:, 3] * np.tanh(X[:, 4])
    y += 0.2 * X[:, 5] ** 2 + 2 * latent[:, 0] + X[:, 61] - 0.5 * X[:, 62] * (X[:, 7] > 0)
    return X, y + 1.5 * rng.standard_t(4, size=n), None


def sparse(rng, rows, test):
    """500 features, 70 % missing; every fifth has few values."""
    n = rows + test
    X = rng.normal(size=(n, 500)).astype(np.float32)
    X[:, ::5] = np.round(2 * X[:, ::5])
    z = X[:, :60] @ rng.normal(0, 0.4, 60) + X[:, 0] * X[:, 1] / 2 + np.sin(2 * X[:, 2])
    gone = rng.uniform(size=X.shape) < 0.7
    z += 0.4 * gone[:, 5] - 0.5 * gone[:, 6] * gone[:, 7]
    X[gone] = np.nan
    return X, logistic_labels(rng, z), None


def adult(rng, rows, test):
    """The shape of a census: twelve features of 2 to 100 values, 2 % missing."""
    n = rows + test
    values = [73, 9, 16, 16, 7, 15, 6, 5, 2, 100, 60, 42]
    X = np.stack([rng.integers(0, c, n) for c in values], 1).astype(np.float32)
    z = sum(rng.normal(0, 0.5, c)[X[:, j].astype(int)] for j, c in enumerate(values))
    z += 1.5 * np.sin(X[:, 0] / 10) * (X[:, 8] - 0.5) + 0.05 * X[:, 3] * (X[:, 6] < 3)
    X[rng.uniform(size=X.shape) < 0.02] = np.nan
    return X, logistic_labels(rng, z - 1.5, 1.5), None


def classes(rng, rows, test):
    """Ten classes around two centres each, 40 features."""
    n = rows + test
    centres = rng.normal(0, 0.9, size=(20, 40)).astype(np.float32)
    k = rng.integers(0, 20, n)
    X = centres[k] + rng.normal(0, 2, size=(n, 40)).astype(np.float32)
    X[:, 20:30] = np.round(X[:, 20:30])
    return X, (k % 10).astype(np.float32), None


def rank(rng, rows, test):
    """Queries of about 80 documents, 60 features, relevance 0 to 4."""
    n = rows + test
    X = rng.normal(size=(n, 60)).astype(np.float32)
    X[:, 30:45] = np.maximum(0, np.round(X[:, 30:45] * 3))
    z = X[:, :10] @ rng.normal(0, 0.5, 10) + np.sin(2 * X[:, 10]) * X[:, 11] + rng.normal(0, 1, n)
    y = np.searchsorted([0.6, 1.4, 2.2, 3.2], z).astype(np.float32)

    def sizes(total):
        out = []
        while total > 0:
            out.append(min(total, int(rng.integers(40, 120))))
            total -= out[-1]
        return np.array(out, np.uint32)

    return X, y, (sizes(rows), sizes(test))


def libsvm(rng, rows, test):
    """Text-like: 5000 columns, about 60 entries a row with Zipf-like frequency."""
    import scipy.sparse
    n, columns = rows + test, 5000
    frequency = 1 / np.arange(3, columns + 3)
    column = rng.choice(columns, size=n * 60, p=frequency / frequency.sum())
    row = np.repeat(np.arange(n), 60)
    X = scipy.sparse.csr_matrix((np.ones(n * 60, np.float32), (row, column)), (n, columns))
    X.sum_duplicates()
    X.data = (1 + np.log(X.data)) * rng.uniform(0.5, 1.5, X.nnz).astype(np.float32)
    z = X @ rng.normal(0, 0.4, columns)
    return X, logistic_labels(rng, z), None


# name: (generator, training rows, test rows, objective)
SETS = {
    "higgs": (higgs, 1_000_000, 200_000, "binary:logistic"),
    "reg": (reg, 500_000, 50_000, "reg:squarederror"),
    "sparse": (sparse, 100_000, 50_000, "binary:logistic"),
    "adult": (adult, 32_561, 16_281, "binary:logistic"),
    "classes": (classes, 200_000, 50_000, "multi:softprob"),
    "rank": (rank, 300_000, 60_000, "rank:ndcg"),
    "libsvm": (libsvm, 50_000, 20_000, "binary:logistic"),
    "small": (higgs, 5_000, 5_000, "binary:logistic"),
    "huge": (higgs, 10_000_000, 200_000, "binary:logistic"),
}
DEFAULT = ["higgs", "reg", "sparse", "adult", "classes", "rank", "libsvm", "small"]


def folder(cache, name, scale=1.0):
    """Makes the set if it is not there; returns its folder."""
    make, rows, test, _ = SETS[name]
    rows, test = int(rows * scale), int(test * scale)
    out = pathlib.Path(cache) / f"{name}-{rows}"
    if (out / "done").exists():
        return out
    out.mkdir(parents=True, exist_ok=True)
    X, y, groups = make(np.random.default_rng([7, len(name), ord(name[0])]), rows, test)
    for part, rng, g in (("train", slice(0, rows), 0), ("test", slice(rows, None), 1)):
        np.save(out / f"y_{part}.npy", y[rng].astype(np.float32))
        if hasattr(X, "indptr"):
            x = X[rng]
            x.sort_indices()
            np.save(out / f"indptr_{part}.npy", x.indptr.astype(np.uint64))
            np.save(out / f"indices_{part}.npy", x.indices.astype(np.uint32))
            np.save(out / f"values_{part}.npy", x.data.astype(np.float32))
        else:
            np.save(out / f"x_{part}.npy", np.ascontiguousarray(X[rng], np.float32))
        if groups is not None:
            np.save(out / f"groups_{part}.npy", groups[g])
    (out / "done").touch()
    return out


def load(path, part):
    """(X, y, groups or None) of a folder; X is scipy CSR for sparse sets."""
    path = pathlib.Path(path)
    y = np.load(path / f"y_{part}.npy")
    groups = path / f"groups_{part}.npy"
    groups = np.load(groups) if groups.exists() else None
    if (path / f"indptr_{part}.npy").exists():
        import scipy.sparse
        parts = [np.load(path / f"{n}_{part}.npy") for n in ("values", "indices", "indptr")]
        parts[1], parts[2] = parts[1].astype(np.int32), parts[2].astype(np.int64)
        return scipy.sparse.csr_matrix(tuple(parts), (len(y), 5000)), y, groups
    return np.load(path / f"x_{part}.npy"), y, groups
