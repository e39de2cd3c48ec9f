#!/usr/bin/env bash
# Measures the processor time of each part of a long run: part.sh FILE NAME COMMAND...
# FILE gets a line for each part. Without a command, prints the share of each part in FILE.
set -euo pipefail
export LC_ALL=C
file=$1
if [ $# -gt 1 ]; then
    name=$2
    shift 2
    TIMEFORMAT="$name"$'\t%U\t%S'
    # The time goes to the file, the output of the command to where it went before.
    exec 3>&2
    { time "$@" 2>&3; } 2>>"$file"
    exit
fi
awk -F '\t' '
    { used[NR] = $2 + $3; name[NR] = $1; total += used[NR] }
    END {
        print "\nprocessor time of each part, user and system:"
        for (part = 1; part <= NR; part++) printf "%9.1f s %5.1f %%  %s\n", used[part], 100 * used[part] / (total ? total : 1), name[part]
        printf "%9.1f s          in all\n", total
    }' "$file"
