#!/usr/bin/env python3
"""packaging_test.py BUILD SOURCE: the packages that ./run deb makes, the units and completions in them,
and the commands that docs/operating.md names."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = map(pathlib.Path, sys.argv[1:])
COMMANDS = BUILD / "cmd"
BUILT = sorted(path.name for path in COMMANDS.glob("kp2p-*") if path.is_file() and not path.suffix)
UNITS = SOURCE / "packaging" / "systemd"


def run(*arguments, check=True, **options):
    return subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=check, **options)


def needs(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    return unittest.skipIf(missing, f"not installed: {' '.join(missing)}")


def options_of(command):
    return set(re.findall(r"^\s+(?:-\w,)?(--[a-z-]+)", run(COMMANDS / command, "--help").stdout,
                          re.MULTILINE))


@needs("dpkg-deb", "dpkg-shlibdeps", "meson")
class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="kp2p-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.files = run(SOURCE / "packaging" / "deb.sh", BUILD, cls.root / "out", 0).stdout.split()
        cls.installed = cls.root / "installed"
        for file in cls.files:
            run("dpkg-deb", "-x", file, cls.installed)

    def test_everything_is_where_it_is_looked_for(self):
        there = [f"usr/bin/{name}" for name in [*BUILT, "kachery-p2p", "kachery-load",
                                                "git-annex-remote-kp2p"]]
        there += [f"usr/share/man/man1/{name}.1.gz" for name in [*BUILT, "kachery-load"]]
        completed = [*BUILT, "kachery-load", "kachery-p2p-join-channel"]
        there += [f"usr/share/bash-completion/completions/{name}" for name in completed]
        there += [f"usr/share/fish/vendor_completions.d/{name}.fish" for name in completed]
        there += ["usr/share/zsh/vendor-completions/_kp2p", "lib/systemd/system/kp2p.service",
                  "usr/lib/systemd/user/kp2p.service", "usr/lib/sysusers.d/kp2p.conf",
                  "etc/ufw/applications.d/kp2p", "usr/share/doc/kp2p/operating.md",
                  "usr/lib/python3/dist-packages/kachery_p2p/__init__.py"]
        self.assertEqual([name for name in there if not (self.installed / name).exists()], [])

    def test_commands_run_and_are_stripped(self):
        for name in BUILT:
            program = self.installed / "usr/bin" / name
            self.assertIn("0.1", run(program, "--version").stdout)
        self.assertLess(program.stat().st_size, (COMMANDS / program.name).stat().st_size)
        self.assertTrue(run(self.installed / "usr/bin/kachery-load", "--version").stdout)

    @needs("bash", "fish", "zsh")
    def test_shells_complete_the_old_names_too(self):
        share, home = self.installed / "usr/share", self.root / "home"
        home.mkdir()
        environment = {**os.environ, "HOME": str(home),
                       "PATH": f"{self.installed}/usr/bin{os.pathsep}{os.environ['PATH']}"}
        bash = f"source {share}/bash-completion/completions/kachery-load; complete -p kachery-load"
        fish = (f"source {share}/fish/vendor_completions.d/kachery-load.fish; "
                "complete -C 'kachery-load --de'")
        zsh = (f"fpath=({share}/zsh/vendor-completions $fpath); autoload -Uz compinit; "
               "compinit -u -D; print -l ${(k)_patcomps}")
        for words, script, said in (("bash -c", bash, "_kp2p kachery-load"),
                                    ("fish --no-config -c", fish, "--dest"),
                                    ("zsh -f -c", zsh, "kachery-*")):
            done = run(*words.split(), script, env=environment)
            self.assertIn(said, done.stdout, done.stderr)

    def test_python_imports_it(self):
        modules = self.installed / "usr/lib/python3/dist-packages"
        run("/usr/bin/python3", "-B", "-c",
            "import kachery_p2p, kachery_p2p.git_annex, importlib.metadata as all; "
            "assert all.version('kachery-p2p') == kachery_p2p.__version__",
            env={**os.environ, "PYTHONPATH": str(modules)})

    def test_what_they_depend_on_is_named(self):
        for file in self.files:
            fields = run("dpkg-deb", "-f", file, "Depends").stdout
            self.assertRegex(fields, r"libc6|python3")

    def test_what_has_to_be_done_for_them_is_in_them(self):
        scripts = {"kp2p": ["postinst", "postrm", "prerm"], "python3-kachery-p2p": ["postinst", "prerm"]}
        for file in self.files:
            name = pathlib.Path(file).name.split("_")[0]
            control = self.root / name
            run("dpkg-deb", "-e", file, control)
            self.assertEqual(sorted(path.name for path in control.glob("p*")), scripts.pop(name))
            for script in control.glob("p*"):
                self.assertEqual(script.stat().st_mode & 0o777, 0o755)
                run("sh", "-n", script)
        self.assertEqual(scripts, {})

    @needs("lintian")
    def test_lintian_is_content(self):
        said = run("lintian", "--fail-on", "error", *self.files, check=False)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)


class Units(unittest.TestCase):
    @needs("systemd-analyze")
    def test_the_system_unit_is_well_confined(self):
        said = run("systemd-analyze", "security", "--offline=true", UNITS / "kp2p.service").stdout
        exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", said).group(1))
        self.assertLess(exposure, 2.0)

    def test_they_name_commands_that_there_are(self):
        for unit in UNITS.glob("*.service"):
            program = re.search(r"^ExecStart=/usr/bin/(\S+)", unit.read_text(), re.MULTILINE).group(1)
            self.assertIn(program, BUILT)
            self.assertIn("\nType=notify\n", unit.read_text())
            self.assertRegex(unit.read_text(), r"\nWatchdogSec=\d+\n")
            # Without it a call that is not allowed is a signal that ends the daemon.
            self.assertIn("\nSystemCallErrorNumber=", unit.read_text())

    def test_the_firewall_opens_the_usual_port(self):
        options = run(COMMANDS / "kp2p-start-daemon", "--help").stdout
        port = re.search(r"--port N .*default: (\d+), or any", options)
        self.assertIn(f"ports={port.group(1)}\n", (SOURCE / "packaging/ufw").read_text())


class Completions(unittest.TestCase):
    """They ask the commands themselves, so what they propose is what --help says."""

    environment = {**os.environ, "PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"}

    def folder(self):
        return SOURCE / "packaging" / "completions"

    @needs("bash")
    def test_every_command_has_one(self):
        script = f"source {self.folder()}/kp2p.bash; complete -p {' '.join(BUILT)}"
        run("bash", "-c", script, env=self.environment)

    @needs("bash")
    def test_bash_proposes_the_options(self):
        for command in ("kp2p-load", "kp2p-start-daemon"):
            script = (f"source {self.folder()}/kp2p.bash; compopt() {{ :; }}; "
                      f"COMP_WORDS=({command} --); COMP_CWORD=1; _kp2p; "
                      'printf "%s\\n" "${COMPREPLY[@]}"')
            proposed = run("bash", "-c", script, env=self.environment).stdout.split()
            self.assertEqual(set(proposed), options_of(command))

    @needs("bash")
    def test_bash_proposes_files_where_one_is_named(self):
        script = (f"source {self.folder()}/kp2p.bash; compopt() {{ :; }}; cd {SOURCE}; "
                  "COMP_WORDS=(kp2p-load --dest READ); COMP_CWORD=2; _kp2p; echo ${COMPREPLY[@]}")
        self.assertEqual(run("bash", "-c", script, env=self.environment).stdout.strip(), "README.md")

    @needs("bash", "fish", "zsh")
    def test_the_words_of_kachery_p2p_and_their_options_are_proposed(self):
        bash = (f"source {self.folder()}/kp2p.bash; compopt() {{ :; }}; COMP_WORDS=(kachery-p2p LINE); "
                'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _kp2p; printf "%s\n" "${COMPREPLY[@]}"')
        fish = f"source {self.folder()}/kp2p.fish; complete -C 'kachery-p2p LINE'"
        # compadd and _arguments are of a line that is being edited: what they are told is printed.
        zsh = ("compadd() { print -l -- $@ }; _arguments() { $words[1] --help | "
               "grep -oE -- '--[a-z-]+' }; words=(kachery-p2p LINE); CURRENT=$#words; "
               f"source {self.folder()}/_kp2p")
        with tempfile.TemporaryDirectory() as home:
            for shell, script in (("bash -c", bash), ("fish --no-config -c", fish), ("zsh -f -c", zsh)):
                for line, wanted in (("load-", {"load-file"}), ("load-file --de", {"--dest"})):
                    done = run(*shell.split(), script.replace("LINE", line),
                               env={**self.environment, "HOME": home})
                    proposed = {each.split("\t")[0] for each in done.stdout.splitlines()}
                    self.assertLessEqual(wanted, proposed, (shell, line, done.stderr))

    @needs("fish")
    def test_fish_proposes_the_options(self):
        script = f"source {self.folder()}/kp2p.fish; complete -C 'kp2p-load --'"
        with tempfile.TemporaryDirectory() as home:
            said = run("fish", "--no-config", "-c", script, env={**self.environment, "HOME": home})
        proposed = {line.split("\t")[0] for line in said.stdout.splitlines()}
        self.assertEqual(proposed, options_of("kp2p-load"))

    @needs("zsh")
    def test_zsh_knows_the_file(self):
        run("zsh", "-n", self.folder() / "_kp2p")


class Handbook(unittest.TestCase):
    """What docs/operating.md tells people to type."""

    text = (SOURCE / "docs" / "operating.md").read_text()

    def test_its_commands_and_options_are_there(self):
        lines = [line for line in self.text.splitlines() if line.startswith("    ")]
        named = 0
        for line in lines:
            for command, arguments in re.findall(r"(kp2p-[a-z]+(?:-daemon)?)\b([^#|]*)", line):
                if command not in BUILT:
                    continue
                named += 1
                options = set(re.findall(r"--[a-z-]+", arguments))
                self.assertEqual(options - options_of(command), set(), line)
        self.assertGreaterEqual(named, 8)

    def test_its_keys_and_metrics_are_there(self):
        words = " ".join(run(COMMANDS / "kp2p-start-daemon", "--help").stdout.split())
        keys = set(re.findall(r"in config\.json: (\w+)", words))
        self.assertEqual(set(re.findall(r'"(\w+)":', self.text)) - keys, set())
        metrics = (SOURCE / "node/api/API.md").read_text()
        for name in re.findall(r"kp2p_\w+", self.text):
            self.assertTrue(name in metrics or name.isupper() or "VERSION" in name or
                            f"{name}*.deb" in self.text, name)

    def test_the_files_that_it_backs_up_are_those_of_the_daemon(self):
        page = (SOURCE / "cmd/man/kp2p-start-daemon.1").read_text()
        for name in ("key", "channels", "remembered", "config.json"):
            self.assertIn(name, self.text)
            self.assertRegex(page, rf"(?m)^\.B {re.escape(name)}\b")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
