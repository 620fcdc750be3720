#!/usr/bin/env bash
# Stop what up.sh started in FOLDER, by process id, and remove FOLDER and every other trace.
# Usage: down.sh FOLDER
set -uo pipefail
folder=$1
grep -qsx ClusterName=scalearn-tests "$folder/slurm.conf" || exit 0
export SLURM_CONF=$folder/slurm.conf

# Jobs first: their processes outlive slurmd.
if timeout 10 scontrol ping 2>/dev/null | grep -q UP; then
    timeout 10 squeue -h -o %i | xargs -r timeout 10 scancel --signal=KILL --full
    timeout 10 squeue -h -o %i | xargs -r timeout 10 scancel
    for _ in {1..100}; do
        [ -z "$(timeout 10 squeue -h -o %i)" ] && break
        sleep 0.2
    done
fi

for daemon in slurmd slurmctld munged; do
    process=$(cat "$folder/$daemon.pid" 2>/dev/null) || continue
    [ "$(cat "/proc/$process/comm" 2>/dev/null)" = "$daemon" ] || continue # the number is another's by now
    kill "$process"
    for _ in {1..50}; do
        kill -0 "$process" 2>/dev/null || break
        sleep 0.2
    done
    kill -KILL "$process" 2>/dev/null
done

for name in slurm gres; do
    [ "$(readlink "/etc/slurm/$name.conf")" = "$folder/$name.conf" ] && rm -f "/etc/slurm/$name.conf"
done
grep -q '# scalearn tests$' /etc/hosts && { hosts=$(grep -v '# scalearn tests$' /etc/hosts) && echo "$hosts" >/etc/hosts; }
rm -rf "$folder"
