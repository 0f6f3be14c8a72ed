"""Many rules at once, beside one at a time and beside other engines: events a second."""

import shutil
import subprocess
import sys
from pathlib import Path

import measuring

HERE = Path(__file__).resolve().parent
COUNTS = [1, 10, 100, 800]

# Rules that are tried alone, where that is done for all of them in turn.
ALONE = 10


def make(bench, data):
    """Writes the rules that are not there yet."""
    for count in COUNTS:
        folder = data / f"rules-{count}"
        if not folder.exists():
            whole = folder.with_suffix(".part")
            shutil.rmtree(whole, ignore_errors=True)
            subprocess.run([*bench, "--write-rules", whole, "--count", str(count)], check=True)
            whole.rename(folder)


def missing():
    """The engines that are not installed."""
    if not shutil.which("rsigma"):
        yield "rsigma"
    if subprocess.run([sys.executable, "-c", "import eql"], capture_output=True).returncode:
        yield f"python-eql (for {sys.executable})"


def tries(stakeout, data, count, whole, part):
    """What is measured with so many rules: how many events it takes, and what measures it, by name.

    `whole` and `part` are a file of events and a smaller one, each with its number of events.
    """
    rules, left_out = data / f"rules-{count}", list(missing())
    scan = lambda rules: measuring.run([stakeout, "scan", "--rules", rules, whole[0]])
    tried = {"`stakeout scan`": (whole[1], lambda: scan(rules / "stakeout"))}
    if count > 1:
        # Spread over all kinds of rules.
        alone = sorted((rules / "stakeout").iterdir())[:: max(1, count // ALONE)]
        each = lambda: [sum(figure) * count / len(alone) for figure in zip(*map(scan, alone))]
        name = "`stakeout scan`, one rule at a time"
        tried[name if len(alone) == count else f"{name} (by {len(alone)} of them)"] = (whole[1], each)
    if "rsigma" not in left_out:
        command = ["rsigma", "engine", "eval", "--rules", rules / "sigma", "--event", f"@{part[0]}"]
        tried["rsigma"] = (part[1], lambda: measuring.run(command))
    if not any(name.startswith("python-eql") for name in left_out):
        events = min(part[1], max(200, 20_000 // count))
        peer = [sys.executable, HERE / "eql_peer.py", rules / "queries.eql", part[0], str(events)]
        told = lambda: [float(word) for word in subprocess.check_output(peer, text=True).split()[:2]]
        tried["python-eql"] = (events, told)
    return tried


def table(stakeout, data, whole, part, rounds, recorded):
    """Prints the table; its ratios, as they are recorded."""
    for name in missing():
        print(f"not installed, and left out: {name}")
    print("\n| rules | command | events | events a second | a second and core | times ours (recorded) |")
    print("|---|---|---|---|---|---|")
    ratios = []
    for count in COUNTS:
        tried = tries(stakeout, data, count, whole, part)
        found = measuring.medians({name: measure for name, (_, measure) in tried.items()}, rounds)
        rates = {name: (tried[name][0] / wall, tried[name][0] / cpu) for name, (wall, cpu) in found.items()}
        own = next(iter(rates.values()))
        for name, (rate, a_core) in rates.items():
            ratio = f"{own[0] / rate:.2f}"
            ratios.append((f"{count} rules", name, ratio))
            known = f" ({recorded[ratios[-1][:2]]})" if ratios[-1][:2] in recorded else ""
            print(f"| {count} | {name} | {tried[name][0]:,} | {rate:,.0f} | {a_core:,.0f} | {ratio}{known} |")
    return ratios
