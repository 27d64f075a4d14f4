"""Where two models' trees first differ, for checks on data on which they should not."""
import json

import numpy as np


def trees_of(booster):
    return json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]


def first_difference(ours, theirs):
    """None, or (tree, node id there, node id here, what). Numbering may differ, so this walks."""
    for t, (a, b) in enumerate(zip(ours, theirs)):
        stack = [(0, 0)]
        while stack:
            i, j = stack.pop()
            leaf_a, leaf_b = a["left_children"][i] == -1, b["left_children"][j] == -1
            if leaf_a != leaf_b:
                return t, j, i, "leaf or split"
            if not np.isclose(a["sum_hessian"][i], b["sum_hessian"][j], rtol=1e-4, atol=1e-4):
                return t, j, i, "cover"
            if leaf_a:
                u, v = a["split_conditions"][i], b["split_conditions"][j]
                if abs(u - v) > 1e-4 * max(1, abs(v)):
                    return t, j, i, f"leaf value {u} {v}"
                continue
            for key in ("split_indices", "split_conditions", "default_left"):
                if a[key][i] != b[key][j]:
                    return t, j, i, f"{key} {a[key][i]} {b[key][j]}"
            if abs(a["loss_changes"][i] - b["loss_changes"][j]) > 1e-3 * max(1, abs(b["loss_changes"][j])):
                return t, j, i, f"gain {a['loss_changes'][i]} {b['loss_changes'][j]}"
            stack.append((a["left_children"][i], b["left_children"][j]))
            stack.append((a["right_children"][i], b["right_children"][j]))
    return None


def is_near_tie(ours, theirs, where, params):
    t, j, i, what = where
    a, b = ours[t], theirs[t]
    gain_a = a["loss_changes"][i] if a["left_children"][i] != -1 else 0.0
    gain_b = b["loss_changes"][j] if b["left_children"][j] != -1 else 0.0
    hess = b["sum_hessian"][j]
    weight = b["base_weights"][j]
    own = abs((hess + params["lambda"]) * weight * weight)
    # A child right at min_child_weight is allowed here and not there, or the other way round.
    least = params["min_child_weight"]
    for tree, n in ((a, i), (b, j)):
        child = tree["left_children"][n]
        if child != -1 and any(abs(tree["sum_hessian"][c] - least) <= 1e-5 * least for c in (child, child + 1)):
            return True
    tolerance = 1e-4 * max(gain_a, gain_b) + 2e-6 * own + 2e-6
    if a["left_children"][i] == -1 or b["left_children"][j] == -1:
        # One stopped: near the limits of gamma, of the smallest gain, or of min_child_weight.
        gain = max(gain_a, gain_b)
        if abs(gain - max(params["gamma"], 1e-6)) <= tolerance:
            return True
        return "max_leaves" in params
    return abs(gain_a - gain_b) <= tolerance
