#!/usr/bin/env bash
# A Slurm cluster of a test's own on this machine: munged, slurmctld and three slurmd (n1 to n3, two CPUs
# each, at 127.0.1.1 to 127.0.1.3), as this user, in a folder.
#   cluster.sh FOLDER up OWNER     until `down`, or until the process OWNER is gone; FOLDER/slurm.conf is SLURM_CONF
#   cluster.sh FOLDER down
#   cluster.sh FOLDER start|kill|stop ctld|n1|n2|n3  that daemon alone (stop: slurmctld saves what it knows); what
#                                                  runs on a node goes on without its slurmd
#   cluster.sh FOLDER lose n1|n2|n3                the node, with all that runs on it
#   cluster.sh FOLDER resume                       all nodes that are drained or down
# Ends with 77 and a line that says so where Slurm is not installed.
set -euo pipefail

dir=$(realpath -m "$1") command=$2 what=${3:-}
export PATH=$PATH:/usr/sbin:/sbin SLURM_CONF=$dir/slurm.conf

daemon() {  # NAME COMMAND...: in the background, with a pid file
  local name=$1
  shift
  setsid "$@" < /dev/null >> "$dir/log/$name.out" 2>&1 &
  echo $! > "$dir/run/$name.pid"
}

pid() { cat "$dir/run/$1.pid" 2> /dev/null || echo 0; }

alive() {  # not a zombie either
  local state
  state=$(awk '{print $3}' "/proc/$1/stat" 2> /dev/null) && [ "$state" != Z ]
}

end() {  # NAME SIGNAL, and waits
  local p
  p=$(pid "$1")
  [ "$p" != 0 ] || return 0
  kill "-$2" "$p" 2> /dev/null || true
  for _ in $(seq 600); do
    alive "$p" || return 0
    sleep 0.05
  done
  kill -9 "$p" 2> /dev/null || true
}

start() {
  case $1 in
    ctld) daemon ctld slurmctld -D -f "$SLURM_CONF" ;;
    *) daemon "$1" slurmd -D -f "$SLURM_CONF" -N "$1" ;;
  esac
}

below() {  # PID...: these processes and all that they have started
  local p
  for p in "$@"; do
    echo "$p"
    # shellcheck disable=SC2046
    below $(cat /proc/"$p"/task/*/children 2> /dev/null)
  done
}

steps() {  # NODE: the slurmstepd of its jobs, which are nobody's children but write its slurmd's log
  local f fd words
  for f in /proc/[0-9]*; do
    words=$( (tr '\0' ' ' < "$f/cmdline") 2> /dev/null) || continue
    case $words in slurmstepd:*) ;; *) continue ;; esac
    for fd in "$f"/fd/*; do
      [ "$(readlink "$fd")" = "$dir/log/slurmd-$1.log" ] || continue
      basename "$f"
      break
    done
  done
}

case $command in
  up)
    for tool in munged slurmctld slurmd sbatch; do
      command -v $tool > /dev/null || { echo "skipped: $tool is not installed (munge slurmctld slurmd slurm-client)"; exit 77; }
    done
    mkdir -p "$dir"/{run,log,ctld,tmp/n1,tmp/n2,tmp/n3,d-n1,d-n2,d-n3}
    mkdir -p -m 0700 "$dir/munge"
    chmod 0755 "$dir" "$dir/run"
    (umask 077; head -c 1024 /dev/urandom > "$dir/munge/key")
    base=$((20000 + what % 2500 * 4))  # tests that run beside each other have other numbers
    taken() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
    while taken $base || taken $((base + 1)) || taken $((base + 2)) || taken $((base + 3)); do base=$((base + 4)); done
    user=$(id -un)
    cat > "$SLURM_CONF" << CONF
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/run/munge.sock
SlurmctldPort=$base
SlurmctldPidFile=$dir/run/slurmctld.own.pid
SlurmdPidFile=$dir/run/slurmd-%n.own.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
StateSaveLocation=$dir/ctld
SlurmdSpoolDir=$dir/d-%n
TmpFS=$dir/tmp/%n
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
PropagateResourceLimits=NONE
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=256
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=0,sched_min_interval=0
InactiveLimit=0
KillWait=2
SlurmctldTimeout=10
SlurmdTimeout=5
MessageTimeout=10
ReturnToService=2
AccountingStorageType=accounting_storage/none
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.1.1 Port=$((base + 1)) CPUs=2 RealMemory=4000 State=UNKNOWN
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.1.2 Port=$((base + 2)) CPUs=2 RealMemory=4000 State=UNKNOWN
NodeName=n3 NodeHostname=localhost NodeAddr=127.0.1.3 Port=$((base + 3)) CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=small Nodes=n3 MaxTime=INFINITE State=UP
CONF
    daemon munged munged -F --key-file="$dir/munge/key" --socket="$dir/run/munge.sock" \
      --log-file="$dir/munge/log" --pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed"
    for _ in $(seq 200); do [ -S "$dir/run/munge.sock" ] && break; sleep 0.05; done
    for name in ctld n1 n2 n3; do start $name; done
    # Who is killed cannot take it down.
    setsid "$0" "$dir" watch "$what" < /dev/null > /dev/null 2>&1 &
    for _ in $(seq 300); do
      [ "$(timeout 5 sinfo -h -N -p debug -t idle -o %N 2> /dev/null | wc -l)" = 3 ] && exit 0
      sleep 0.1
    done
    echo "the cluster did not come up"; tail -n 20 "$dir"/log/*
    exit 1
    ;;
  watch)
    while alive "$what"; do sleep 1; done
    "$0" "$dir" down
    rm -rf "$dir"
    ;;
  start) start "$what" ;;
  kill) end "$what" KILL ;;
  stop) end "$what" TERM ;;
  resume)
    for name in n1 n2 n3; do timeout 15 scontrol update nodename=$name state=resume 2> /dev/null || true; done
    ;;
  lose)
    # shellcheck disable=SC2046
    kill -9 "$(pid "$what")" $(below $(steps "$what")) 2> /dev/null || true
    ;;
  down)
    for name in n1 n2 n3 ctld; do end $name KILL; done
    for name in n1 n2 n3; do
      # shellcheck disable=SC2046
      kill -9 $(below $(steps "$name")) 2> /dev/null || true
    done
    end munged TERM
    ;;
  *) echo "$0: unknown command $command" >&2; exit 2 ;;
esac
