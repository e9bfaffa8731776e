#!/usr/bin/env python3
"""CPU of bulk CAA lookups over one list of names, in interleaved rounds: ctclimb, dnsperf, and any other program.

  dns.py CTCLIMB SERVER:PORT NAMES.txt [ROUNDS] [LABEL='COMMAND' ...]

Prints the median and the range of user + system seconds and of the peak memory of each, and the ratios to ctclimb, taken
round by round. Start an authoritative server with the names first; pin it to another core than this.
"""

import json
import os
import shlex
import statistics
import sys
import tempfile
import time


def measure(command, out):
    """One run: CPU seconds, peak MiB, wall seconds."""
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        to = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(to, 1)
        os.dup2(to, 2)
        os.execvp(command[0], command)
    _, status, used = os.wait4(child, 0)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, time.monotonic() - start, os.waitstatus_to_exitcode(status)


def told(middle, values):
    return f"{statistics.median(values):{middle}} ({min(values):{middle}} - {max(values):{middle}})"


def main():
    ctclimb, server, names, *more = sys.argv[1:]
    rounds = int(more.pop(0)) if more and more[0].isdigit() else 5
    host, port = server.rsplit(":", 1)
    work = tempfile.mkdtemp()
    questions = os.path.join(work, "questions")
    with open(names) as lines, open(questions, "w") as to:
        to.writelines(f"{line.strip()} CAA\n" for line in lines)
    common = ["caa", "-l", names, "-r", server, "--rate", "unlimited", "-f", "jsonl", "--no-deep", "-q"]
    programs = {
        "ctclimb": [ctclimb, *common],
        "dnsperf": ["dnsperf", "-s", host, "-p", port, "-d", questions, "-n", "1", "-q", "100", "-T", "1"],
    }
    programs.update((label, shlex.split(command)) for label, command in (text.split("=", 1) for text in more))
    rows = {label: [] for label in programs}
    for _ in range(rounds):
        for label, command in programs.items():
            out = os.path.join(work, label)
            *row, code = measure(command, out)
            assert code in (0, 1), (label, code, open(out).read()[-500:])
            rows[label].append(row)
    for label, runs in rows.items():
        cpu, memory, wall = zip(*runs)
        ratios = [own[0] / other[0] for own, other in zip(rows["ctclimb"], runs)]
        print(f"{label}: CPU s {told('.3f', cpu)}, peak MiB {told('.0f', memory)}, wall s {told('.2f', wall)}, "
              f"ctclimb / it {told('.2f', ratios)}")
    with open(os.path.join(work, "ctclimb")) as lines:
        last = [json.loads(line) for line in lines][-2:]
    print({key: last[0].get(key) for key in ("queries", "levels_asked", "levels_inferred", "complete", "notes")})
    with open(os.path.join(work, "dnsperf")) as lines:
        print(*(line.strip() for line in lines if "Queries" in line), sep="; ")


if __name__ == "__main__":
    main()
