"""default_targets.py BUILD_ROOT: `ninja` and `meson install` compile what is installed, no test."""
import json
import pathlib
import sys

targets = json.loads((pathlib.Path(sys.argv[1]) / "meson-info" / "intro-targets.json").read_text())
tests = [t for t in targets if "/test/" in t["defined_in"]]
wrong = [t["name"] for t in tests if t["build_by_default"]]
print(f"{len(tests)} targets of tests; built by default: {' '.join(wrong) or 'none'}")
sys.exit(1 if wrong or not tests else 0)
