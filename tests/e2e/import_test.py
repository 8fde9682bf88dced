#!/usr/bin/python3
"""`rbmpi import` and `rbmpi info`, from the command line: what they make is compared with numpy and h5py, and every
bad input gets one message, the right exit code and leaves nothing behind, alone and on three ranks."""

import gzip
import hashlib
import io
import json
import os
import pickle
import signal
import struct
import subprocess
import time
import unittest
import zipfile
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import scipy.io
from scipy.sparse import csr_matrix

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
                    self.assertEqual(result.stdout.count("\n"), 4)
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
        file = self.write("a.csv", csv_text([[0, 16], [3, 4]], ["label", "p"]))
        result = assert_success(run(["import", "--csv", file, "--output", self.output], ranks=2))
        self.assertEqual(len(result.messages), 2)
        for message, word in zip(result.messages, ("--label-column none", "--scale X")):
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
            "colours": None, "alphabet": "",
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


def utf16(text, order):
    """With the mark in front, as Excel's "Unicode text"."""
    return ("\ufeff" + text).encode("utf-16-" + order)


def counted(header, rows):
    """A table whose rows are numbered from 0, as a data frame writes its index."""
    return header + "\n" + "".join(f"{number},{row}\n" for number, row in enumerate(rows))


PIXELS = np.array([[0, 255, 7], [128, 1, 0]])
BITS = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0]])
BIT_ROWS = [",".join(map(str, row)) for row in BITS]
MATRIX = np.array([[0, 0, 3, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 3]])
COORDINATES = "".join(f"{i + 1} {j + 1} {MATRIX[i, j]}\n" for j in range(6) for i in range(4) if MATRIX[i, j])
MARKET = "%%MatrixMarket matrix "


LONG_FORM = "".join(f"{7 * i % 5},{90 + i % 3},{1 + i % 2}\n" for i in range(9))


def tables():
    """Small files as people have them: name, content, options, and what is made of them. Of `made`, `samples` are the
    values, `scale` is 1 and the type uint8 unless said; what is not said is not there. `notes` are words of the notes."""
    pixels = "0,255,7\n128,1,0\n"
    named = "a,b,c\n" + pixels
    plain = {"samples": PIXELS, "scale": 255}
    unnamed = plain | {"notes": ["--label-column 3"]}
    with_names = plain | {"columns": ["a", "b", "c"]}

    # How fields are separated, and how characters are stored.
    yield "commas", pixels, [], unnamed
    yield "commas and a header", named, [], with_names
    yield "the end of a line by Windows", named.replace("\n", "\r\n"), [], with_names
    yield "the end of a line by old Macs", named.replace("\n", "\r"), [], with_names
    yield "no end of the last line", named[:-1], [], with_names
    yield "a mark of UTF-8", b"\xef\xbb\xbf" + named.encode(), [], with_names
    yield "UTF-16, low byte first", utf16(named.replace(",", "\t"), "le"), [], with_names
    yield "UTF-16, high byte first", utf16(named.replace(",", ";"), "be"), [], with_names
    yield "Latin-1", b"gr\xf6\xdfe,b,c\n" + pixels.encode(), [], plain | {"columns": ["größe", "b", "c"]}
    yield "a mark of UTF-8 twice", b"\xef\xbb\xbf" * 2 + pixels.encode(), [], unnamed
    yield "gzip", gzip.compress(named.encode()), [], with_names
    yield "semicolons", named.replace(",", ";"), [], with_names
    yield "tabs", named.replace(",", "\t"), [], with_names
    yield "blanks at the ends, runs of blanks", " 0  255 7 \n128 1   0\n", [], unnamed
    yield "bars", named.replace(",", "|"), [], with_names
    yield "bars, said", named.replace(",", "|"), ["--separator", "bar"], with_names
    yield "UTF-16 without a mark", named.encode("utf-16-le"), [], with_names
    yield "UTF-16 without a mark, high byte first", named.replace("a", "ä").encode("utf-16-be"), [], plain | {
        "columns": ["ä", "b", "c"]}
    yield "Excel's line for the separator", "sep=;\r\n" + named.replace(",", ";"), [], with_names
    yield "quotes", '"a","b","c"\n"0","255","7"\n"128","1","0"\n', [], with_names
    yield "quotes around separators", 'a,"b, ""b""\nb",c\n' + pixels, [], plain | {"columns": ["a", 'b, "b"\nb', "c"]}
    yield ("decimal commas", "x;z\n0,5;1\n0,25;0\n", [],
           {"samples": [[0.5, 1], [0.25, 0]], "type": "float32", "columns": ["x", "z"], "notes": ["decimal points"]})
    yield ("numpy.savetxt", "# made by numpy\n" + "".join("0.000000000000000000e+00 2.5e-01\n" for _ in range(2)), [],
           {"samples": [[0, 0.25]] * 2, "type": "float32"})
    yield ("decimal commas in one column", "0,5\n0,25\n1,0\n", ["--separator", "semicolon"],
           {"samples": [[0.5], [0.25], [1]], "type": "float32", "notes": ["decimal points"]})
    yield ("decimal commas in one column, said", "0,5\n0,25\n1,0\n", ["--decimal", "comma"],
           {"samples": [[0.5], [0.25], [1]], "type": "float32"})
    yield ("decimal commas of three digits", "1,250;0\n1,125;1\n", ["--decimal", "comma", "--scale", "2"],
           {"samples": [[1.25, 0], [1.125, 1]], "type": "float32", "scale": 2})
    yield ("points between thousands", "1.000;-2.000.000,5\n30.000;4\n", ["--decimal", "comma", "--map",
           "-2000000.5=0", "--scale", "30000"], {"samples": [[1000, 0], [30000, 4]], "type": "float32", "scale": 30000})
    yield ("fractions of three digits", "1.250;0\n1.125;1\n", ["--decimal", "point", "--scale", "2"],
           {"samples": [[1.25, 0], [1.125, 1]], "type": "float32", "scale": 2})
    yield ("commas between thousands", "p\tq\n1,024\t0.5\n512\t0.25\n", ["--decimal", "point", "--scale", "1024"],
           {"samples": [[1024, 0.5], [512, 0.25]], "type": "float32", "scale": 1024, "columns": ["p", "q"]})
    yield ("decimal commas in quotes", '"0,5","1"\n"0,25","0"\n', ["--decimal", "comma"],
           {"samples": [[0.5, 1], [0.25, 0]], "type": "float32"})
    yield ("decimal commas, commas before blanks", 'u, "v, w"\n0,5, 0,25\n1, 0,75\n', ["--decimal", "comma"],
           {"samples": [[0.5, 0.25], [1, 0.75]], "type": "float32", "columns": ["u", "v, w"]})
    yield ("commas with and without blanks", "0,5, 1,25\n1,0, 0,5\n", ["--separator", "comma"],
           {"samples": [[0, 5, 1, 25], [1, 0, 0, 5]], "scale": 25, "notes": ["--label-column 4", "25, in column 4"]})
    yield "two columns after all", "0,5\n0,25\n1,0\n", ["--separator", "comma"], {
        "samples": [[0, 5], [0, 25], [1, 0]], "scale": 25, "notes": ["25, in column 2, means 1.0"]}
    yield ("numpy.savetxt with a header", "# u v w\n" + pixels.replace(",", " "), [],
           plain | {"columns": ["u", "v", "w"], "notes": ["comment"]})
    yield "zeros and ones without separators", "010\n110\n001\n", [], {"samples": BITS[:3]}
    yield "one column", "0\n1\n1\n0\n1\n", [], {"samples": [[0], [1], [1], [0], [1]],
                                                      "notes": ["'0', was taken for a row; --header"]}
    yield "one column, numbered", "0\n0.5\n0.25\n", ["--header"], {"samples": [[0.5], [0.25]], "type": "float32",
                                                                  "columns": ["0"]}
    yield "two columns, not numbered", "0,1\n0.5,0.25\n1,0.5\n", [], {
        "samples": [[0, 1], [0.5, 0.25], [1, 0.5]], "type": "float32", "notes": ["'0' and '1', was taken for a row"]}
    yield ("fields below each other, none missing", "1 0   1\n0   1 1\n", ["--separator", "blank"],
           {"samples": [[1, 0, 1], [0, 1, 1]]})
    yield "one column of two digits", "10\n11\n", ["--separator", "comma"], {"samples": [[10], [11]], "scale": 11,
                                                                           "notes": ["11"]}
    yield ("what Excel leaves at the end", "a,b,c,,\n0,255,7,,\n128,1,0,,\n,,,,\n,,,,\n", [],
           with_names | {"notes": ["2 rows", "2 columns at the end"]})
    yield "a separator too many in each row", "a,b,c\n0,255,7,\n128,1,0,\n", [], with_names | {"notes": ["1 column"]}
    yield "a separator too many in the header", "a,b,c,\n" + pixels, [], with_names
    yield "empty lines", "\na,b,c\n0,255,7\n\n\n128,1,0\n\n", [], with_names | {"notes": ["2 empty lines"]}
    yield "a padded number", "000 255 007\n128 001 000\n", [], unnamed

    # What the first line is.
    yield "a header that counts", "label,0,1,2\n4,0,255,7\n5,128,1,0\n", [], plain | {
        "labels": [4, 5], "columns": ["0", "1", "2"], "notes": ["labels"]}
    yield "names twice, and none", "a,a,\n0,255,7\n128,1,0\n", [], plain | {"columns": ["a", "a", "column 3"],
                                                                            "notes": ["Several columns"]}
    yield "a first row of numbers", pixels, ["--no-header"], unnamed
    yield "a header of numbers", "7,8,9\n" + pixels, ["--header"], plain | {"columns": ["7", "8", "9"]}

    # What columns are for.
    bits = {"samples": BITS, "columns": ["p", "q", "r"]}
    rows = [f"{label},{row}" for label, row in zip((3, 0, 1, 0, 2), BIT_ROWS)]
    labelled = bits | {"labels": [3, 0, 1, 0, 2], "notes": ["taken for the labels"]}
    yield "a column named label", "label,p,q,r\n" + "\n".join(rows), [], labelled
    yield "labels that are whole floats", "Class,p,q,r\n" + "\n".join(f"{r[0]}.0{r[1:]}" for r in rows), [], labelled
    yield ("labels as texts", "p,q,r,Species\n" + "".join(f"{r},{c}\n" for r, c in zip(BIT_ROWS, "babca")), [],
           bits | {"labels": [1, 0, 1, 2, 0], "classes": ["a", "b", "c"], "notes": ["taken for the labels"]})
    yield ("labels that are numbers and texts", "p,q,r\n" + "".join(f"{c},{r[2:]}\n" for c, r in
           zip(("10", "9", "x", "9", "10"), BIT_ROWS)), ["--label-column", "1"],
           {"samples": BITS[:, 1:], "columns": ["q", "r"], "labels": [1, 0, 2, 0, 1], "classes": ["9", "10", "x"]})
    yield ("labels that are whole floats and texts", "p,q,r,label\n" + "".join(f"{r},{c}\n" for r, c in
           zip(BIT_ROWS, ("1", "1.0", "x", "0", "2.5"))), [],
           bits | {"labels": [1, 1, 3, 0, 2], "classes": ["0", "1", "2.5", "x"], "notes": ["taken for the labels"]})
    yield ("labels with decimal commas, and a text", "p;label\n0,5;1,0\n0,25;x\n0,75;1\n", [], {
        "samples": [[0.5], [0.25], [0.75]], "type": "float32", "columns": ["p"], "labels": [0, 1, 0], "classes": ["1", "x"],
        "notes": ["taken for the labels", "decimal points"]})
    yield ("labels that are truth values", "p,q,r,target\n" + "".join(f"{r},{c}\n" for r, c in
           zip(BIT_ROWS, ("True", "False", "False", "True", "False"))), [],
           bits | {"labels": [1, 0, 0, 1, 0], "classes": ["False", "True"], "notes": ["taken for the labels"]})
    yield ("labels of signs", "y,p,q,r\n" + "".join(f"{c},{r}\n" for r, c in zip(BIT_ROWS, (-1, 1, 1, -1, 1))), [],
           bits | {"labels": [0, 1, 1, 0, 1], "classes": ["-1", "1"], "notes": ["became 0 and 1", "taken for the labels"]})
    yield ("the last column has the labels", "\n".join(f"{r},{c}" for r, c in zip(BIT_ROWS, "babca")),
           ["--label-column", "last"], {"samples": BITS, "labels": [1, 0, 1, 2, 0], "classes": ["a", "b", "c"]})
    yield ("no labels", "label,p,q\n" + "\n".join(BIT_ROWS), ["--label-column", "none"],
           {"samples": BITS, "columns": ["label", "p", "q"]})
    yield ("one-hot labels", "p,q,r,cat,dog\n" + "".join(f"{r},{c},{1 - c}\n" for r, c in zip(BIT_ROWS, (1, 0, 0, 1, 0))),
           ["--one-hot-labels", "cat,dog"], bits | {"labels": [0, 1, 1, 0, 1], "classes": ["cat", "dog"]})
    indexed = bits | {"row_names": ["0", "1", "2", "3", "4"], "notes": ["names of the rows"]}
    yield "a data frame's index", counted(",p,q,r", BIT_ROWS), [], indexed
    yield "a data frame's index, read and written", counted("Unnamed: 0,p,q,r", BIT_ROWS), [], indexed
    yield "a data frame without names", counted(",0,1,2", BIT_ROWS), [], indexed | {
        "columns": ["0", "1", "2"], "notes": ["counts the columns", "names of the rows"]}
    yield ("a shuffled index", "id,p,q,r\n" + "".join(f"{n},{r}\n" for n, r in zip((31, 7, 12, 99, 4), BIT_ROWS)), [],
           indexed | {"row_names": ["31", "7", "12", "99", "4"]})
    yield ("R's row names", '"p","q","r"\n' + "".join(f'"{n}",{r}\n' for n, r in zip("vwxyz", BIT_ROWS)), [],
           indexed | {"row_names": list("vwxyz"), "notes": ["as R writes it"]})
    yield ("R's table with blanks", '"p" "q" "r"\n' + "".join(f'"{n + 1}" {r}\n'.replace(",", " ")
           for n, r in enumerate(BIT_ROWS)), [], indexed | {"row_names": list("12345"), "notes": ["as R writes it"]})
    yield ("names in the first column", "gene,p,q,r\n" + "".join(f"g{n},{r}\n" for n, r in enumerate(BIT_ROWS)), [],
           indexed | {"row_names": [f"g{n}" for n in range(5)]})
    yield ("weights and names", "p,q,r,w,n\n" + "".join(f"{r},{n / 2},{n}{n}\n" for n, r in enumerate(BIT_ROWS)),
           ["--weight-column", "w", "--name-column", "n"],
           bits | {"weights": [0, 0.5, 1, 1.5, 2], "row_names": ["00", "11", "22", "33", "44"]})
    yield ("weights, which no rule replaces", "p,q,r,w\n" + "".join(f"{r},{n}\n" for n, r in enumerate(BIT_ROWS)),
           ["--weight-column", "w", "--map", "1=0,0=1"],
           bits | {"samples": [[1 - value for value in row] for row in BITS], "weights": [0, 1, 2, 3, 4]})
    yield ("columns by numbers and ranges", counted("i,p,q,r", BIT_ROWS), ["--columns", "2-3,r"], bits)
    yield "columns to leave out", counted("i,p,q,r", BIT_ROWS), ["--drop", "i"], bits
    yield ("a column that counts, wanted", counted("i,p,q,r", BIT_ROWS), ["--columns", "1", "--scale", "4"],
           {"samples": [[0], [1], [2], [3], [4]], "scale": 4, "columns": ["i"]})

    yield ("R's only column", '"x"\n' + "".join(f'"{n}",{n % 2}\n' for n in range(5)), [],
           {"samples": [[0], [1], [0], [1], [0]], "columns": ["x"], "row_names": list("01234"), "notes": ["as R writes it"]})
    yield ("R's only column, without quotes", "x\n" + "".join(f"{n}\t{n % 2}\n" for n in range(5)), [],
           {"samples": [[0], [1], [0], [1], [0]], "columns": ["x"], "row_names": list("01234"), "notes": ["as R writes it"]})
    yield ("sums below", "gene,p,q,r\n" + "".join(f"{n},{r}\n" for n, r in zip(("a", "b", "c", "d", "Total"), BIT_ROWS)),
           [], bits | {"row_names": ["a", "b", "c", "d", "Total"], "notes": ["names of the rows", "'Total'"]})
    yield ("a row without a name", ",p,q,r\n" + "".join(f"{n},{r}\n" for n, r in zip(("", *"1234"), BIT_ROWS)),
           ["--name-column", "1"], bits | {"row_names": ["", *"1234"]})
    yield ("times, wanted", "t,p\n" + "".join(f"{n / 8},1\n" for n in range(6)), ["--columns", "t,p"],
           {"samples": [[n / 8, 1] for n in range(6)], "type": "float32", "columns": ["t", "p"]})

    # What values mean.
    yield "up to 200", "0,200,3\n2,4,8\n", [], {"samples": [[0, 200, 3], [2, 4, 8]], "scale": 255, "notes": [
        "--label-column 3", "largest value is 200, in column 2, and 255"]}
    yield "spins", "-1 1 1\n1 -1 1\n", [], {"samples": [[0, 1, 1], [1, 0, 1]], "notes": ["-1 became 0"]}
    yield "values that are replaced", "2,low\n3,high\n", ["--map", "2=0,3=1,low=0,high=1"], {"samples": [[0, 0], [1, 1]]}
    yield "signs", "+ - +\n- - +\n", ["--map", "+=1,-=0"], {"samples": [[1, 0, 1], [0, 0, 1]]}
    yield "signs without separators", "+-+\n--+\n", ["--map", "+=1,-=0", "--separator", "none"], {
        "samples": [[1, 0, 1], [0, 0, 1]]}
    yield ("a code for missing", "p,q\n1,0\n99,0\n0,1\n1,1\n", ["--map", "99=NA", "--missing", "drop-row"],
           {"samples": [[1, 0], [0, 1], [1, 1]], "columns": ["p", "q"], "notes": ["1 value was missing"]})
    yield ("no code for missing", "p,q\n1,0\n99,0\n0,1\n1,1\n", ["--scale", "99"],
           {"samples": [[1, 0], [99, 0], [0, 1], [1, 1]], "scale": 99, "columns": ["p", "q"]})
    yield ("a list of entries, as it is", LONG_FORM, ["--columns", "1-3"],
           {"samples": [[7 * i % 5, 90 + i % 3, 1 + i % 2] for i in range(9)], "scale": 92, "notes": [
               "--label-column 3", "92, in column 2"]})
    yield "truth values", "p,q\nTRUE,0\nFALSE,1\n", [], {"samples": [[1, 0], [0, 1]], "columns": ["p", "q"],
                                                       "notes": ["Truth values"]}
    yield "grey values to 16", "0,16,3\n2,4,8\n", [], {"samples": [[0, 16, 3], [2, 4, 8]], "scale": 16,
                                                    "notes": ["--label-column 3", "16, in column 2, means 1.0"]}
    yield "fractions", "0.5,1\n0.125,0\n", [], {"samples": [[0.5, 1], [0.125, 0]], "type": "float32"}
    yield ("fractions in double precision", "0.1,1\n0.2,0\n", ["--type", "float64"],
           {"samples": [[0.1, 1], [0.2, 0]], "type": "float64"})
    missing = "p,q,r\n1,,0\n0,1,NA\n0,0,0\n"
    of_missing = {"columns": ["p", "q", "r"], "notes": ["2 values were missing"]}
    yield "missing, made zero", missing, ["--missing", "zero"], of_missing | {"samples": [[1, 0, 0], [0, 1, 0], [0, 0, 0]]}
    yield "missing, left out", missing, ["--missing", "drop-row"], of_missing | {"samples": [[0, 0, 0]]}
    yield "missing, made the mean", missing, ["--missing", "mean"], of_missing | {
        "samples": [[1, 0.5, 0], [0, 1, 0], [0, 0, 0]], "type": "float32"}
    yield ("every word for missing", "p,q\n" + "".join(f"1,{w}\n" for w in ("nan", "NaN", "null", "?", "N/A", ".", "")),
           ["--missing", "zero"], {"samples": [[1, 0]] * 7, "columns": ["p", "q"], "notes": ["7 values"]})

    # Sparse files.
    libsvm = "3 3:3\n1 2:1 # a comment\n2\n1 1:2 6:3\n"
    sparse = {"samples": MATRIX, "scale": 3, "labels": [3, 1, 2, 1], "sparse": True, "notes": ["3, means 1.0"]}
    yield "LIBSVM", libsvm, [], sparse
    yield "LIBSVM, stored whole", libsvm, ["--dense"], sparse | {"sparse": False}
    yield "LIBSVM from 0", "0 0:2 1:1\n1 0:1 2:0.5\n", ["--scale", "2"], {
        "samples": [[2, 1, 0], [1, 0, 0.5]], "scale": 2, "type": "float32", "labels": [0, 1]}
    yield "LIBSVM with signs", "+1 1:1 9:1\n-1 2:1\n", [], {
        "samples": [[1, 0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0, 0, 0]], "labels": [1, 0], "classes": ["-1", "1"],
        "sparse": True, "notes": ["became 0 and 1"]}
    without = {key: value for key, value in sparse.items() if key != "labels"}
    yield "LIBSVM without its labels", libsvm, ["--label-column", "none"], without
    yield "LIBSVM, some of its columns", libsvm, ["--drop", "2-5"], sparse | {"samples": MATRIX[:, [0, 5]], "sparse": False}
    market = MARKET + "coordinate integer general\n% a comment\n4 6 4\n" + COORDINATES
    yield "Matrix Market", market, [], without
    yield ("Matrix Market of places", MARKET + "coordinate pattern general\n2 3 2\n2 3\n1 1\n", ["--sparse"],
           {"samples": [[1, 0, 0], [0, 0, 1]], "sparse": True})
    yield ("Matrix Market, symmetric", MARKET + "coordinate real symmetric\n2 2 2\n1 1 1\n2 1 .5\n", [],
           {"samples": [[1, 0.5], [0.5, 0]], "type": "float32"})
    yield ("Matrix Market, an array", MARKET + "array real general\n2 3\n0\n1\n.5\n1\n0\n0\n", [],
           {"samples": [[0, 0.5, 0], [1, 1, 0]], "type": "float32"})


def refused_tables():
    """Name, content, options, exit code, words of the message."""
    def zipped(files):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return stream.getvalue()

    def matlab_4():
        stream = io.BytesIO()
        scipy.io.savemat(stream, {"X": BITS}, format="4")
        return stream.getvalue()

    yield "a web page", "\n<!DOCTYPE html>\n<html></html>\n", [], FILE, ["web page"]
    yield "XML", "<?xml version='1.0'?><a/>", [], FILE, ["XML"]
    yield "JSON", '[{"a": 1}]', [], FILE, ["JSON", "to_csv"]
    yield "PDF", b"%PDF-1.7\n\x00", [], FILE, ["PDF"]
    yield "PNG", b"\x89PNG\r\n\x1a\n\0\0", [], FILE, ["picture (PNG)"]
    yield "JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF\0", [], FILE, ["picture (JPEG)"]
    yield "GIF", b"GIF89a\1\0", [], FILE, ["picture (GIF)"]
    yield "TIFF", b"II*\0\x08\0", [], FILE, ["picture (TIFF)"]
    yield "several files in a zip", zipped({"a.csv": "1,2\n", "b.csv": "1,2\n"}), [], FILE, ["zip"]
    yield "a workbook", zipped({"[Content_Types].xml": "<Types/>", "xl/workbook.xml": "<workbook/>"}), [], FILE, ["save it as CSV"]
    yield "an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", [], FILE, [".xls", "save it as CSV"]
    yield "a pickle", pickle.dumps(np.zeros(3)), [], FILE, ["pickle"]
    yield "R's .rds", gzip.compress(b"X\n\0\0\0\3\0\4\2\2"), [], FILE, [".rds", "write.csv"]
    yield "Parquet", b"PAR1\x15\0", [], FILE, ["Parquet"]
    yield "Feather", b"ARROW1\0\0", [], FILE, ["Feather"]
    yield "a database", b"SQLite format 3\0", [], FILE, ["SQLite"]
    yield "sequences of different lengths", ">sp|A\nMKVLAT\n>sp|B\nMKVAT\n", [], FILE, ["'sp|B' (line 3) has 5", "aligned"]
    yield "a binary file", b"\1\2\3\0\0\0", [], FILE, ["binary file"]
    yield "a dataset", (SOURCE / "data/digits.h5").read_bytes(), [], FILE, ["a dataset already"]
    yield "nothing", "", [], FILE, ["it is empty"]
    yield "nothing but a mark", b"\xef\xbb\xbf\n", [], FILE, ["it is empty"]

    yield "a row number without a name", counted("i,p,q,r", BIT_ROWS), [], USAGE, [
        "column 1 ('i') only counts the rows", "--drop i", "--columns"]
    yield "ratings with a time", "".join(f"{3 * i % 5}\t{i * i}\t4\t{88000 + i}\n" for i in range(6)), [], USAGE, [
        "column 4 only counts the rows"]
    yield "missing values", "m1,m2,m3\n5,,3\n4,2,\n,1,5\n", [], FILE, [
        "3 of its values are missing", "line 2, column 2 ('m2') is empty", "zero", "drop-row", "mean"]
    yield "missing labels", "label,p\n1,0\n?,1\n", [], FILE, ["1 of its labels is missing", "line 3", "drop-row"]
    yield "a column of texts", "p,n,q\n1,x,0\n0,x,1\n", [], FILE, ["line 2, column 2 ('n') is 'x'", "--label-column n"]
    yield "one text", "p,q\n1,0\n0,-\n", [], FILE, ["line 3, column 2 ('q') is '-'", "a number would be right"]
    yield "negative numbers", "0.5,-0.5\n1,0\n", [], USAGE, ["from -0.5 to 1", "real numbers are not there yet"]
    yield "three spins", "-1,0,1\n0,1,-1\n", [], USAGE, ["from -1 to 1", "--map"]
    yield "no scale to be guessed", "0.5,2\n", [], USAGE, ["from 0.5 to 2", "--scale 2"]
    yield "large whole numbers", "1,300\n", [], USAGE, ["from 1 to 300", "--scale 300"]
    yield "an age among truth values", "age,p,q,r\n" + "".join(f"{30 + n * n},{r}\n" for n, r in enumerate(BIT_ROWS)), [
        ], USAGE, ["column 1 ('age') goes up to 46", "--drop age"]
    yield "two names of labels", "label,class,p\n1,2,0\n", [], USAGE, ["'label'", "'class'", "--label-column"]
    yield "two indices", "id,index,p\n1,2,0\n", [], USAGE, ["'id'", "'index'", "--name-column"]
    yield "an index that repeats", "id,p\n1,0\n1,1\n", [], USAGE, ["column 1 ('id')", "the same twice", "--drop id"]
    yield "labels that are not whole", "y,p\n0.5,1\n1,0\n", [], FILE, ["label in line 2, column 1 ('y') is 0.5", "none"]
    yield "labels that all differ", "label,p\n" + "".join(f"n{i},1\n" for i in range(30)), [], FILE, ["30 different"]
    yield "a column in two lists", "p,q\n1,0\n", ["--drop", "p", "--label-column", "1"], USAGE, [
        "column 1 ('p') is both in --drop and in --label-column"]
    yield "no such column", "p,q\n1,0\n", ["--drop", "3"], USAGE, ["no column '3' for --drop", "'p', 'q'", "1 to 2"]
    yield "a range beyond", "p,q\n1,0\n", ["--columns", "1-3"], USAGE, ["--columns has '1-3'", "1-2"]
    yield "a name that is there twice", "p,p\n1,0\n", ["--drop", "p"], USAGE, ["two of its columns are named 'p'"]
    yield "nothing left", "p,q\n1,0\n", ["--drop", "1-2"], USAGE, ["no column of it is left"]
    yield "two ones", "p,c,d\n1,1,1\n", ["--one-hot-labels", "c,d"], FILE, ["line 2 has 2 times 1"]
    yield "negative weights", "p,w\n1,-1\n", ["--weight-column", "w"], FILE, ["weights in column 2 ('w')", "-1"]
    yield "a first line in doubt", "0,1,2\n1,0,1\n", [], USAGE, ["counts the columns", "--header", "--no-header"]
    yield "years in doubt", "1990,1991,1992\n3,5,2\n8,1,0\n", [], USAGE, ["rises", "--header", "--no-header"]
    yield "digits in doubt", "10\n11\n", [], USAGE, ["--separator none", "--separator comma"]
    yield "thousands or decimals", "p\tq\n1,234\t2,000\n1\t0\n", [], USAGE, [
        "'1,234'", "--decimal comma if they are fractions", "--decimal point"]
    yield "thousands or decimals, with points", "1.000;2.000\n0;4.500\n", [], USAGE, [
        "'1.000'", "--decimal point if they are fractions", "--decimal comma"]
    yield "many thousands", "1.000.000\n2.000\n", [], FILE, ["'1.000.000'", "--decimal comma reads it as 1000000"]
    yield "thousands and a fraction", "1.000,5;1\n1;0\n", [], FILE, ["'1.000,5'", "--decimal comma reads it as 1000.5"]
    yield "thousands besides fractions", "1.000;0,5\n1;0\n", [], FILE, ["'0,5'", "'1.000'", "--decimal comma"]
    yield "not the decimal mark that was said", "0.5;1\n", ["--decimal", "comma"], FILE, ["'0.5'", "a number"]
    yield "an option of texts, of decimal marks", "1 1:1\n0 2:1\n", ["--decimal", "comma"], USAGE, ["--decimal"]
    yield "a number or two columns", "0,5\n0,25\n1,0\n", [], USAGE, ["'0,5'", "--separator comma", "--decimal comma"]
    yield "commas before blanks and others", "u, v\n0,5, 0,25\n1,0, 0,5\n", [], USAGE, [
        "'1,0, 0,5'", "--decimal comma", "--separator comma"]
    yield "a column with a number, or not", "0\n0.5\n0.25\n1.0\n", [], USAGE, ["'0'", "--header", "--no-header"]
    yield "two columns with numbers, or not", "0;1\n0,5;0,25\n1,0;0,5\n", [], USAGE, ["'0' and '1'", "--header"]
    yield "gaps below each other", "1   0   1\n0       1\n", [], FILE, ["line 2 has 2 fields", "a word such as NA"]
    yield "a gap in each line", "1   0    \n1       0\n    1   1\n", [], USAGE, [
        "in 3 columns", "its rows have 2 fields", "NA", "--separator blank"]
    yield "a code for missing", "0,1,0\n1,9,0\n0,1,1\n1,0,9\n", [], USAGE, ["2 of them are 9", "--map 9=NA", "--scale 9"]
    yield "a large code for missing", "0,1,0\n1,999,0\n0,1,1\n1,0,1\n", [], USAGE, ["1 of them is 999", "--map 999=NA"]
    yield "a negative code for missing", "0,1\n-1,1\n", [], USAGE, ['--map "-1=NA"']
    yield "a code, called missing", "0,1,0\n1,9,0\n", ["--map", "9=NA"], FILE, ["1 of its values is missing", "'9'", "zero"]
    yield "signs", "+ - +\n- - +\n", [], FILE, ["--map +=1,-=0 if it is a spin"]
    yield "signs without separators", "+-+\n--+\n", [], FILE, ["--separator none --map +=1,-=0"]
    yield "ratings, one a line", LONG_FORM, [], USAGE, ["list of entries", "a row for each user", "--columns"]
    yield "ratings, one a line, with a time", "".join(f"{line},{88e7 + i * i:.0f}\n" for i, line in
          enumerate(LONG_FORM.splitlines())), [], USAGE, ["list of entries"]
    yield "MATLAB's version 4", matlab_4(), [], FILE, ["MATLAB's version 4", "-v7"]
    keras = {"metadata.json": '{"keras_version": "3.0.0"}', "model.weights.h5": ""}
    yield "a network of Keras", zipped(keras), [], FILE, ["a network of Keras (.keras)", "not data"]
    yield "one name over two fields", "x\n1,5\n2,25\n3,75\n", [], FILE, ["first line is 'x'", "2 fields"]
    yield "a comment of MATLAB's", "% made by me\n1,0\n0,1\n", [], FILE, ["'% made by me'"]
    yield "tabs that are not there", "1\t0\n\t1\t0\n1\t1\n", [], USAGE, ["tabs with nothing between", "--separator tab"]
    yield "an unknown word for missing in the first row", "0,n.a.,1\n1,0,0\n0,1,1\n", [], USAGE, ["--no-header"]
    yield "nothing but that in the first row", "-,-,-\n1,0,0\n0,1,1\n", [], USAGE, ["same text", "--no-header"]
    yield "numbers of units", "12,99,45\n0,1,0\n1,0,1\n0,0,1\n", [], USAGE, ["larger than all below", "--header"]
    yield "a second line of names", ",A,A,B\n,0,1,0\n0,1,0,1\n1,0,1,0\n", [], USAGE, ["line 2", "second line of names"]
    yield "a line of sums", "id,p,q\n1,1,0\n2,1,1\n,2,1\n", [], USAGE, ["no name in line 4", "--name-column id"]
    yield "a user beside numbers of films", "user,1,2,3\n7,5,3,1\n9,4,1,2\n", [], USAGE, ["('user')", "--drop user"]
    yield "names alone", "a,b,c\n", [], FILE, ["a header but no rows"]
    yield "times", "t,p\n" + "".join(f"{n / 10},{n % 2}\n" for n in range(6)), [], USAGE, ["column 1 ('t')", "--drop t"]
    yield "falling numbers", "t,p\n" + "".join(f"{90 - n * 10},{n % 2}\n" for n in range(6)), [], USAGE, ["('t')"]
    for sign, texts in (("Swiss thousands", ("1'000", "2'000")), ("money", ("€5", "€7")), ("hexadecimal", ("0x1", "0x2A")),
                        ("French thousands", ("1\u202f000", "2\u00a0000"))):
        yield sign, f"a;b\n{texts[0]};1\n{texts[1]};0\n", [], FILE, ["column 1 ('a')", "a number would be right"]
    yield "commas and points", "0,5;1\n0,25;0.5\n", [], FILE, ["'0,5'", "'0.5'", "decimal point"]
    yield "a thousand with a comma", 'p,q\n"1,000",2\n', [], FILE, ["line 2, column 1 ('p') is '1,000'"]
    yield "half a character", utf16("1,2\n", "le") + b"x", [], FILE, ["UTF-16", "middle of a character"]
    yield "digits run together in fields", "0110 1\n1001 0\n", [], USAGE, ["zeros and ones alone, as in '1001'", "--separator"]
    yield "a comment below without a blank", "1,0\n#half way\n0,1\n", [], FILE, ["line 2 has 1 field"]

    yield "an option of arrays", "0,1\n", ["--array", "x"], USAGE, ["--array"]
    yield "labels of their own", "0,1\n", ["--labels", "x"], USAGE, ["--labels"]
    yield "an option of texts", "1 1:1\n0 2:1\n", ["--no-header"], USAGE, ["--no-header"]
    yield "labels of sparse rows", "1 1:1\n0 2:1\n", ["--label-column", "1"], USAGE, ["sparse"]
    yield "LIBSVM of rankings", "1 qid:1 1:1\n0 qid:1 2:1\n", [], FILE, ["line 1", "qid"]
    yield "LIBSVM with several labels", "1,2 1:1\n0 2:1\n", [], FILE, ["line 1", "'1,2'"]
    yield "LIBSVM, falling", "1 3:1 2:1\n", [], FILE, ["line 1 has the index 2 after 3"]
    yield "LIBSVM, damaged", "1 1:1\n" * 30 + "0 2=1\n", [], FILE, ["line 31 has '2=1'"]
    yield "LIBSVM, real labels", "0.5 1:1\n1 2:1\n", [], FILE, ["label in line 1 is 0.5", "--label-column none"]
    yield "Matrix Market, complex", MARKET + "coordinate complex general\n1 1 1\n1 1 1 0\n", [], FILE, ["'complex'"]
    yield "Matrix Market, too short", MARKET + "coordinate real general\n2 2 2\n1 1 1\n", [], FILE, ["ends after 1 number"]
    yield "Matrix Market, beyond", MARKET + "coordinate real general\n2 2 1\n1 3 1\n", [], FILE, ["line 3 has '3'"]
    yield "Matrix Market, twice", MARKET + "coordinate real general\n2 2 2\n1 1 1\n1 1 1\n", [], FILE, [
        "two values for row 1, column 1"]
    yield "Matrix Market, a claim", MARKET + "array real general\n99999999 9999\n1\n", [], FILE, ["more than the file"]


class TablesTest(FolderTest):
    """Files as people have them, many of them small and each with a quirk. What is made is compared, value by value."""

    def run_all(self, cases):
        def run_one(numbered):
            number, (_, content, options, *_) = numbered
            folder = self.folder / str(number)
            folder.mkdir()
            path = folder / "table"
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            return run(["import", path, "--output", folder / "a.h5", *options]), folder

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(run_one, enumerate(cases)))

    def check(self, path, made):
        def texts(name):
            return [text.decode() for text in file[name][:]] if name in file else None

        with h5py.File(path) as file:
            samples = file["samples"]
            sparse = isinstance(samples, h5py.Group)
            self.assertEqual(sparse, made.get("sparse", False))
            if sparse:
                shape = tuple(samples.attrs["shape"])
                values = csr_matrix((samples["data"][:], samples["indices"][:], samples["indptr"][:]), shape).toarray()
            else:
                values = samples[:]
            dtype = made.get("type", "uint8")
            self.assertEqual(values.dtype, dtype)
            np.testing.assert_array_equal(values, np.asarray(made["samples"], dtype))
            self.assertEqual(samples.attrs["scale"], made.get("scale", 1))
            self.assertEqual(file["labels"][:].tolist() if "labels" in file else None, made.get("labels"))
            self.assertEqual(file["weights"][:].tolist() if "weights" in file else None, made.get("weights"))
            self.assertEqual(texts("class_names"), made.get("classes"))
            self.assertEqual(texts("column_names"), made.get("columns"))
            self.assertEqual(texts("row_names"), made.get("row_names"))

    def test_what_is_made(self):
        cases = list(tables())
        self.assertEqual(len({case[0] for case in cases}), len(cases), "names are different")
        for (name, _, _, made), (result, folder) in zip(cases, self.run_all(cases)):
            with self.subTest(name):
                assert_success(result)
                self.check(folder / "a.h5", made)
                self.assertEqual(sorted(os.listdir(folder)), ["a.h5", "table"])
                notes = made.get("notes", [])
                self.assertEqual(len(result.messages), len(notes), result)
                for message, words in zip(result.messages, notes):
                    self.assertTrue(message.startswith("rbmpi: note: "), message)
                    self.assertIn(words, message)

    def test_what_is_refused(self):
        cases = list(refused_tables())
        for (name, _, _, code, words), (result, folder) in zip(cases, self.run_all(cases)):
            with self.subTest(name):
                assert_one_message(result, code, "cannot ", folder / "table", *words)
                self.assertEqual(result.stdout, "")
                self.assertEqual(os.listdir(folder), ["table"], "something was left behind")

    def test_the_last_lines_say_what_was_made(self):
        table = self.folder / "t"
        table.write_bytes(utf16("id;px;py;class\n" + "".join(f"{i};{i % 3};{i % 2};{'ab'[i % 2]}\n" for i in range(8)), "le"))
        result = assert_success(run(["import", table, "--output", self.folder / "a.h5"], ranks=2))
        self.assertEqual(result.stdout.splitlines(), [
            f"{table}: a table with ';' between the fields, UTF-16, 4 columns, the first line names them",
            "  values: 2 columns, column 2 ('px') to column 3 ('py')",
            "  labels: column 4 ('class') (0 a, 1 b)",
            "  names of the rows: column 1 ('id')",
            f"{self.folder / 'a.h5'}: 8 rows of 2 values, uint8, 2 means 1.0, with labels"])
        shown = json.loads(assert_success(run(["info", self.folder / "a.h5", "--json"])).stdout)
        self.assertEqual((shown["rows"], shown["columns"], shown["labels"]["classes"]), (8, 2, 2))


class InterruptionTest(FolderTest):
    def test_ctrl_c_leaves_no_file(self):
        table = self.folder / "a.csv.gz"
        # Seconds of work are left when rows are written: on a busy machine mpirun may take one to pass a signal on.
        with gzip.open(table, "wb", compresslevel=1) as file:
            rows = (b"0," * 783 + b"255\n") * 1000
            for _ in range(240):
                file.write(rows)
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                process = subprocess.Popen(
                    command_line(["import", "--csv", table, "--no-header", "--output", self.folder / "a.h5"], ranks),
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=mpi_environment())
                while process.poll() is None and not any(path.stat().st_size > 0 for path in self.folder.glob(".*")):
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
    good_csv = write("good.csv", "a,b\n0,2\n")

    def idx_import(images_file, labels_file=None):
        labels_option = ["--idx-labels", labels_file] if labels_file else []
        return ["import", "--idx-images", images_file, *labels_option, "--output", OUTPUT]

    yield "idx: no such file", idx_import(folder / "none"), FILE, ["none", "no such file"]
    yield "idx: a folder", idx_import(folder), FILE, ["folder"]
    yield "idx: empty", idx_import(write("empty", b"")), FILE, ["empty'"]
    yield "idx: wrong magic", idx_import(good_csv), FILE, ["good.csv", "magic number is 0x612c620a"]
    yield "idx: swapped", idx_import(good_labels, good_images), FILE, ["labels'", "swapped"]
    yield "idx: truncated header", idx_import(write("i1", idx(images)[:9])), FILE, ["i1", "within the header"]
    yield "idx: truncated", idx_import(write("i2", idx(images)[:-1])), FILE, ["i2", "truncated"]
    yield "idx: trailing bytes", idx_import(write("i3", idx(images) + b"x")), FILE, ["i3", "goes on"]
    yield ("idx: overflowing sizes", idx_import(write("i4", struct.pack(">4I", 0x803, *[2**32 - 1] * 3))), FILE,
           ["i4"])
    yield ("idx: sizes beyond the file", idx_import(write("i5", gzip.compress(struct.pack(">4I", 0x803, 2**31, 28, 28)))),
           FILE, ["i5", "more than the file holds"])
    yield "idx: no rows", idx_import(write("i6", struct.pack(">4I", 0x803, 0, 28, 28))), FILE, ["i6"]
    yield ("idx: as many images as labels", idx_import(good_images, write("l1", idx(np.arange(5)))), FILE,
           ["l1", "5 labels for the 4", "images'"])
    yield ("idx: truncated gzip", idx_import(write("i7.gz", gzip.compress(idx(images))[:-9])), FILE,
           ["i7.gz", "truncated gzip file"])

    yield "csv: no such file", ["import", "--csv", "none.csv", "--output", OUTPUT], FILE, ["none.csv", "no such file"]
    yield "csv: empty", table("c1.csv", ""), FILE, ["c1.csv", "it is empty"]
    yield "csv: no rows", table("c2.csv", "a,b\n", "--header"), FILE, ["c2.csv", "no rows"]
    yield "csv: ragged", table("c3.csv", "a,b\n1,2\n3\n"), FILE, ["c3.csv", "line 3 has 1 field;", "have 2"]
    yield "csv: text", table("c4.csv", "a,b\n1,2\n3,cat\n"), FILE, ["c4.csv", "line 3, column 2 ('b') is 'cat'", "a number"]
    yield "csv: nan", table("c5.csv", "a,b\n1,nan\n"), FILE, ["c5.csv", "line 2, column 2 ('b') is 'nan'", "--missing"]
    yield "csv: negative", table("c6.csv", "a,b\n1,-2\n"), USAGE, ["c6.csv", "from -2 to 1", "--map"]
    yield ("csv: beyond the scale", table("c7.csv", "a,b\n1,17\n", "--scale", "16"), FILE,
           ["c7.csv", "largest value is 17, in column 2 ('b')", "[0, 16]"])
    yield "csv: no scale to be guessed", table("c8.csv", "a\n0.5\n2\n"), USAGE, ["c8.csv", "from 0.5 to 2", "--scale"]
    yield ("csv: unknown label column", table("c9.csv", "label,p\n1,2\n", "--label-column", "lable"), USAGE,
           ["c9.csv", "'lable'", "'label', 'p'"])
    yield ("csv: label not whole", table("c10.csv", "label,p\n1.5,2\n", "--label-column", "label"), FILE,
           ["c10.csv", "label in line 2", "whole number"])
    yield ("csv: shape", table("c11.csv", "a,b\n0,2\n", "--shape", "3x3"), USAGE, ["c11.csv", "2 values", "3x3"])
    yield ("csv: truncated gzip", table("c12.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-9]), FILE,
           ["c12.csv.gz", "truncated gzip file"])
    yield "csv: unclosed quote", table("c13.csv", 'a,b\n"1,2\n'), FILE, ["c13.csv", "quote in line 2"]

    good = ["import", "--csv", good_csv, "--output"]
    yield "output: no folder", good + [folder / "none" / "a.h5"], FILE, ["a.h5", "no such folder", "none"]
    yield "output: cannot be written", good + ["/proc/a.h5"], FILE, ["/proc/a.h5", "cannot write"]
    yield "output: a folder", good + [folder], FILE, ["it is a folder"]
    yield "output: the input", good + [good_csv], USAGE, ["which is read from", "good.csv"]

    yield "options: none", ["import"], USAGE, ["no file given", "rbmpi import FILE"]
    yield "options: no output", ["import", "--csv", good_csv], USAGE, ["--output"]
    yield "options: unknown", good + [OUTPUT, "--scal", "3"], USAGE, ["--scal", "--scale"]
    yield "options: repeated", good + [OUTPUT, "--scale", "3", "--scale", "4"], USAGE, ["--scale", "twice"]
    yield "options: no value", good + [OUTPUT, "--scale"], USAGE, ["--scale"]
    yield "options: scale", good + [OUTPUT, "--scale", "-1"], USAGE, ["--scale", "-1", "positive"]
    yield "options: shape", good + [OUTPUT, "--shape", "28"], USAGE, ["--shape", "28", "28x28"]
    yield "options: type", good + [OUTPUT, "--type", "int8"], USAGE, ["--type", "int8", "uint8"]
    yield "options: two inputs", good + [OUTPUT, "--idx-images", good_images], USAGE, ["--csv", "--idx-images"]
    yield "options: the file twice", good + [OUTPUT, good_csv], USAGE, ["FILE", "--csv"]
    yield "options: headers", good + [OUTPUT, "--header", "--no-header"], USAGE, ["--header", "--no-header"]
    yield "options: sparse", good + [OUTPUT, "--sparse", "--dense"], USAGE, ["--sparse", "--dense"]
    yield "options: separator", good + [OUTPUT, "--separator", "::"], USAGE, ["--separator", "::", "semicolon"]
    yield "options: map", good + [OUTPUT, "--map", "1"], USAGE, ["--map", "-1=0,1=1"]
    yield "options: decimal", good + [OUTPUT, "--decimal", "dot"], USAGE, ["--decimal", "dot", "point or comma"]
    yield "options: missing", good + [OUTPUT, "--missing", "no"], USAGE, ["--missing", "drop-row"]

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
