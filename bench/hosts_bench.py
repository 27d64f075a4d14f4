"""Rounds of the engine over several hosts that are namespaces on this machine, with shaped links.

    python bench/hosts_bench.py --bench build/bench/bench/gbdt_bench --hosts 2 4 8 16 --rows 1000000

Each host is a process in a network namespace of its own, joined to a bridge by a veth pair that both
ways carry --gbit (tc tbf). What netem would add, latency, most small kernels lack: model it, a round
trip for each time that all hosts wait for each other. CPU times are each process's own; wall times
are those of this machine's cores, which all hosts share. No privileges are needed.
"""
import argparse
import json
import os
import subprocess
import sys

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("--bench", required=True)
parser.add_argument("--hosts", type=int, nargs="+", default=[2, 4, 8, 16])
parser.add_argument("--rows", type=int, default=1_000_000)
parser.add_argument("--rounds", type=int, default=4)
parser.add_argument("--gbit", type=float, default=10)
parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
arguments = parser.parse_args()

if not arguments.inside:
    os.execvp("unshare", ["unshare", "-Urn", sys.executable, __file__, *sys.argv[1:], "--inside"])


def run(*words):
    subprocess.run([str(w) for w in words], check=True)


def shape(*where):
    run(*where, "tc", "qdisc", "add", "dev", "eth0" if where else device, "root", "tbf", "rate",
        f"{arguments.gbit}gbit", "burst", "256kb", "latency", "50ms")


run("ip", "link", "add", "hosts", "type", "bridge")
run("ip", "link", "set", "hosts", "up")
made = []
for count in sorted(arguments.hosts):
    while len(made) < count:
        k = len(made)
        holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        made.append(holder)
        # The namespace is there when it is another one than ours.
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{holder.pid}/ns/net") == own:
            pass
        device = f"host{k}"
        inside = ["nsenter", "-t", str(holder.pid), "-n"]
        run("ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", holder.pid)
        run("ip", "link", "set", device, "master", "hosts", "up")
        run(*inside, "ip", "link", "set", "lo", "up")
        run(*inside, "ip", "address", "add", f"172.31.0.{k + 1}/24", "dev", "eth0")
        run(*inside, "ip", "link", "set", "eth0", "up")
        shape()
        shape(*inside)
    names = [f"172.31.0.{k + 1}" for k in range(count)]
    processes = [
        subprocess.Popen(["nsenter", "-t", str(holder.pid), "-n", arguments.bench, "hosts",
                          str(arguments.rows), str(arguments.rounds), str(count), str(k), *names],
                         stdout=subprocess.PIPE, text=True)
        for k, holder in enumerate(made[:count])]
    rounds = [json.loads(p.communicate()[0])["round"] for p in processes]
    most = {name: max(r[name] for r in rounds) for name in rounds[0]}
    print(json.dumps({"hosts": count, "rows": arguments.rows, "gbit": arguments.gbit, **most}), flush=True)
for holder in made:
    holder.kill()
