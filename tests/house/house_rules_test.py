#!/usr/bin/env python3
"""The house rules that a machine can check: who may include what, and how the files of the repository look.

    house_rules_test.py [REPOSITORY [FOLDER...]]    folders with headers of libraries; ctest -R house knows them

Prints each broken rule as FILE:LINE: what is wrong; the exit code is 1 if there is any.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The layers, bottom up, each with those it may include from besides itself. docs/design.md has the reasons.
LAYERS = {
    "core": set(),
    "parallel": {"core"},
    "storage": {"core"},
    "data": {"core", "parallel", "storage"},
    "import": {"core", "parallel", "storage", "data"},
    "model": {"core", "storage"},
    "gibbs": {"core", "parallel", "storage", "data", "model"},
    "evaluate": {"core", "parallel", "storage", "data", "model", "gibbs"},
    "train": {"core", "parallel", "storage", "data", "model", "gibbs", "evaluate"},
    "report": {"core", "parallel", "storage", "data", "model", "gibbs", "evaluate", "train"},
    "app": {"core", "parallel", "storage", "data", "import", "model", "gibbs", "evaluate", "train", "report"},
}

# Headers of foreign libraries that live in one place.
FOREIGN = {"mpi.h": "src/parallel/", "hdf5.h": "src/storage/"}
IN_ONE_FILE = {"cblas.h"}

# Headers of libraries, with names that want them.
LIBRARIES = {
    "algorithm": r"std::(min|max|clamp|sort|copy|fill|find|any_of|all_of|count|transform|max_element|ranges::\w+)",
    "array": "std::array",
    "atomic": r"std::(atomic|memory_order\w*)",
    "bit": r"std::(bit_\w+|popcount|count[lr]_\w+|has_single_bit|endian)",
    "cerrno": "errno",
    "charconv": "std::(from|to)_chars",
    "chrono": "std::chrono",
    "cmath": r"std::(sqrt|exp|log\w*|pow|floor|ceil|l?round|isfinite|isnan|isinf|fabs|nearbyint|ldexp|fma)",
    "condition_variable": "std::condition_variable",
    "csignal": "std::(signal|raise|sig_atomic_t)",
    "cstdint": r"std::u?int\d+_t",
    "cstdio": "std::(FILE|f?printf|fputs|fwrite|fflush|fopen|fclose|remove|rename)",
    "cstdlib": "std::(getenv|exit|abort|malloc|free)",
    "cstring": r"std::(mem(cpy|set|cmp|move|chr)|str(len|cmp|chr|error)\w*)",
    "exception": r"std::(exception\w*|current_exception|rethrow_exception)",
    "filesystem": "std::filesystem",
    "fstream": "std::[io]?fstream",
    "functional": "std::(function|hash|less|greater)",
    "future": "std::(future|promise|async)",
    "iterator": r"std::(back_inserter|istreambuf_iterator|make_move_iterator|next|prev|distance|size)",
    "limits": "std::numeric_limits",
    "map": "std::map",
    "memory": r"std::(unique_ptr|shared_ptr|make_unique|make_shared|weak_ptr)",
    "mutex": r"std::(mutex|lock_guard|unique_lock|scoped_lock|once_flag|call_once)",
    "numbers": "std::numbers",
    "numeric": "std::(accumulate|iota|gcd|lcm|inner_product|partial_sum)",
    "optional": "std::(optional|nullopt)",
    "random": "std::(mt19937|random_device)",
    "set": "std::set",
    "span": "std::span",
    "sstream": "std::[io]?stringstream",
    "stdexcept": "std::(runtime_error|logic_error|invalid_argument|out_of_range)",
    "string": "std::(string|to_string)",
    "string_view": "std::string_view",
    "system_error": "std::(system_error|generic_category)",
    "thread": "std::(thread|this_thread)",
    "tuple": "std::(tuple|tie|make_tuple)",
    "type_traits": r"std::(is_\w+|remove_\w+|conditional_t|enable_if_t|decay_t|invoke_result_t|underlying_type_t)",
    "utility": "std::(move|forward|pair|exchange|swap|as_const)",
    "vector": "std::vector",
    "boost/program_options.hpp": "boost::program_options",
    "fmt/chrono.h": "fmt::(gmtime|localtime)",
    "fmt/format.h": "fmt::(format|join)",
    "archive.h": r"archive_read_\w+",
    "hdf5.h": r"H5\w+",
    "mpi.h": r"MPI_\w+",
    "nlohmann/json.hpp": "nlohmann::json::",
    "omp.h": r"omp_get\w+",
    "openssl/evp.h": r"EVP_\w+",
    "png.h": r"png_(create|read|write|set|image)\w+",
    "xxhash.h": r"XXH\w+",
    "zip.h": r"zip_(open|fopen|fread|close|error)\w*",
    "zlib.h": r"gz(open|read|close|error)",
    "fcntl.h": r"(?<=[ (!=]::)open",
    "poll.h": r"(?<=[ (!=]::)poll",
    "sys/file.h": r"(?<=[ (!=]::)flock",
    "sys/mman.h": r"(?<=[ (!=]::)(mmap|munmap|memfd_create)",
    "sys/socket.h": r"(?<=[ (!=]::)(socket|bind|sendto|recvfrom)",
    "sys/stat.h": r"(?<=[ (!=]::)(fstat|mkdir|fchmod)",
    "sys/wait.h": r"(?<=[ (!=]::)waitpid",
    "unistd.h": r"(?<=[ (!=]::)(fork|close|read|write|pread|pwrite|fsync|ftruncate|getpid|unlink|execve?|dup2|pipe2?)",
}

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
    """The headers of libraries, for which those of other files would stand in: `headers` are those that a file includes,
    itself or by ours."""
    code = re.sub(r'//.*|"(\\.|[^"\\\n])*"', "", text)
    for library, names in LIBRARIES.items():
        if library not in headers and (match := re.search(rf"\b({names})\b", code)):
            line = text[: text.index(match.group(1))].count("\n") + 1
            yield f"{path}:{line}: {match.group(1)} wants #include <{library}>"


def text_alone(repository, path, seen, libraries):
    """The lines of a file with those of the headers of ours that it includes in their places, each once. Adds headers of
    libraries to `libraries`."""
    lines = [f'#line 1 "{path}"']
    for number, line in enumerate((repository / path).read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            lines.append("" if line == "#pragma once" else line)
            continue
        ours = [header for header in (Path("include", match.group(1)), Path("src", match.group(1)))
                if (repository / header).exists()]
        if not ours:
            libraries[match.group(1)] = True
            lines.append("")
        elif ours[0] not in seen:
            seen.add(ours[0])
            lines += [*text_alone(repository, ours[0], seen, libraries), f'#line {number + 1} "{path}"']
        else:
            lines.append("")
    return lines


def check_together(repository, paths, folders):
    """Compiles files in one go, each in a namespace of its own, where there is only what it includes: the headers of
    libraries, which take most of the time otherwise, are read once."""
    libraries, lines = {}, []
    for number, path in enumerate(paths):
        lines += [f"namespace alone_{number} {{", *text_alone(repository, path, {path}, libraries), "}"]
    # Not every version of a library has all of its headers.
    head = [f"#if __has_include(<{library}>)\n#include <{library}>\n#endif" for library in libraries]
    command = ["clang++", "-std=c++20", "-fopenmp", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-DRBMPI_VERSION=\"\""]
    result = subprocess.run([*command, *(word for folder in folders for word in ("-isystem", folder)), "-x", "c++", "-"],
                            input="\n".join([*head, *lines, ""]), capture_output=True, text=True)
    if result.returncode:
        yield f"a header or a source does not compile on its own:\n{result.stderr}"


def check_alone(repository, folders):
    """Public headers and sources compile on their own: the builds of scripts/test compile the sources of a layer as one.
    Kernels are compiled by themselves anyway."""
    headers = sorted((repository / "include").rglob("*.hpp"))
    sources = [path for path in sorted((repository / "src").rglob("*.cpp")) if "foreach_target.h" not in path.read_text()]
    if not headers or not sources:
        yield "include:1: no headers or sources found"
        return
    for header in headers:
        if "#pragma once" not in header.read_text().splitlines():
            yield f"{header.relative_to(repository)}:1: '#pragma once' is missing"
    paths = [path.relative_to(repository) for path in headers + sources]
    with ThreadPoolExecutor(parts := 2) as pool:
        for broken in pool.map(lambda part: list(check_together(repository, paths[part::parts], folders)), range(parts)):
            yield from broken


def main():
    repository = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    broken = [*check_files(repository), *check_alone(repository, sys.argv[2:])]
    print("\n".join(broken) if broken else "every house rule is kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
