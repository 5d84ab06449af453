#!/usr/bin/env python3
"""count.py NAME=BUILD_FOLDER...: sums up the tests that Meson ran in each build. A doctest or
unittest executable counts as its cases, any other test as one. Prints the output of each that
failed, the name of each that was skipped, and last `N passed, N failed, N skipped`. A build that
left no log of its tests counts as one failure. Exit status 1 when something failed or nothing ran."""
import json
import pathlib
import re
import sys

DOCTEST = re.compile(
    r"\[doctest\] test cases: *(\d+) *\| *(\d+) passed *\| *(\d+) failed *\| *(\d+) skipped")
UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in", re.M)
UNITTEST_PART = re.compile(r"\b(failures|errors|skipped|unexpected successes)=(\d+)")
UNITTEST_SKIP = re.compile(r"^(\w+ \([\w.]+\))(?:\n.*)? \.\.\. skipped (['\"])(.*)\2$", re.M)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
SHOWN_LINES = 40


def cases(test, output):
    """(passed, failed, skipped, names of the skipped) of one Meson test."""
    if test["result"] == "SKIP":
        reason = [line for line in output.splitlines() if "SKIPPED" in line]
        return 0, 0, 1, [": ".join(["(whole)"] + reason[:1])]
    good = test["result"] == "OK"
    if found := DOCTEST.search(output):
        _, passed, failed, _ = map(int, found.groups())  # those left out by a filter do not count
        return passed, failed if good else max(failed, 1), 0, []
    if found := UNITTEST_RAN.search(output):
        parts = dict.fromkeys(("failures", "errors", "skipped", "unexpected successes"), 0)
        parts.update((name, int(count)) for name, count in
                     UNITTEST_PART.findall(output[found.start():]))
        skipped = parts.pop("skipped")
        failed = sum(parts.values())
        passed = max(int(found.group(1)) - failed - skipped, 0)
        names = [f"{name}: {reason}" for name, _, reason in UNITTEST_SKIP.findall(output)]
        return passed, failed if good else max(failed, 1), skipped, names
    return (1, 0, 0, []) if good else (0, 1, 0, [])


def tests_of(folder):
    log = pathlib.Path(folder) / "meson-logs" / "testlog.json"
    if not log.exists():
        return None
    return [json.loads(line) for line in log.read_text().splitlines()]


def main(reports):
    total = [0, 0, 0]
    skips = []
    for report in reports:
        name, _, folder = report.partition("=")
        tests = tests_of(folder)
        if not tests:
            print(f"FAILED: {name}: no test ran; see {folder}/setup.log and {folder}/test.log")
            log = pathlib.Path(folder) / "test.log"
            if log.exists():
                print("\n".join(log.read_text(errors="replace").splitlines()[-SHOWN_LINES:]))
            total[1] += 1
            continue
        for test in tests:
            output = ESCAPES.sub("", test.get("stdout", "") + "\n" + test.get("stderr", ""))
            passed, failed, skipped, names = cases(test, output)
            for index, count in enumerate((passed, failed, skipped)):
                total[index] += count
            skips += [f"{name}: {test['name']}: {each}" for each in names]
            if failed:
                print(f"FAILED: {name}: {test['name']}: {test['result']}, {failed} failed")
                print("\n".join(output.strip().splitlines()[-SHOWN_LINES:]))
    for skip in skips:
        print("skipped:", skip)
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
