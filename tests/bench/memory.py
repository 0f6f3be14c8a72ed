"""How much is held and how many files are open, whatever is read: long lines, many files, a stream without an end."""

import json
import shutil

import measuring

LONG_LINES = 20
LONG_LINE = 10_000_000
SMALL_FILES = 100_000
STREAM = 5_000_000_000


def make(data, sparse):
    """Writes what is not there yet."""
    with open(sparse) as lines:
        match = next(event for event in map(json.loads, lines) if "signin" in event["event"]["provider"])
    values = {"one text": "x" * LONG_LINE, "short texts": ["x" * 16] * (LONG_LINE // 19)}
    for name, value in values.items():
        path = data / f"long-lines-{name.replace(' ', '-')}.ndjson"
        if not path.exists():
            with open(path.with_suffix(".part"), "w") as out:
                for number in range(LONG_LINES):
                    match["event"]["id"] = f"long-{number}"
                    out.write(json.dumps({"padding": value, **match}) + "\n")
            path.with_suffix(".part").rename(path)
    folder = data / "small-files"
    if not folder.exists():
        whole = folder.with_suffix(".part")
        shutil.rmtree(whole, ignore_errors=True)
        with open(sparse) as lines:
            for number, line in zip(range(SMALL_FILES), lines):
                below = whole / f"{number // 1000:03}"
                below.mkdir(parents=True, exist_ok=True)
                (below / f"{number:06}.json").write_text(line)
        whole.rename(folder)


def table(stakeout, data, sparse):
    """Prints the table."""
    scan = lambda *paths: measuring.watch([stakeout, "scan", *paths])
    times = -(-STREAM // sparse.stat().st_size)
    alerts = data / "long-alerts.ndjson"
    to_file = ["run", "--backfill", "2026-11-20", "--format", "json", "--alerts", alerts, "--events"]
    lines = data / "long-lines-one-text.ndjson"
    print("\n| what | seconds | private memory, MB | files open |\n|---|---|---|---|")
    for name, measure in {
        f"{LONG_LINES} lines of 10 MB that match, most of each in one text": lambda: scan(lines),
        f"{LONG_LINES} lines of 10 MB that match, in texts of 16 bytes": lambda: scan(
            data / "long-lines-short-texts.ndjson"
        ),
        f"{LONG_LINES} lines of 10 MB that match, `run --events`": lambda: measuring.watch(
            [stakeout, *to_file, lines]
        ),
        f"{SMALL_FILES:,} files of an event each": lambda: scan(data / "small-files"),
        f"{times * sparse.stat().st_size / 1e9:.1f} GB on stdin": lambda: measuring.watch(
            [stakeout, "scan", "-"], ["cat", *[sparse] * times]
        ),
    }.items():
        for left in data.glob("long-alerts*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        seconds, memory, files = measure()
        print(f"| {name} | {seconds:.1f} | {measuring.shown(memory)} | {measuring.shown(files, 'd')} |")
