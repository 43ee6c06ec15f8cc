"""Checks that each rule of `template.yaml` can fail: plants violations one by one, and runs the test that must see it.

    python3 tests/template_rules/check.py [-v] [PART ...]

With PARTs, of the tests whose names hold one of them; `-v` shows what each test says of what is planted.

`planted/*.toml` has the violations by test, at least one for every test of `tests/tests/template`:

    find, replace   the text that is changed, and what a careless hand makes of it
    in              the resource, parameter or rule that it is changed in, or several, each in turn; else anywhere
    after           the text behind which `find` is looked for
    each            whether to change every place in turn instead of the first alone

A test that no change of the template could break stands with the reason in a table `not_of_the_template`.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
KEYS = {"find", "replace", "in", "after", "each"}
# What yaml.rs says of a template that it cannot read. Every test fails then, which shows nothing of its rule.
UNREADABLE = ("template.yaml is YAML", "template.yaml can be read")


def build():
    """The path of the test binary, which is built if need be."""
    command = "cargo test --workspace --test template --no-run --quiet --message-format=json"
    told = subprocess.run(command.split(), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if told.returncode != 0:
        sys.exit("the tests do not build")
    messages = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    built = [it for it in messages if it["reason"] == "compiler-artifact" and it["target"]["name"] == "template"]
    return next(it["executable"] for it in built if it["executable"])


def run(binary, template, *arguments):
    """What the tests say of this template, and whether they pass."""
    environment = {**os.environ, "MILLRACE_TEMPLATE": str(template), "RUST_BACKTRACE": "0"}
    command = [binary, "--test-threads=1", *arguments]
    # Cargo runs tests in the folder of their package.
    done = subprocess.run(command, cwd=ROOT / "tests", env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, done.returncode == 0


def read_planted():
    """What is planted by test, and the reasons why nothing is."""
    planted, reasons = {}, {}
    for path in sorted(FOLDER.glob("planted/*.toml")):
        tables = tomllib.loads(path.read_text())
        reasons |= tables.pop("not_of_the_template", {})
        for test, plants in tables.items():
            planted.setdefault(test, []).extend(plants)
    return planted, reasons


def block(text, name):
    """Where a resource, a parameter or a rule begins and ends."""
    head = re.search(rf"^  {re.escape(name)}:\n", text, re.MULTILINE)
    if head is None:
        raise LookupError(f"nothing is called {name}")
    end = re.compile(r"^ {0,2}[^ #\n]", re.MULTILINE).search(text, head.end())
    return head.start(), end.start() if end else len(text)


def changed(plant, text):
    """The template after each change that a plant stands for, with the line that the change is in."""
    if not {"find", "replace"} <= plant.keys() <= KEYS:
        raise LookupError(f"its keys are {sorted(plant)}, of {sorted(KEYS)}")
    names = plant.get("in", [None])
    for name in [names] if isinstance(names, str) else names:
        start, end = block(text, name) if name else (0, len(text))
        if "after" in plant:
            start = text.find(plant["after"], start, end) + len(plant["after"])
            if start < len(plant["after"]):
                raise LookupError(f"{plant['after']!r} is not in {name or 'the template'}")
        places = [it.start() for it in re.compile(re.escape(plant["find"])).finditer(text, start, end)]
        if not places:
            raise LookupError(f"{plant['find']!r} is not in {name or 'the template'}")
        for place in places if plant.get("each") else places[:1]:
            yield text.count("\n", 0, place) + 1, text[:place] + plant["replace"] + text[place + len(plant["find"]) :]


def look(binary, test, template, plant, line):
    """Whether the test sees what is planted, as a word, and what is to be told of it."""
    said, passed = run(binary, template, "--exact", test)
    place = f"line {line}: {plant['find']!r} -> {plant['replace']!r}"
    if any(words in said for words in UNREADABLE):
        return "NOT YAML", place
    if passed or f"test {test} ... FAILED" not in said:
        return "SURVIVED", place
    return "seen", f"{place}\n    " + said.partition("panicked at ")[2].partition("\nnote:")[0].replace("\n", "\n    ")


def plant_all(binary, folder, text, tests, planted):
    """Every violation of these tests: the word for it, the test, and what is to be told of it."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        looks = []
        for test, plant in [(it, plant) for it in tests for plant in planted.get(it, [])]:
            try:
                for line, template in changed(plant, text):
                    path = folder / f"{len(looks)}.yaml"
                    path.write_text(template)
                    looks.append((test, pool.submit(look, binary, test, path, plant, line)))
            except LookupError as error:
                yield "NOT FOUND", test, str(error)
        for test, result in looks:
            word, told = result.result()
            yield word, test, told


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-v", action="store_true")
    parser.add_argument("part", nargs="*", default=[""])
    options = parser.parse_args()
    binary, text, (planted, reasons) = build(), (ROOT / "template.yaml").read_text(), read_planted()
    with tempfile.TemporaryDirectory() as name:
        unchanged = pathlib.Path(name) / "template.yaml"
        unchanged.write_text(text)
        listed = run(binary, unchanged, "--list")[0].splitlines()
        tests = [line.removesuffix(": test") for line in listed if line.endswith(": test")]
        # A test that fails anyway would see everything.
        failing = re.findall(r"^test (\S+) \.\.\. FAILED$", run(binary, unchanged)[0], re.MULTILINE)
        told = [("FAILS", test, "as the template is") for test in failing]
        told += [("NO PLANT", test, "") for test in tests if test not in planted and test not in reasons]
        told += [("NO TEST", test, "") for test in [*planted, *reasons] if test not in tests]
        chosen = [test for test in tests if any(part in test for part in options.part)]
        if not chosen:
            sys.exit(f"no test's name holds {' or '.join(options.part)}")
        told += plant_all(binary, pathlib.Path(name), text, chosen, planted)
    for word, test, about in told:
        if word != "seen" or options.v:
            print(f"{word:9}  {test}  {about}")
    seen = [test for word, test, _ in told if word == "seen"]
    if len(seen) < len(told):
        sys.exit(f"{len(told) - len(seen)} problems; {len(seen)} violations seen by {len(set(seen))} tests")
    print(f"{len(seen)} violations planted, all seen by {len(set(seen))} tests")


if __name__ == "__main__":
    main()
