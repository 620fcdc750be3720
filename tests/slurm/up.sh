#!/usr/bin/env bash
# Start SLURM on this machine: one node that exists on loopback only, two exclusive GPUs that are none (/dev/null's kin).
# Usage: up.sh FOLDER [GPUS]. All state lies in FOLDER; daemons that are up already are left alone. down.sh undoes it.
set -euo pipefail
folder=$1
gpus=${2:-2}
here=$(hostname -s)

# A machine's own SLURM is left alone; a cluster of ours that killed tests left would hold the ports.
if [ -e /etc/slurm/slurm.conf ]; then
    if ! grep -qx ClusterName=scalearn-tests /etc/slurm/slurm.conf; then
        echo "error: this machine has a SLURM of its own, in /etc/slurm" >&2
        exit 1
    fi
    older=$(dirname "$(readlink -f /etc/slurm/slurm.conf)")
    [ "$older" = "$(readlink -f "$folder")" ] || "$(dirname "$0")/down.sh" "$older"
fi

mkdir -p "$folder"/{controller,node,gpu}
cd "$folder"
export SLURM_CONF=$folder/slurm.conf

is_up() { [ -s "$1.pid" ] && kill -0 "$(cat "$1.pid")" 2>/dev/null; }

until_ok() {
    for _ in {1..500}; do
        if timeout 5 bash -c "$1" &>/dev/null; then return; fi
        sleep 0.2
    done
    echo "error: waited in vain for: $1" >&2
    tail -n 20 ./*.log >&2
    exit 1
}

# A node is addressed by the machine's name, which a container may not know; down.sh takes the line out again.
getent hosts "$here" >/dev/null || echo "127.0.0.1 $here # scalearn tests" >>/etc/hosts

: >gres.conf
for ((number = 0; number < gpus; number++)); do
    [ -e "gpu/$number" ] || mknod "gpu/$number" c 1 3
    echo "NodeName=$here Name=gpu Type=fake File=$folder/gpu/$number" >>gres.conf
done

gres=
((gpus == 0)) || gres=Gres=gpu:fake:$gpus

# What differs from defaults, and why: nothing needs cgroups or systemd; a requeued job waits for its credential to
# expire, so 5 seconds instead of 120; a node that comes back is taken back; time limits are looked at often.
cat >slurm.conf <<END
ClusterName=scalearn-tests
SlurmctldHost=$here(127.0.0.1)
SlurmctldPort=26917
SlurmdPort=26918
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/controller
SlurmdSpoolDir=$folder/node
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munged.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
MinJobAge=300
KillWait=5
InactiveLimit=0
MessageTimeout=5
GresTypes=gpu
NodeName=$here NodeAddr=127.0.0.1 CPUs=8 RealMemory=64000${gres:+ $gres}
PartitionName=main Nodes=$here Default=YES DefaultTime=10
END

[ -s munge.key ] || (umask 277 && head -c 1024 /dev/urandom >munge.key)
is_up munged || munged --force --key-file="$folder/munge.key" --socket="$folder/munged.socket" \
    --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
until_ok "[ -S munged.socket ]"

# Inside a job the plugin's srun sees no SLURM_CONF, so the configuration must also lie where SLURM looks by itself.
mkdir -p /etc/slurm
for name in slurm gres; do
    ln -sfn "$folder/$name.conf" "/etc/slurm/$name.conf"
done

is_up slurmctld || slurmctld
until_ok "scontrol ping | grep -q UP"
is_up slurmd || slurmd
until_ok "sinfo -h -o %T | grep -qE 'idle|mixed|allocated'"
