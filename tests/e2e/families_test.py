#!/usr/bin/env python3
"""Families of aligned sequences: rbmpi import, --reweight, info and export-data."""

import gzip
import json
import signal
import subprocess
import time
import unittest

import h5py
import numpy

from support import SOURCE, FolderTest, assert_one_message, assert_success, command_line, mpi_environment, run

FILE, USAGE, STOPPED = 3, 2, 75
PROTEIN = "-ACDEFGHIKLMNPQRSTVWY"
RANDOM = numpy.random.default_rng(5)


def family(rows, sites):
    """Colours of sequences, of which each third is a relative of the one before."""
    colours = RANDOM.integers(0, len(PROTEIN), (rows, sites))
    for row in range(2, rows, 3):
        colours[row] = numpy.where(RANDOM.random(sites) < 0.85, colours[row - 1], colours[row])
    return colours


def fasta(colours, letters=PROTEIN):
    return "".join(f">sequence {i} of {len(colours)}\n{''.join(letters[c] for c in row)}\n" for i, row in enumerate(colours))


def weights_of(colours, is_neighbour):
    identities = (colours[:, None, :] == colours[None, :, :]).mean(axis=2)
    return (1 / is_neighbour(identities).sum(axis=1)).astype(numpy.float32)


class Families(FolderTest):
    def imported(self, file, *options, ranks=None):
        data = self.folder / "family.h5"
        result = assert_success(run(["import", file, "--output", data, *options], ranks=ranks))
        return data, result

    def test_there_and_back(self):
        colours = family(70, 21)
        file = self.folder / "family.fasta.gz"
        file.write_bytes(gzip.compress(fasta(colours).encode()))
        data, result = self.imported(file)
        self.assertIn("70 aligned sequences (FASTA), 21 columns, letters -ACDEFGHIKLMNPQRSTVWY (protein)", result.stdout)
        with h5py.File(data) as content:
            self.assertTrue((content["samples"][()] == colours).all())
            self.assertEqual(content["samples"].attrs["colours"], 21)
            self.assertEqual(content["samples"].attrs["alphabet"].decode(), PROTEIN)
            self.assertEqual(content["row_names"][3].decode(), "sequence 3 of 70")
        figures = json.loads(assert_success(run(["info", data, "--json"])).stdout)
        self.assertEqual((figures["colours"], figures["alphabet"], figures["kind"]), (21, PROTEIN, "colours"))
        text = assert_success(run(["info", data])).stdout
        self.assertIn(f"gaps     {100 * (colours == 0).mean():.2f} %", text)
        back = self.folder / "back.fasta"
        assert_success(run(["export-data", data, "--format", "fasta", "--output", back]))
        self.assertEqual(back.read_text(), fasta(colours))

    def test_weights_are_those_of_all_pairs(self):
        colours = family(150, 15)
        file = self.folder / "family.fasta"
        file.write_text(fasta(colours))
        digests = set()
        for ranks in (None, 1, 2, 3):
            data, result = self.imported(file, "--reweight", "0.8", ranks=ranks)
            expected = weights_of(colours, lambda identity: identity >= 0.8)  # 12 of 15 are
            with h5py.File(data) as content:
                self.assertTrue((content["weights"][()] == expected).all())
                self.assertEqual(content["row_names"].shape, (150,))
            self.assertIn(f"as good as {expected.astype(float).sum():.1f} sequences", result.stdout)
            digests.add(assert_success(run(["info", data, "--digest"])).stdout)
        self.assertEqual(len(digests), 1)
        data, _ = self.imported(file, "--reweight", ">0.8")
        above = weights_of(colours, lambda identity: identity > 0.8)
        self.assertFalse((above == expected).all())
        with h5py.File(data) as content:
            self.assertTrue((content["weights"][()] == above).all())
        self.assertEqual([path.name for path in self.folder.glob(".*")], [])

    def test_a_stop_while_they_are_compared_leaves_nothing(self):
        rows, sites = 120000, 60  # so alike that each pair is looked at to its end, which takes seconds
        letters = numpy.where(RANDOM.random((rows, sites)) < 0.9, b"A", b"C")
        file = self.folder / "family.fasta"
        file.write_bytes(b"".join(b">s\n%s\n" % row.tobytes() for row in letters))
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                process = subprocess.Popen(
                    command_line(["import", file, "--reweight", "0.8", "--output", self.folder / "family.h5"], ranks),
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=mpi_environment())
                while process.poll() is None and not any(path.stat().st_size > rows * sites for path in self.folder.glob(".*")):
                    time.sleep(0.005)
                time.sleep(0.3)
                self.assertIsNone(process.poll(), "it was over before it could be stopped")
                process.send_signal(signal.SIGINT)
                stdout, stderr = process.communicate(timeout=20)
                self.assertEqual(stdout, "")
                if ranks is None:
                    self.assertEqual(process.returncode, STOPPED)
                    self.assertEqual(stderr.count("rbmpi: "), 1, stderr)
                    self.assertIn("comparing sequences", stderr)
                self.assertNotEqual(process.returncode, 0)
                self.assertEqual(self.files(), ["family.fasta"])

    def test_letters_are_part_of_the_digest(self):
        colours = RANDOM.integers(0, 5, (9, 4))
        digests = set()
        for letters in ("-ACGU", "-ACGT"):
            file = self.folder / "family.fasta"
            file.write_text(fasta(colours, letters))
            data, _ = self.imported(file, "--alphabet", letters)
            digests.add(assert_success(run(["info", data, "--digest"])).stdout)
        self.assertEqual(len(digests), 2)

    def test_bad_input(self):
        file = self.folder / "family.fasta"
        file.write_text(fasta(family(9, 6)))
        data, _ = self.imported(file)
        table = self.folder / "table.csv"
        table.write_text("0,1\n1,0\n")
        output = self.folder / "new.h5"
        digits = SOURCE / "data/digits.h5"
        no_colours, no_letters, too_large = (self.folder / f"{name}.h5" for name in ("colours", "letters", "large"))
        for path, attributes, rows in ((no_colours, {"alphabet": "AB"}, [[0, 1]]), (too_large, {"colours": 3}, [[0, 3]]),
                                       (no_letters, {"colours": 3, "alphabet": "AB"}, [[0, 1]])):
            with h5py.File(path, "w") as content:
                content["samples"] = numpy.array(rows, "u1")
                content["samples"].attrs.update(attributes)
        both_kinds, strange_letters, two_lines = (self.folder / f"{name}.h5" for name in ("both", "strange", "lines"))
        for path, attributes, rows in ((both_kinds, {"colours": 3, "unbounded": 1}, [[0, 200]]),
                                       (strange_letters, {"colours": 2, "alphabet": ">a"}, [[0, 1]]),
                                       (two_lines, {"colours": 2, "alphabet": "-A"}, [[0, 1], [1, 1]])):
            with h5py.File(path, "w") as content:
                content["samples"] = numpy.array(rows, "u1")
                content["samples"].attrs.update(attributes)
                if path == two_lines:
                    content["row_names"] = ["one", "two\n>three\nAA"]
        for arguments, code, words in (
                (["import", file, "--reweight", "1.5", "--output", output], USAGE, ["--reweight", "1.5", "0 to 1"]),
                (["import", file, "--reweight", "much", "--output", output], USAGE, ["--reweight", "such as 0.8"]),
                (["import", table, "--reweight", "0.8", "--output", output], USAGE, ["--reweight", "sequences", "table.csv"]),
                (["import", file, "--alphabet", "ab", "--output", output], USAGE, ["--alphabet ab", "protein, rna, dna"]),
                (["import", file, "--unknown-letters", "x", "--output", output], USAGE, ["gap or drop-row"]),
                (["export-data", digits, "--format", "fasta", "--output", output], FILE, ["digits.h5", "'alphabet'"]),
                (["export-data", strange_letters, "--format", "fasta", "--output", output], FILE, ["'>a'", "A to Z"]),
                (["export-data", two_lines, "--format", "fasta", "--output", output], FILE, ["row 1", "more than one line"]),
                (["info", both_kinds], FILE, ["row 0, column 1", "colours from 0 to 2"]),
                (["export-data", data, "--output", output], USAGE, ["--format is missing", "fasta"]),
                (["export-data", data, "--format", "csv", "--output", output], USAGE, ["must be fasta"]),
                (["info", data, "--scale", "20"], FILE, ["scale = 20", "21 colours"]),
                (["info", no_colours], FILE, ["'colours'", "from 2 to 256"]),
                (["info", no_letters], FILE, ["'alphabet'", "3 different letters"]),
                (["info", too_large], FILE, ["row 0, column 1", "colours from 0 to 2"]),
                (["train", "--data", data, "--output", self.folder / "run"], FILE, ["colours", "not there yet"])):
            with self.subTest(arguments=arguments):
                assert_one_message(run(arguments, ranks=2 if "--reweight" in arguments else None), code, *words)
                self.assertFalse(output.exists())
        self.assertEqual([path.name for path in self.folder.glob(".*")], [])


if __name__ == "__main__":
    unittest.main()
