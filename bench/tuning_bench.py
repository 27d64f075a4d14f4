"""How fast a tuning job on the built-in algorithm is: 50 trials of 100 rounds on the census, beside Optuna's TPE
over XGBoost hist in one process.

    python bench/tuning_bench.py --clary build/release/apps/clary/clary [--runs 3] [--trials 50] [--rounds 100]
    python bench/tuning_bench.py --clary ... --hyperband [--runs 3]

Needs bench/requirements-tuning.txt. Both tune the same five hyperparameters by the validation AUC, both evaluate both
sets after each round, both have every core: Clary a trial a core, Optuna as many threads of one thread each over
matrices that are made once. Runs are interleaved. A run of Clary is from CreationTime to HyperParameterTuningEndTime, so it has the
channels' download, parsing and binning in it; Optuna's begins when its matrices are made. "boosting" is the sum of what the trials' processes took from fork to model;
"service" is the CPU time of the service, suggestions included, plus that of the host's runner, for each trial.
With --hyperband instead: how much of the boosting time of 50 Bayesian trials Hyperband needs to find as good a value, on census
and hotel_rates (eight hyperparameters, 200 rounds; of the same trials' curves, in the order in which they ended).
"""
import argparse
import csv
import itertools
import json
import os
import pathlib
import re
import statistics
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
TICK = os.sysconf("SC_CLK_TCK")
RANGES = {"eta": (0.02, 0.5, True), "max_depth": (3, 8, False), "min_child_weight": (0.5, 32, True),
          "subsample": (0.5, 1.0, False), "colsample_bytree": (0.5, 1.0, False)}


def request(service, name, trials, rounds, strategy, cores):
    job = service.request("x")
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": cores},
            "ParameterRanges": {
                "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "3", "MaxValue": "8"}],
                "ContinuousParameterRanges": [
                    {"Name": n, "MinValue": str(low), "MaxValue": str(high),
                     "ScalingType": "Logarithmic" if log else "Linear"}
                    for n, (low, high, log) in RANGES.items() if n != "max_depth"]}},
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"objective": "binary:logistic", "num_round": str(rounds)},
            **{member: job[member] for member in
               ("AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig",
                "ResourceConfig", "StoppingCondition")}}}


def processes(service):
    """CPU seconds of the service and of the runners that it has started, by pid."""
    out = {}
    for proc in pathlib.Path("/proc").iterdir():
        if not proc.name.isdigit():
            continue
        try:
            words = (proc / "cmdline").read_text("latin-1").split("\0")
            fields = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if str(service.home) in " ".join(words) and words[1:2] and words[1] in ("serve", "runner"):
            out[proc.name, words[1]] = (int(fields[11]) + int(fields[12])) / TICK
    return out


def run_clary(service, sagemaker, name, o, strategy):
    before = processes(service)
    sagemaker.create_hyper_parameter_tuning_job(
        **request(service, name, o.trials, o.rounds, strategy, o.cores))
    cpu = dict(before)
    for look in itertools.count():
        cpu |= processes(service)
        if look % 10 == 0:  # seldom: a Describe is CPU time of the service, too
            job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            if job["HyperParameterTuningJobStatus"] != "InProgress":
                break
        time.sleep(0.1)
    wall = (job["HyperParameterTuningEndTime"] - job["CreationTime"]).total_seconds()
    assert job["HyperParameterTuningJobStatus"] == "Completed", job
    assert job["TrainingJobStatusCounters"]["Completed"] == o.trials, job
    cpu |= processes(service)
    spent = {role: sum(seconds - before.get((pid, of), 0.0) for (pid, of), seconds in cpu.items() if of == role)
             for role in ("serve", "runner")}
    boosting = 0.0
    for trial in (service.home / "jobs").glob(name + "-*"):
        phases = {}
        for line in (trial / "events.jsonl").read_text().splitlines():
            event = json.loads(line)
            phases[event.get("phase") or event["kind"]] = event["time_ms"]
        boosting += (phases["Uploading"] - phases["Training"]) / 1000
    best = job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    return wall, boosting, [spent[role] / o.trials * 1000 for role in ("serve", "runner")], best


def run_optuna(data, o, seed):
    import optuna
    import xgboost
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    began = time.perf_counter()

    def objective(trial):
        params = {"objective": "binary:logistic", "eval_metric": "auc", "tree_method": "hist",
                  "nthread": 1, "verbosity": 0}
        for name, (low, high, log) in RANGES.items():
            params[name] = (trial.suggest_int(name, low, high) if name == "max_depth"
                            else trial.suggest_float(name, low, high, log=log))
        result = {}
        xgboost.train(params, data["train"], o.rounds, evals=[(data["train"], "train"),
                                                              (data["validation"], "validation")],
                      evals_result=result, verbose_eval=False)
        return result["validation"]["auc"][-1]

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=o.trials, n_jobs=o.cores)
    return time.perf_counter() - began, study.best_value


def hyperband_request(service, name, strategy, rounds, channels, seed, o):
    sys.path.insert(0, str(SOURCE / "bench"))
    import tuning_quality
    request_ = request(service, name, 50 if strategy == "Bayesian" else 200, rounds, strategy, o.cores)
    config = request_["HyperParameterTuningJobConfig"]
    if strategy == "Hyperband":
        config["StrategyConfig"] = {"HyperbandStrategyConfig": {"MinResource": o.least, "MaxResource": rounds}}
    config["RandomSeed"] = seed
    config["HyperParameterTuningJobObjective"] = {"Type": "Minimize", "MetricName": "validation:" + channels[0]}
    config["ParameterRanges"] = {"IntegerParameterRanges": [], "ContinuousParameterRanges": []}
    for n, low, high, integer, log, _ in tuning_quality.SPACE:
        if n != "num_round":
            config["ParameterRanges"]["IntegerParameterRanges" if integer else "ContinuousParameterRanges"].append(
                {"Name": n, "MinValue": str(low), "MaxValue": str(high), "ScalingType": "Logarithmic" if log else "Linear"})
    definition = request_["TrainingJobDefinition"]
    definition["StaticHyperParameters"]["objective"] = {"logloss": "binary:logistic", "rmse": "reg:squarederror"}[channels[0]]
    for channel, uri in zip(definition["InputDataConfig"], channels[1:]):
        channel["DataSource"]["S3DataSource"]["S3Uri"] = uri
    return request_


def boosting_of(service, trial):
    phases = {}
    for line in (service.home / "jobs" / trial / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        phases[event.get("phase") or event["kind"]] = event["time_ms"]
    return (phases["Uploading"] - phases["Training"]) / 1000


def rounds_of(service, trial):
    """How many rounds a trial has trained, by its log: what boosting costs if the machine is not quiet."""
    logs, group = service.boto("logs"), "/aws/sagemaker/TrainingJobs"
    stream = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=trial + "/")["logStreams"][0]["logStreamName"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, limit=10000)["events"]
    return sum(re.match(r"\[\d+\]#011", e["message"]) is not None for e in events)


def run_hyperband(service, sagemaker, o):
    sys.path.insert(0, str(SOURCE / "bench"))
    import numpy as np
    import tuning_quality
    s3 = service.boto("s3")
    print("| set, seed | Bayesian's best of 50 | its boosting s | Hyperband's best | its boosting s | trials | "
          "as good after: s, share | rounds, share |")
    print("|---|---|---|---|---|---|---|---|")
    for task in ("census", "hotel_rates"):
        _, _, metric, x, y = tuning_quality.TASKS[task]()
        order = np.random.default_rng(1).permutation(len(y))
        uris = []
        for part, rows in (("train", order[len(y) // 4:]), ("validation", order[:len(y) // 4])):
            body = "\n".join(f"{y[r]:.9g}," + ",".join("" if np.isnan(v) else f"{v:.9g}" for v in x[r]) for r in rows)
            s3.put_object(Bucket=service.request("x")["OutputDataConfig"]["S3OutputPath"].split("/")[2], Key=f"{task}/{part}/d.csv",
                          Body=body.encode())
            uris.append("s3://" + service.request("x")["OutputDataConfig"]["S3OutputPath"].split("/")[2] + f"/{task}/{part}/")
        for seed in range(o.runs):
            found = {}
            for strategy in ("Bayesian", "Hyperband"):
                name = f"{strategy.lower()}-{task.replace('_', '-')}-{seed}"
                sagemaker.create_hyper_parameter_tuning_job(
                    **hyperband_request(service, name, strategy, 200, [metric, *uris], seed, o))
                while sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)[
                        "HyperParameterTuningJobStatus"] == "InProgress":
                    time.sleep(0.3)
                trials = []
                for page in sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
                        HyperParameterTuningJobName=name):
                    trials += page["TrainingJobSummaries"]
                assert trials, name
                trials = [t for t in trials if "FinalHyperParameterTuningJobObjectiveMetric" in t]
                trials.sort(key=lambda t: t["TrainingEndTime"])
                values = [t["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for t in trials]
                found[strategy] = values, *(np.cumsum([of(service, t["TrainingJobName"]) for t in trials])
                                            for of in (boosting_of, rounds_of))
            target = min(found["Bayesian"][0])
            values, *spent = found["Hyperband"]
            hit = next((i for i, v in enumerate(values) if v <= target), None)
            told = ["never" if hit is None else f"{ours[hit]:.0f}, {100 * ours[hit] / whole[-1]:.0f} %"
                    for ours, whole in zip(spent, found["Bayesian"][1:])]
            print(f"| {task}, {seed} | {target:.5f} | {found['Bayesian'][1][-1]:.1f} | {min(values):.5f} | {spent[0][-1]:.1f} | "
                  f"{len(values)} | {told[0]} | {told[1]} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clary", required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--hyperband", action="store_true")
    parser.add_argument("--least", type=int, default=5, help="MinResource of --hyperband")
    o = parser.parse_args()
    os.environ["CLARY"] = str(pathlib.Path(o.clary).resolve())
    import service as e2e

    data = {}
    if not o.no_peer and not o.hyperband:
        import numpy
        import xgboost
        for part in ("train", "validation"):
            rows = numpy.array([[float(x) for x in row] for row in
                                csv.reader(e2e.census(part).decode().splitlines())], numpy.float32)
            data[part] = xgboost.QuantileDMatrix(rows[:, 1:], rows[:, 0], ref=data.get("train"), nthread=o.cores)
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    if o.hyperband:
        with e2e.Service() as service:
            service.put_census()
            run_hyperband(service, service.boto("sagemaker"), o)
        return
    print("| run | wall s | trials/s | boosting/cores s | bar: 1.15 x + 0.3 s | service + runner ms a trial | best AUC |")
    print("|---|---|---|---|---|---|---|")
    speeds = {}
    with e2e.Service() as service:
        service.put_census()
        sagemaker = service.boto("sagemaker")
        for i in range(o.runs):
            for strategy in ("Bayesian", "Random"):
                wall, boosting, spent, best = run_clary(service, sagemaker, f"{strategy.lower()}-{i}", o, strategy)
                share = boosting / o.cores
                speeds.setdefault(strategy, []).append(o.trials / wall)
                print(f"| Clary, {strategy} | {wall:.2f} | {o.trials / wall:.1f} | {share:.2f} | "
                      f"{1.15 * share + 0.3:.2f} | {spent[0]:.1f} + {spent[1]:.1f} | {best:.5f} |", flush=True)
            if o.no_peer:
                continue
            wall, best = run_optuna(data, o, i)
            speeds.setdefault("Optuna", []).append(o.trials / wall)
            print(f"| Optuna TPE, XGBoost hist | {wall:.2f} | {o.trials / wall:.1f} | | | | {best:.5f} |", flush=True)
    if not o.no_peer:
        for strategy in ("Bayesian", "Random"):
            print(f"\n{strategy}: {statistics.median(speeds[strategy]) / statistics.median(speeds['Optuna']):.1f} "
                  "times the trials a second of Optuna (medians)")


if __name__ == "__main__":
    main()
