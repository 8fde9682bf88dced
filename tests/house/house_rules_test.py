#!/usr/bin/env python3
"""The house rules that a machine can check: who may include what, and how the files of the repository look.

    house_rules_test.py [REPOSITORY]

Prints each broken rule as FILE:LINE: what is wrong; the exit code is 1 if there is any.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The layers, bottom up, each with those it may include from besides itself. docs/design.md has the reasons.
LAYERS = {
    "core": set(),
    "parallel": {"core"},
    "storage": {"core"},
    "data": {"core", "parallel", "storage"},
    "model": {"core", "storage"},
    "gibbs": {"core", "parallel", "storage", "data", "model"},
    "evaluate": {"core", "parallel", "storage", "data", "model", "gibbs"},
    "train": {"core", "parallel", "storage", "data", "model", "gibbs", "evaluate"},
    "report": {"core", "parallel", "storage", "data", "model", "gibbs", "evaluate", "train"},
    "app": {"core", "parallel", "storage", "data", "model", "gibbs", "evaluate", "train", "report"},
}

# Headers of foreign libraries that live in one place.
FOREIGN = {"mpi.h": "src/parallel/", "hdf5.h": "src/storage/"}
IN_ONE_FILE = {"cblas.h"}

# Headers of libraries that many files include, with names that want them.
LIBRARIES = {
    "algorithm": "std::(min|max|clamp|sort|copy|fill|find|any_of|all_of|count|transform|max_element|ranges::\\w+)",
    "array": "std::array",
    "chrono": "std::chrono",
    "cmath": "std::(sqrt|exp|log|pow|floor|ceil|round|isfinite|isnan|log1p|fabs)",
    "cstdint": r"std::u?int\d+_t",
    "filesystem": "std::filesystem",
    "fstream": "std::[io]?fstream",
    "functional": "std::function",
    "map": "std::map",
    "optional": "std::(optional|nullopt)",
    "span": "std::span",
    "string": "std::(string|to_string)",
    "vector": "std::vector",
    "fmt/format.h": "fmt::(format|join)",
    "boost/program_options.hpp": "boost::program_options",
    "nlohmann/json.hpp": "nlohmann::json::",
}
HEAVY = ["boost/program_options.hpp", "nlohmann/json.hpp"]

# The layers whose sources are read one by one here, as no build of scripts/test does.
ONE_BY_ONE = ("report", "app")

CODE = {".cpp", ".hpp"}
TEXT = CODE | {".cmake", ".ini", ".json", ".md", ".py", ".sh", ".txt", ".in", ""}
NOT_OURS = {".git", ".cache", "build", "runs", "__pycache__"}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
STRICT_MODE = "set -euo pipefail"


def files_of(repository):
    """Every file that is kept, as a path relative to the repository."""
    for folder, folders, names in os.walk(repository):
        folders[:] = sorted(name for name in folders if name not in NOT_OURS)
        for name in sorted(names):
            yield (Path(folder) / name).relative_to(repository)


def layer_of(path):
    """The layer whose file or header this is, or None: src/<layer>/..., include/rbmpi/<layer>/..., rbmpi/<layer>/..."""
    parts = Path(path).parts
    for beginning in (("include", "rbmpi"), ("src",), ("rbmpi",)):
        if parts[: len(beginning)] == beginning and len(parts) > len(beginning) + 1:
            return parts[len(beginning)]
    return parts[0] if len(parts) > 1 and parts[0] in LAYERS else None


def check_includes(path, lines):
    """The include rules, for one file under src/ or include/."""
    layer = layer_of(path)
    if layer not in LAYERS:
        yield f"{path}:1: '{layer}' is no layer; the layers are {', '.join(LAYERS)}"
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        if header in FOREIGN and not str(path).startswith(FOREIGN[header]):
            yield f"{path}:{number}: <{header}> is for {FOREIGN[header]} only"
        other = layer_of(header)
        if other is None or other == layer:
            continue
        if other not in LAYERS[layer]:
            allowed = ", ".join(sorted(LAYERS[layer])) or "no other layer"
            yield f"{path}:{number}: layer '{layer}' must not include '{header}'; it may include from: {allowed}"
        elif not header.startswith("rbmpi/"):
            yield f"{path}:{number}: '{header}' is private to layer '{other}'"


def check_text(path, lines):
    """Blanks, tabs and switched-off checks, for any text file."""
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            yield f"{path}:{number}: a tab; indent with spaces"
        if line != line.rstrip():
            yield f"{path}:{number}: blanks at the end of the line"
        if path.suffix in CODE and re.search(r"NOLINT\w*(?!\w|\([\w.,-]+\): \w)", line):
            yield f"{path}:{number}: NOLINT wants its check and a reason: // NOLINT(check-name): why"
    if lines and not lines[-1]:
        yield f"{path}:{len(lines)}: empty lines at the end of the file"


def check_script(path, lines, mode):
    """Scripts can be started, and stop at the first error."""
    if not mode & 0o111:
        yield f"{path}:1: a script, but not executable (chmod +x)"
    if "bash" in lines[0] and next((line for line in lines if line and not line.startswith("#")), "") != STRICT_MODE:
        yield f"{path}:1: the first command of a bash script is '{STRICT_MODE}'"


def check_files(repository):
    blas_files = []
    for path in files_of(repository):
        if path.suffix not in TEXT or path.name.startswith(".clang"):
            continue
        text = (repository / path).read_text(encoding="utf-8")
        lines = text.splitlines()
        yield from check_text(path, lines)
        if text and not text.endswith("\n"):
            yield f"{path}:{len(lines)}: no end of line at the end of the file"
        if lines and lines[0].startswith("#!"):
            yield from check_script(path, lines, (repository / path).stat().st_mode)
        elif path.parts[0] in ("scripts", ".ci") and not path.suffix:
            yield f"{path}:1: a script begins with '#!'"
        if path.parts[0] == "src":
            yield from (f"{path}:{number}: fmt::print shows texts of files as they are; say or print (app/terminal) do not"
                        for number, line in enumerate(lines, 1) if "fmt::print(" in line)
        if path.suffix in CODE and path.parts[0] in ("src", "include"):
            yield from check_includes(path, lines)
            yield from check_libraries(path, text, included(repository, path, set()))
            blas_files += [path for line in lines if (m := INCLUDE.match(line)) and m.group(1) in IN_ONE_FILE]
    if len(blas_files) > 1:
        yield f"{blas_files[1]}:1: <cblas.h> is for one file only, and {blas_files[0]} has it"


def included(repository, path, seen):
    """Adds to `seen` what a file includes, itself and by headers of this repository."""
    for match in map(INCLUDE.match, (repository / path).read_text(encoding="utf-8").splitlines()):
        if match and match.group(1) not in seen:
            seen.add(match.group(1))
            for folder in ("include", "src"):
                if (repository / folder / match.group(1)).exists():
                    included(repository, Path(folder, match.group(1)), seen)
    return seen


def check_libraries(path, text, headers):
    """The headers of libraries, which precompiled ones and the other sources of a layer would stand in for: `headers` are
    those that a file includes, itself or by ours."""
    code = re.sub(r'//.*|"(\\.|[^"\\\n])*"', "", text)
    for library, names in LIBRARIES.items():
        if library not in headers and (match := re.search(rf"\b({names})\b", code)):
            line = text[: text.index(match.group(1))].count("\n") + 1
            yield f"{path}:{line}: {match.group(1)} wants #include <{library}>"


class Compiler:
    """Reads files alone, with nothing before them but headers of libraries that many of them include."""

    def __init__(self, repository, folder):
        self.repository = repository
        self.folder = Path(folder)
        self.command = [os.environ.get("CXX", "g++"), "-std=c++20", "-fopenmp", "-Wall", "-Wextra", "-Werror", "-Winvalid-pch",
                        "-I", repository / "include", "-I", repository / "src"]
        usual = [library for library in LIBRARIES if library not in HEAVY]
        self.prefixes = {name: self.precompiled(name, headers)
                         for name, headers in (("usual", usual), ("heavy", usual + HEAVY))}

    def precompiled(self, name, headers):
        prefix = self.folder / f"{name}.hpp"
        prefix.write_text("".join(f"#include <{header}>\n" for header in headers))
        subprocess.run([*self.command, "-x", "c++-header", prefix, "-o", f"{prefix}.gch"], check=True)
        return prefix

    def check(self, path):
        """A header is read twice: it says #pragma once."""
        prefix = self.prefixes["heavy" if included(self.repository, path, set()).intersection(HEAVY) else "usual"]
        text = f'#include "{self.repository / path}"\n' * (2 if path.suffix == ".hpp" else 1)
        result = subprocess.run([*self.command, "-include", prefix, "-fsyntax-only", "-x", "c++", "-"], input=text,
                                capture_output=True, text=True)
        return [f"{path}:1: does not compile on its own:\n{result.stderr}"] if result.returncode else []


def check_alone(repository):
    """Public headers and the sources of the upper layers compile on their own. The release compiles the sources of a layer
    as one; those of the lower layers are compiled one by one for the thread sanitizer."""
    headers = [path.relative_to(repository) for path in sorted((repository / "include").rglob("*.hpp"))]
    sources = [path.relative_to(repository) for layer in ONE_BY_ONE
               for path in sorted((repository / "src" / layer).glob("*.cpp"))]
    if not headers or not sources:
        yield "include:1: no headers or sources found"
        return
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        for broken in pool.map(Compiler(repository, folder).check, headers + sources):
            yield from broken


def main():
    repository = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    broken = [*check_files(repository), *check_alone(repository)]
    print("\n".join(broken) if broken else "every house rule is kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
