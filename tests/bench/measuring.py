"""Runs commands and measures them: seconds, processor seconds, private memory, open files."""

import os
import statistics
import subprocess
import sys
import time


def start(command, stdin=None):
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(command):
    """Seconds on the clock and on the processors."""
    begun = time.perf_counter()
    child = start(command)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    taken = time.perf_counter() - begun
    if child.returncode:
        sys.exit(f"{command[:3]} ended with status {child.returncode}")
    return taken, used.ru_utime + used.ru_stime


def watch(command, source=None):
    """Seconds, the most private memory in MB and the most open files that were seen of the command's own process, to
    which the command `source` may pipe; nothing of the latter two where the system does not tell."""
    begun = time.perf_counter()
    writer = source and subprocess.Popen(source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child = start(command, writer and writer.stdout)
    if writer:
        writer.stdout.close()
    memory = files = 0
    while child.poll() is None:
        try:
            held = [line for line in open(f"/proc/{child.pid}/status") if line.startswith("RssAnon")]
            files = max(files, len(os.listdir(f"/proc/{child.pid}/fd")))
        except OSError:
            held = []
        memory = max([memory, *(int(line.split()[1]) for line in held)])
        time.sleep(0.001)
    if writer:
        writer.wait()
    return time.perf_counter() - begun, memory / 1024 or None, files or None


def medians(measures, rounds):
    """The medians of what each of the `measures` gives, by its name; each is taken once a round."""
    taken = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {name: [statistics.median(figure) for figure in zip(*runs)] for name, runs in taken.items()}


def shown(number, form=".1f"):
    return "" if number is None else format(number, form)
