"""Proves that two trees differ by a near-tie only.

The engine sums integers and XGBoost sums doubles and scores in float32, so two splits that gain the
same to within rounding may be chosen differently. Here both are scored once more, in double, from
the gradients of the node's own rows: the choice is a near-tie if what separates the two gains is
within the rounding of both programs.
"""
import numpy as np

EPS32 = 2.0**-23


def kept_rows(params, rows, tree):
    """Which rows hist grows tree number `tree` on: XGBoost's own draws."""
    share = np.float64(np.float32(params.get("subsample", 1)))
    if share >= 1:
        return np.ones(rows, dtype=bool)
    engine = np.random.RandomState(params["seed"])
    draws = engine.randint(0, 2**32, size=tree + 2, dtype=np.uint32)  # the first seeds the columns
    x = int(draws[tree + 1])
    kept = np.empty(rows, dtype=bool)
    for i in range(rows):
        x = 16807 * x % 2**63
        kept[i] = float(x - 1) / float(2**63 - 1) < share
    return kept


def gradients(params, margin, label, weight):
    """Float32 pairs [rows, outputs]."""
    w = np.ones(len(label), dtype=np.float32) if weight is None else weight
    f = np.float32
    if params["objective"] == "reg:squarederror":
        g, h = (margin - label) * w, w
    elif params["objective"] == "binary:logistic":
        w = np.where(label == 1, w * f(params.get("scale_pos_weight", 1)), w)
        p = (1 / (1 + np.exp(-margin.astype(np.float64)))).astype(f)
        g, h = (p - label) * w, np.maximum(p * (1 - p), f(1e-16)) * w
    else:
        e = np.exp(margin.astype(np.float64) - margin.max(axis=1, keepdims=True))
        p = (e / e.sum(axis=1, keepdims=True)).astype(f)
        hit = np.arange(p.shape[1])[None, :] == label[:, None]
        g, h = (p - hit) * w[:, None], np.maximum(2 * p * (1 - p) * w[:, None], f(1e-16))
    shape = (len(label), -1)
    return g.astype(f).reshape(shape), h.astype(f).reshape(shape)


def right_categories(tree, node):
    """The categories that a node sends right, or None if it is numeric."""
    nodes = tree.get("categories_nodes", [])
    if node not in nodes:
        return None
    k = nodes.index(node)
    begin = tree["categories_segments"][k]
    return sorted(tree["categories"][begin : begin + tree["categories_sizes"][k]])


def goes_left(tree, node, x):
    value = x[:, tree["split_indices"][node]]
    right = right_categories(tree, node)
    if right is None:
        left = value < np.float32(tree["split_conditions"][node])
    else:
        left = ~np.isin(value, right)
    return np.where(np.isnan(value), bool(tree["default_left"][node]), left)


class Scorer:
    """XGBoost's scores in double. `grad` and `hess` are zero for rows that do not count."""

    def __init__(self, params, grad, hess):
        self.p = params
        self.grad, self.hess = grad.astype(np.float64), hess.astype(np.float64)
        text = params.get("monotone_constraints", "()").strip("()")
        self.monotone = [int(c) for c in text.split(",")] if text else []
        # One level of the engine's integers, times a bound on how many roundings add up (they are
        # unbiased and independent).
        levels = 2.0**-30
        self.unit = (np.abs(self.grad).sum() * levels, np.abs(self.hess).sum() * levels)

    def sums(self, rows):
        return self.grad[rows].sum(), self.hess[rows].sum()

    def weight(self, g, h, bounds):
        if h < self.p["min_child_weight"] or h <= 0:
            return 0.0
        w = -np.sign(g) * max(abs(g) - self.p["alpha"], 0) / (h + self.p["lambda"])
        step = self.p["max_delta_step"]
        if step:
            w = np.clip(w, -step, step)
        return float(np.clip(w, *bounds)) if any(self.monotone) else w

    def term(self, g, h, bounds):
        """(gain of a node by itself, how far rounding may move it)."""
        if h <= 0:
            return 0.0, 0.0
        w = self.weight(g, h, bounds)
        if not self.p["max_delta_step"] and not any(self.monotone):
            value = max(abs(g) - self.p["alpha"], 0) ** 2 / (h + self.p["lambda"])
        else:
            value = -(2 * g * w + (h + self.p["lambda"]) * w * w)
        size = 2 * abs(g * w) + (h + self.p["lambda"]) * w * w
        return value, size

    def split(self, rows, left, feature, bounds):
        """(gain, how far rounding may move it, the edge it may lie on or None)."""
        parts = [rows & left, rows & ~left]
        sums = [self.sums(part) for part in parts]
        own, size = self.term(*self.sums(rows), bounds)
        gain, slack = -own, 4 * EPS32 * size
        for part, (g, h) in zip(parts, sums):
            value, size = self.term(g, h, bounds)
            w = abs(self.weight(g, h, bounds))
            noise = 4 * np.sqrt(max(part.sum(), 1))
            gain += value
            slack += 4 * EPS32 * size + noise * (2 * w * self.unit[0] + w * w * self.unit[1])
        least = self.p["min_child_weight"]
        edge = None
        for part, (_, h) in zip(parts, sums):
            if abs(h - least) <= 1e-6 * least + 4 * np.sqrt(max(part.sum(), 1)) * self.unit[1]:
                edge = "min_child_weight"
        if feature < len(self.monotone) and self.monotone[feature]:
            wl, wr = (self.weight(g, h, bounds) for g, h in sums)
            if abs(wl - wr) <= 1e-6 * max(abs(wl), abs(wr), 1e-6):
                edge = "monotone direction"
        return gain, slack, edge

    def child_bounds(self, rows, left, feature, bounds):
        direction = self.monotone[feature] if feature < len(self.monotone) else 0
        if not direction:
            return bounds, bounds
        middle = sum(self.weight(*self.sums(part), bounds) for part in (rows & left, rows & ~left)) / 2
        low, high = (bounds[0], middle), (middle, bounds[1])
        return (low, high) if direction > 0 else (high, low)


def node_state(scorer, tree, node, x):
    """The rows of a node (those that count and others) and its bounds."""
    path = []
    while node:
        parent = tree["parents"][node]
        path.append((parent, node == tree["left_children"][parent]))
        node = parent
    rows, bounds = np.ones(len(x), dtype=bool), (-np.inf, np.inf)
    for parent, is_left in reversed(path):
        left = goes_left(tree, parent, x)
        pair = scorer.child_bounds(rows, left, tree["split_indices"][parent], bounds)
        rows, bounds = (rows & left, pair[0]) if is_left else (rows & ~left, pair[1])
    return rows, bounds


def category_weights(scorer, rows, feature, x):
    """The lowest and highest weight that rounding leaves to each category of a feature in a node."""
    value = x[:, feature]
    count = int(np.nanmax(value)) + 1
    low, high = np.zeros(count), np.zeros(count)
    least = scorer.p["min_child_weight"]
    for c in range(count):
        part = rows & (value == c)
        g, h = scorer.sums(part)
        noise = 4 * np.sqrt(max(part.sum(), 1))
        at_edge = least > 0 and abs(h - least) <= 1e-6 * least + noise * scorer.unit[1]
        if h <= 0 or (h < least and not at_edge):
            continue
        ends = []
        for side in (-1, 1):
            moved = g + side * (noise * scorer.unit[0] + EPS32 * abs(g))
            ends.append(scorer.weight(moved, max(h, least), (-np.inf, np.inf)))
        low[c], high[c] = min(ends), max(ends)
        if at_edge:
            low[c], high[c] = min(low[c], 0), max(high[c], 0)
    return low, high


def order_is_open(scorer, rows, tree, node, x):
    """Whether a split by a set of categories rests on an order of theirs that rounding decides.

    None if the set does not follow the order of the weights at all."""
    right = right_categories(tree, node)
    feature = tree["split_indices"][node]
    low, high = category_weights(scorer, rows, feature, x)
    if right is None or len(low) < scorer.p["max_cat_to_onehot"]:
        return False
    is_right = np.isin(np.arange(len(low)), right)
    if is_right.any() and (~is_right).any() and low[is_right].max() > high[~is_right].min():
        return None
    order = np.argsort(low, kind="stable")
    touch = low[order][1:] <= high[order][:-1]
    certain = (low == high)[order]
    return bool(np.any(touch & ~(certain[1:] & certain[:-1])))


def prove(scorer, ours, theirs, i, j, x):
    """None if choosing differently at node i of ours and j of theirs is a near-tie, else why not."""
    rows, bounds = node_state(scorer, theirs, j, x)
    scores = []
    is_open = False
    for tree, node in ((ours, i), (theirs, j)):
        if tree["left_children"][node] == -1:
            continue
        left = goes_left(tree, node, x)
        score = scorer.split(rows, left, tree["split_indices"][node], bounds)
        stored = tree["loss_changes"][node]
        if abs(stored - score[0]) > score[1] + 1e-5 * abs(stored):
            return f"the stored gain {stored} is not that of the split, {score[0]}"
        if right_categories(tree, node) is not None:
            its_order = order_is_open(scorer, rows, tree, node, x)
            if its_order is None:
                return "the categories are not in the order of their weights"
            is_open = is_open or its_order
        scores.append(score)
    if is_open or any(edge for _, _, edge in scores):
        return None
    slack = sum(s for _, s, _ in scores)
    gains = [gain for gain, _, _ in scores]
    if len(gains) == 2:
        apart = abs(gains[0] - gains[1])
    else:  # one stopped: as good as no split at all, or right at gamma
        apart = min(abs(gains[0] - limit) for limit in (1e-6, max(scorer.p["gamma"], 1e-6)))
    if apart <= slack:
        return None
    return f"gains {gains} differ by {apart:.3g}, rounding explains {slack:.3g}"
