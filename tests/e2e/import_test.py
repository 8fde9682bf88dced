#!/usr/bin/python3
"""`rbmpi import` and `rbmpi info`, from the command line: what they make is compared with numpy and h5py, and every
bad input gets one message, the right exit code and leaves nothing behind, alone and on three ranks."""

import gzip
import hashlib
import json
import os
import signal
import struct
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np

from support import (SOURCE, RBMPI, FolderTest, assert_one_message, assert_success, command_line, mpi_environment,
                     run)

USAGE, FILE = 2, 3


def idx(array):
    """The array as an IDX file of unsigned bytes."""
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def csv_text(rows, header=None, newline="\n"):
    lines = ([",".join(header)] if header else []) + [",".join(str(value) for value in row) for row in rows]
    return newline.join(lines) + newline


def documented_digest(path):
    """The digest of a dataset as docs/formats.md defines it."""
    with h5py.File(path) as file:
        samples = file["samples"][:]
        samples = samples.astype(samples.dtype.newbyteorder("<"))
        scale = file["samples"].attrs.get("scale", 255.0 if samples.dtype == np.uint8 else 1.0)
        rows, columns = samples.shape
        name = samples.dtype.newbyteorder("=").name
        digest = hashlib.sha256(b"rbmpi-dataset 1\n" + f"{name} {rows} {columns} {scale:.17g}\n".encode())
        block = max(1, 2**20 // (columns * samples.itemsize))
        for first in range(0, rows, block):
            digest.update(hashlib.sha256(samples[first:first + block].tobytes()).digest())
        if "labels" in file:
            digest.update(b"labels\n" + hashlib.sha256(file["labels"][:].astype("<i4").tobytes()).digest())
        return digest.hexdigest()


class ImportTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(7)
        self.output = self.folder / "data.h5"

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def check(self, samples, labels=None, scale=255.0, dtype=np.uint8, shape=None):
        with h5py.File(self.output) as file:
            self.assertEqual(file.attrs["format"].decode(), "rbmpi-dataset")
            self.assertEqual(file.attrs["format_version"], 1)
            self.assertEqual(file["samples"].dtype, dtype)
            np.testing.assert_array_equal(file["samples"][:], np.asarray(samples, dtype))
            self.assertEqual(file["samples"].attrs["scale"], scale)
            self.assertEqual(shape, tuple(file["samples"].attrs["shape"]) if "shape" in file["samples"].attrs else None)
            self.assertEqual("labels" in file, labels is not None)
            if labels is not None:
                self.assertEqual(file["labels"].dtype, np.int32)
                np.testing.assert_array_equal(file["labels"][:], labels)

    def test_idx(self):
        images = self.random.integers(0, 256, (1500, 28, 30))
        labels = self.random.integers(0, 256, 1500)
        for pack, ending in ((bytes, ""), (gzip.compress, ".gz")):
            for ranks in (None, 3):
                with self.subTest(ending=ending, ranks=ranks):
                    images_file = self.write("images" + ending, pack(idx(images)))
                    labels_file = self.write("labels" + ending, pack(idx(labels)))
                    result = assert_success(run(["import", "--idx-images", images_file, "--idx-labels", labels_file,
                                                 "--output", self.output, "--source", "made up"], ranks=ranks))
                    self.assertEqual(result.stdout.count("\n"), 1)
                    self.assertIn("1500 rows of 840 values (pictures of 28x30)", result.stdout)
                    self.check(images.reshape(1500, 840), labels, shape=(28, 30))
                    self.output.unlink()

    def test_idx_without_labels_replaces_an_old_file(self):
        self.output.write_text("old")
        images = self.random.integers(0, 256, (5, 2, 2))
        assert_success(run(["import", "--idx-images", self.write("i", idx(images)), "--output", self.output]))
        self.check(images.reshape(5, 4), shape=(2, 2))
        self.assertEqual(self.files(), ["data.h5", "i"])

    def test_csv_like_kaggles(self):
        values = self.random.integers(0, 256, (700, 9))
        labels = self.random.integers(0, 10, 700)
        header = ["label"] + [f"pixel{i}" for i in range(9)]
        text = csv_text(np.column_stack([labels, values]), header, newline="\r\n")
        for name, content in (("train.csv", text.encode()), ("train.csv.gz", gzip.compress(text.encode()))):
            with self.subTest(name=name):
                result = run(["import", "--csv", self.write(name, content), "--label-column", "label", "--shape", "3x3",
                              "--output", self.output])
                assert_success(result)
                self.assertEqual(result.stderr, "")
                self.check(values, labels, shape=(3, 3))
        test = self.write("test.csv", csv_text(values, header[1:]))
        assert_success(run(["import", "--csv", test, "--output", self.output]))
        self.check(values)

    def test_csv_of_real_values(self):
        values = self.random.random((300, 4))
        file = self.write("a.csv", csv_text(values))
        assert_success(run(["import", "--csv", file, "--no-header", "--output", self.output]))
        self.check(values, scale=1.0, dtype=np.float32)
        assert_success(run(["import", "--csv", file, "--no-header", "--type", "float64", "--output", self.output]))
        self.check(values, scale=1.0, dtype=np.float64)

    def test_notes_go_to_stderr(self):
        file = self.write("a.csv", csv_text([[0, 16], [3, 4]]))
        result = assert_success(run(["import", "--csv", file, "--output", self.output], ranks=2))
        self.assertEqual(len(result.messages), 2)
        for message, word in zip(result.messages, ("--no-header", "--scale 4")):
            self.assertTrue(message.startswith("rbmpi: note: "), message)
            self.assertIn(word, message)

    def test_info(self):
        values = self.random.integers(0, 17, (200, 6))
        labels = self.random.integers(-3, 5, 200)
        file = self.write("a.csv", csv_text(np.column_stack([values, labels])))
        assert_success(run(["import", "--csv", file, "--no-header", "--label-column", "last", "--scale", 16, "--shape",
                            "2x3", "--source", "made up", "--output", self.output]))
        digest = documented_digest(self.output)
        shown = json.loads(assert_success(run(["info", self.output, "--json"], ranks=2)).stdout)
        self.assertAlmostEqual(shown.pop("mean"), values.mean() / 16)
        self.assertAlmostEqual(shown.pop("zeros"), (values == 0).mean())
        self.assertEqual(shown.pop("labels")["counts"], [
            {"label": label, "name": None, "rows": np.sum(labels == label)} for label in range(-3, 5)])
        np.testing.assert_allclose(shown.pop("mean_picture"), values.mean(0).reshape(2, 3) / 16)
        self.assertEqual(shown, {
            "format": "rbmpi-dataset", "rows": 200, "columns": 6, "type": "uint8", "scale": 16.0, "scale_said": True,
            "unbounded": False, "kind": "whole", "minimum": values.min(), "maximum": values.max(), "sparse": False,
            "stored_values": 1200, "constant_columns": {"count": 0, "first": []}, "constant_rows": 0,
            "duplicate_rows": 0, "picture": [2, 3], "weights": None, "row_names": [],
            "column_names": shown["column_names"], "source": "made up", "digest": digest, "findings": []})
        self.assertEqual(assert_success(run(["info", "--digest", self.output], ranks=3)).stdout, digest + "\n")
        text = assert_success(run(["info", self.output])).stdout
        for fragment in ("200", "6 (pictures of 2x3)", "uint8, 16 means 1.0", "-3 to 4", "made up", digest):
            self.assertIn(fragment, text)

    def test_info_of_files_of_other_programs(self):
        """Big-endian, compressed, 64-bit labels, fixed-length texts: as h5py users write them."""
        values = self.random.random((3000, 50))
        labels = self.random.integers(0, 10, 3000)
        for dtype in (">f4", "<f8", ">f8", "u1"):
            with self.subTest(dtype=dtype):
                with h5py.File(self.output, "w") as file:
                    data = (values * (255 if dtype == "u1" else 1)).astype(dtype)
                    file.create_dataset("samples", data=data, chunks=(700, 50), compression="gzip")
                    file["labels"] = labels
                    file.attrs["source"] = np.bytes_("elsewhere")
                shown = json.loads(assert_success(run(["info", self.output, "--json"])).stdout)
                self.assertEqual(shown["digest"], documented_digest(self.output))
                self.assertEqual(shown["type"], np.dtype(dtype).newbyteorder("=").name)
                self.assertEqual(shown["labels"]["classes"], 10)
                self.assertEqual(shown["source"], "elsewhere")
                self.assertAlmostEqual(shown["mean"], data.mean(dtype=np.float64) / (255 if dtype == "u1" else 1))

    def test_help(self):
        for command in ("import", "info"):
            result = assert_success(run([command, "--help"], ranks=2))
            self.assertEqual(result.stdout.count("Usage:"), 1)
            self.assertEqual(result.stderr, "")

    def test_the_digits_are_what_their_script_makes(self):
        script = subprocess.run([SOURCE / "scripts/make-digits", self.output], cwd=self.folder, capture_output=True,
                                text=True, env=mpi_environment({"RBMPI": str(RBMPI)}), check=False)
        self.assertEqual(script.returncode, 0, script.stderr)
        kept = SOURCE / "data/digits.h5"
        digests = [assert_success(run(["info", "--digest", path])).stdout for path in (kept, self.output)]
        self.assertEqual(digests[0], digests[1])
        self.assertEqual(digests[0].strip(), documented_digest(kept))
        table = np.loadtxt(SOURCE / "data/digits.csv.gz", delimiter=",", dtype=int)
        self.check(table[:, :-1], table[:, -1], scale=16.0, shape=(8, 8))

    def test_get_mnist_names_what_is_missing_or_wrong(self):
        source = self.folder / "from here"
        source.mkdir()
        for content, fragment in ((None, "has no file 'train-images-idx3-ubyte'"), (b"wrong", "SHA-256")):
            with self.subTest(content=content):
                if content:
                    (source / "train-images.idx3-ubyte.gz").write_bytes(gzip.compress(content))
                script = subprocess.run([SOURCE / "scripts/get-mnist", "mnist here", "--from", "from here"],
                                        cwd=self.folder, capture_output=True, text=True, timeout=60,
                                        env=mpi_environment({"RBMPI": str(RBMPI)}), check=False)
                self.assertEqual(script.returncode, 1)
                self.assertEqual(script.stderr.count("\n"), 1)
                self.assertIn(fragment, script.stderr)
                self.assertEqual(list((self.folder / "mnist here").iterdir()), [])


class InterruptionTest(FolderTest):
    def test_ctrl_c_leaves_no_file(self):
        table = self.folder / "a.csv.gz"
        # Seconds of work are left when the output appears: on a busy machine mpirun may take one to pass a signal on.
        with gzip.open(table, "wb", compresslevel=1) as file:
            rows = (b"0," * 783 + b"255\n") * 1000
            for _ in range(240):
                file.write(rows)
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                process = subprocess.Popen(
                    command_line(["import", "--csv", table, "--no-header", "--output", self.folder / "a.h5"], ranks),
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=mpi_environment())
                while len(self.files()) == 1 and process.poll() is None:
                    time.sleep(0.005)
                self.assertIsNone(process.poll(), "the import was over before it could be interrupted")
                begin = time.monotonic()
                process.send_signal(signal.SIGINT)
                _, stderr = process.communicate(timeout=20)
                self.assertLess(time.monotonic() - begin, 5)
                self.assertNotEqual(process.returncode, 0)
                if ranks is None:
                    self.assertEqual(process.returncode, 75)
                    self.assertEqual(stderr.count("rbmpi: "), 1, stderr)
                self.assertEqual(self.files(), ["a.csv.gz"])


OUTPUT = "a file in a folder of its own"


def bad_inputs(folder):
    """Every bad input as (name, arguments, exit code, fragments of the message); OUTPUT is for the caller to replace."""

    def write(name, content):
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def table(name, content, *options):
        return ["import", "--csv", write(name, content), "--output", OUTPUT, *options]

    def hdf5(name, samples=None, labels=None, scale=None, **attributes):
        path = folder / name
        with h5py.File(path, "w") as file:
            if samples is not None:
                file["samples"] = samples
                if scale is not None:
                    file["samples"].attrs["scale"] = scale
            if labels is not None:
                file["labels"] = labels
            file.attrs.update(attributes)
        return path

    images = np.arange(24).reshape(4, 2, 3)
    good_images = write("images", idx(images))
    good_labels = write("labels", idx(np.arange(4)))
    good_csv = write("good.csv", "a,b\n1,2\n")

    def idx_import(images_file, labels_file=None):
        labels_option = ["--idx-labels", labels_file] if labels_file else []
        return ["import", "--idx-images", images_file, *labels_option, "--output", OUTPUT]

    yield "idx: no such file", idx_import(folder / "none"), FILE, ["none", "no such file"]
    yield "idx: a folder", idx_import(folder), FILE, ["folder"]
    yield "idx: empty", idx_import(write("empty", b"")), FILE, ["empty'", "it is empty"]
    yield "idx: wrong magic", idx_import(good_csv), FILE, ["good.csv", "magic number is 0x612c620a", "0x00000803"]
    yield "idx: swapped", idx_import(good_labels, good_images), FILE, ["labels'", "swapped"]
    yield "idx: truncated header", idx_import(write("i1", idx(images)[:9])), FILE, ["i1", "within the header"]
    yield "idx: truncated", idx_import(write("i2", idx(images)[:-1])), FILE, ["i2", "4 x 6 bytes", "truncated"]
    yield "idx: trailing bytes", idx_import(write("i3", idx(images) + b"x")), FILE, ["i3", "goes on"]
    yield ("idx: overflowing sizes", idx_import(write("i4", struct.pack(">4I", 0x803, *[2**32 - 1] * 3))), FILE,
           ["i4", "overflow"])
    yield ("idx: sizes beyond the file", idx_import(write("i5", gzip.compress(struct.pack(">4I", 0x803, 2**31, 28, 28)))),
           FILE, ["i5", "more than the file holds"])
    yield "idx: no rows", idx_import(write("i6", struct.pack(">4I", 0x803, 0, 28, 28))), FILE, ["i6", "no rows"]
    yield ("idx: as many images as labels", idx_import(good_images, write("l1", idx(np.arange(5)))), FILE,
           ["l1", "5 labels for the 4 images", "images'"])
    yield ("idx: truncated gzip", idx_import(write("i7.gz", gzip.compress(idx(images))[:-9])), FILE,
           ["i7.gz", "truncated gzip file"])

    yield "csv: no such file", ["import", "--csv", "none.csv", "--output", OUTPUT], FILE, ["none.csv", "no such file"]
    yield "csv: empty", table("c1.csv", ""), FILE, ["c1.csv", "it is empty"]
    yield "csv: no rows", table("c2.csv", "a,b\n"), FILE, ["c2.csv", "no rows"]
    yield "csv: ragged", table("c3.csv", "a,b\n1,2\n3\n"), FILE, ["c3.csv", "line 3 has 1 field;", "have 2"]
    yield "csv: text", table("c4.csv", "a,b\n1,2\n3,cat\n"), FILE, ["c4.csv", "line 3, column 2 ('b') is 'cat'"]
    yield "csv: nan", table("c5.csv", "a,b\n1,nan\n"), FILE, ["c5.csv", "line 2, column 2 ('b') is 'nan'"]
    yield "csv: negative", table("c6.csv", "a,b\n1,-2\n"), FILE, ["c6.csv", "line 2, column 2 ('b') is -2", "[0, scale]"]
    yield ("csv: beyond the scale", table("c7.csv", "a,b\n1,17\n", "--scale", "16"), FILE,
           ["c7.csv", "line 2, column 2 ('b') is 17", "[0, 16]"])
    yield "csv: no scale to be guessed", table("c8.csv", "a\n0.5\n2\n"), USAGE, ["c8.csv", "from 0.5 to 2", "--scale"]
    yield ("csv: unknown label column", table("c9.csv", "label,p\n1,2\n", "--label-column", "lable"), USAGE,
           ["c9.csv", "'lable'", "'label', 'p'"])
    yield ("csv: label not whole", table("c10.csv", "label,p\n1.5,2\n", "--label-column", "label"), FILE,
           ["c10.csv", "label in line 2", "whole number"])
    yield ("csv: shape", table("c11.csv", "a,b\n1,2\n", "--shape", "3x3"), USAGE, ["c11.csv", "2 values", "3x3"])
    yield ("csv: truncated gzip", table("c12.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-9]), FILE,
           ["c12.csv.gz", "truncated gzip file"])
    yield "csv: unclosed quote", table("c13.csv", 'a,b\n"1,2\n'), FILE, ["c13.csv", "quote in line 2"]

    good = ["import", "--csv", good_csv, "--output"]
    yield "output: no folder", good + [folder / "none" / "a.h5"], FILE, ["a.h5", "no such folder", "none"]
    yield "output: cannot be written", good + ["/proc/a.h5"], FILE, ["/proc/a.h5", "cannot write"]
    yield "output: a folder", good + [folder], FILE, ["it is a folder"]
    yield "output: the input", good + [good_csv], USAGE, ["which is read from", "good.csv"]

    yield "options: none", ["import"], USAGE, ["--idx-images", "--csv"]
    yield "options: no output", ["import", "--csv", good_csv], USAGE, ["--output"]
    yield "options: unknown", good + [OUTPUT, "--scal", "3"], USAGE, ["--scal", "--scale"]
    yield "options: repeated", good + [OUTPUT, "--scale", "3", "--scale", "4"], USAGE, ["--scale", "twice"]
    yield "options: no value", good + [OUTPUT, "--scale"], USAGE, ["--scale"]
    yield "options: scale", good + [OUTPUT, "--scale", "-1"], USAGE, ["--scale", "'-1'", "positive"]
    yield "options: shape", good + [OUTPUT, "--shape", "28"], USAGE, ["--shape", "'28'", "28x28"]
    yield "options: type", good + [OUTPUT, "--type", "int8"], USAGE, ["--type", "'int8'", "uint8"]
    yield "options: two inputs", good + [OUTPUT, "--idx-images", good_images], USAGE, ["--csv", "--idx-images"]
    yield ("options: of another input", idx_import(good_images) + ["--scale", "3"], USAGE,
           ["--scale", "--csv", "--idx-images"])

    def info(path):
        return ["info", path]

    whole = hdf5("whole.h5", np.ones((500, 500), np.float32)).read_bytes()
    nan = np.ones((20, 3), np.float32)
    nan[12, 1] = np.nan
    yield "info: no file given", ["info"], USAGE, ["rbmpi info FILE"]
    yield "info: two files", ["info", "a", "b"], USAGE, ["more arguments"]
    yield "info: json and digest", ["info", "a", "--json", "--digest"], USAGE, ["--json", "--digest"]
    yield "info: no such file", info(folder / "none.h5"), FILE, ["none.h5", "no such file"]
    yield "info: not HDF5", info(good_csv), FILE, ["good.csv", "not an HDF5 file"]
    yield "info: truncated", info(write("t.h5", whole[:5000])), FILE, ["t.h5", "truncated"]
    yield "info: no samples", info(hdf5("h1.h5", labels=[1])), FILE, ["h1.h5", "neither a dataset nor a model", "/samples"]
    yield ("info: no samples in a dataset", info(hdf5("h2.h5", format="rbmpi-dataset")), FILE,
           ["h2.h5", "no array '/samples'"])
    yield "info: another format", info(hdf5("h3.h5", format="other")), FILE, ["h3.h5", "'other'"]
    yield "info: dimensions", info(hdf5("h4.h5", np.ones((2, 2, 2), np.uint8))), FILE, ["h4.h5", "3 dimensions", "2 would"]
    yield "info: no rows", info(hdf5("h5.h5", np.ones((0, 2), np.uint8))), FILE, ["h5.h5", "no rows"]
    yield "info: type", info(hdf5("h6.h5", np.ones((3, 2), np.int16))), FILE, ["h6.h5", "16-bit integer", "uint8"]
    yield "info: NaN", info(hdf5("h7.h5", nan)), FILE, ["h7.h5", "row 12, column 1 (counted from 0) is nan", "[0, 1]"]
    yield ("info: beyond the scale", info(hdf5("h8.h5", np.full((3, 2), 9, np.uint8), scale=8)), FILE,
           ["h8.h5", "row 0, column 0 (counted from 0) is 9", "[0, 8]"])
    yield ("info: labels", info(hdf5("h9.h5", np.ones((3, 2), np.uint8), labels=[1, 2])), FILE,
           ["h9.h5", "2 values for 3 rows"])
    yield ("info: labels beyond 32 bits", info(hdf5("h10.h5", np.ones((2, 2), np.uint8), labels=[1, 2**40])), FILE,
           ["h10.h5", "label of row 1", str(2**40)])


class BadInputTest(FolderTest):
    def check(self, ranks):
        """Several at a time, because mpirun mostly sleeps; each with an output folder of its own."""
        cases = list(bad_inputs(self.folder))
        outputs = [self.folder / f"output {number}" for number in range(len(cases))]
        for folder in outputs:
            folder.mkdir()
        before = self.files()
        start_up = run(["--version"], ranks=ranks).seconds

        def run_case(case, folder):
            arguments = [folder / "a.h5" if argument is OUTPUT else argument for argument in case[1]]
            return run(arguments, ranks=ranks, folder=folder)

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(run_case, cases, outputs))
        for (name, _, code, fragments), folder, result in zip(cases, outputs, results):
            with self.subTest(name, ranks=ranks):
                assert_one_message(result, code, *fragments, seconds=start_up + 5)
                self.assertEqual(result.stdout, "")
                self.assertEqual(list(folder.iterdir()), [], "something was left behind")
        self.assertEqual(self.files(), before)

    def test_alone(self):
        self.check(ranks=None)

    def test_on_three_ranks(self):
        self.check(ranks=3)

    def test_a_full_disk(self):
        """A limit on the length of files (large enough for MPI itself) stands in for it: writing fails in the middle."""
        images = self.folder / "images.gz"
        images.write_bytes(gzip.compress(idx(np.zeros((60, 1000, 1000), np.uint8)), 1))
        limited = ["bash", "-c", 'ulimit -f 30000; exec "$@"', "bash"]
        process = subprocess.run(
            limited + command_line(["import", "--idx-images", images, "--output", self.folder / "a.h5"]),
            capture_output=True, text=True, timeout=60, env=mpi_environment(), check=False)
        self.assertEqual(process.returncode, FILE, process.stderr)
        self.assertTrue(process.stderr.startswith("rbmpi: "), process.stderr)
        self.assertEqual(process.stderr.count("\n"), 1, process.stderr)
        self.assertIn("a.h5", process.stderr)
        self.assertIn("file too large: a limit (ulimit -f) or quota", process.stderr)
        self.assertEqual(os.listdir(self.folder), ["images.gz"])


if __name__ == "__main__":
    unittest.main()
