#!/usr/bin/env python3
"""rbmpi train and finetune on files that are no datasets: they are imported once, beside the run."""

import csv
import gzip
import os
import struct
import unittest

import h5py
import numpy

from support import FolderTest, assert_one_message, assert_success, run

RANDOM = numpy.random.default_rng(7)
PATTERNS = RANDOM.integers(0, 2, (5, 12))
WHICH = RANDOM.integers(0, 5, 90)
ROWS = numpy.abs(PATTERNS[WHICH] - (RANDOM.random((90, 12)) < 0.05)).astype(numpy.uint8)
KINDS = ["ant", "bee", "cat", "dog", "eel"]


def write_csv(path, rows=ROWS, labels=None):
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow([f"unit{i}" for i in range(rows.shape[1])] + ([] if labels is None else ["label"]))
        for i, row in enumerate(rows):
            table.writerow(list(row) + ([] if labels is None else [labels[i]]))
    return path


def write_npy(path):
    numpy.save(path, ROWS.astype(numpy.int64))
    return path


def write_idx(path):
    pictures = (ROWS * 255).reshape(-1, 3, 4)
    with gzip.open(path, "wb") as file:
        file.write(struct.pack(">HBB3I", 0, 8, 3, *pictures.shape) + pictures.tobytes())
    return path


def write_foreign(path):
    with h5py.File(path, "w") as file:
        file["X"] = ROWS.astype(numpy.int32)
    return path


def write_cube(path):
    with h5py.File(path, "w") as file:
        file["samples"] = ROWS.reshape(-1, 3, 4)
    return path


def write_matlab(path):
    """As MATLAB 7.3 does: the matrix stands transposed in the file."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["samples"] = ROWS.T.astype(float)
        file["samples"].attrs["MATLAB_class"] = numpy.bytes_("double")
    return path


FILES = {"a.csv": write_csv, "a.npy": write_npy, "images.gz": write_idx, "foreign.h5": write_foreign,
         "cube.h5": write_cube, "seven.mat": write_matlab}


def digest(result):
    return [line.split()[1] for line in result.stdout.splitlines() if line.startswith("  digest")][0]


class DirectData(FolderTest):
    def train(self, data, *more, name="run", epochs=2, **how):
        return run(["train", "--data", data, "--hidden", "5", "--epochs", epochs, "--output", self.folder / name, *more],
                   **how)

    def stored(self, name):
        with h5py.File(self.folder / name) as file:
            return file["samples"][()]

    def test_it_is_as_imported_by_hand(self):
        for name, write in FILES.items():
            with self.subTest(name):
                file = write(self.folder / name)
                assert_success(run(["import", file, "--output", self.folder / "hand.h5"]))
                numpy.testing.assert_array_equal(self.stored("hand.h5") > 0, ROWS > 0)
                right = digest(assert_success(self.train(self.folder / "hand.h5", "--fresh", name="hand")))
                for ranks in (1, 3):
                    result = assert_success(self.train(file, name=f"{name}-{ranks}", ranks=ranks))
                    self.assertIn(f"data        {file} is ", result.stdout)
                    self.assertIn(f"converted to {self.folder / f'{name}-{ranks}.data.h5'}", result.stdout)
                    self.assertEqual(digest(result), right)

    def test_a_dataset_is_taken_as_it_is(self):
        with h5py.File(self.folder / "a.h5", "w") as file:
            file["samples"] = ROWS
            file["samples"].attrs["scale"] = 1.0
        assert_success(self.train(self.folder / "a.h5"))
        self.assertEqual(self.files(), ["a.h5", "run"])

    def test_it_is_used_again_until_the_file_changes(self):
        file = write_csv(self.folder / "a.csv")
        first = assert_success(self.train(file))
        made = (self.folder / "run.data.h5").stat().st_mtime_ns
        again = assert_success(self.train(file, epochs=4, ranks=3))
        self.assertIn("was converted before", again.stdout)
        self.assertEqual((self.folder / "run.data.h5").stat().st_mtime_ns, made)
        one_piece = assert_success(self.train(file, epochs=4, name="one"))
        self.assertEqual(digest(again), digest(one_piece))

        os.utime(file, ns=(0, 10**18))  # of the same length and content, as far as the time tells another one
        touched = assert_success(self.train(file, epochs=4))
        self.assertIn("converted to", touched.stdout)
        self.assertEqual(digest(touched), digest(again))

        write_csv(file, ROWS[:50])
        assert_one_message(self.train(file, epochs=5), 2, "on other data", "--fresh")
        numpy.testing.assert_array_equal(self.stored("run.data.h5"), ROWS[:50])
        fresh = assert_success(self.train(file, "--fresh"))
        self.assertIn("was converted before", fresh.stdout)
        self.assertNotEqual(digest(fresh), digest(first))

    def test_a_run_in_a_new_folder_with_a_slash(self):
        file = write_csv(self.folder / "a.csv")
        assert_success(run(["train", "--data", file, "--hidden", "3", "--epochs", "1", "--output",
                            f"{self.folder}/runs/a/"]))
        self.assertEqual(sorted(path.name for path in (self.folder / "runs").iterdir()), ["a", "a.data.h5"])

    def test_validation_is_converted_as_well(self):
        file = write_csv(self.folder / "a.csv")
        other = write_csv(self.folder / "b.csv", ROWS[:40])
        result = assert_success(self.train(file, "--validation", other, ranks=3))
        self.assertIn(f"validation  {other} is ", result.stdout)
        numpy.testing.assert_array_equal(self.stored("run.validation.h5"), ROWS[:40])

    def test_the_report_finds_the_data(self):
        def finds_data_of(name):
            assert_success(run(["report", self.folder / name, "--output", self.folder / "page.html"]))
            return "could not be used" not in (self.folder / "page.html").read_text()

        images = write_idx(self.folder / "images.gz")
        assert_success(self.train(images))
        self.assertTrue(finds_data_of("run"))
        # Those of a run that --fresh moved are where they were, unless they were made anew since.
        assert_success(self.train(images, "--fresh"))
        self.assertTrue(finds_data_of("run.old-1"))
        os.utime(images, ns=(0, 10**18))
        assert_success(self.train(images, "--fresh"))
        self.assertTrue(finds_data_of("run"))
        self.assertFalse(finds_data_of("run.old-2"))

    def test_refusals(self):
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                texts = write_csv(self.folder / "texts.csv", ROWS, [KINDS[k] for k in WHICH])
                texts.write_text(texts.read_text().replace("label", "animal"))
                assert_one_message(self.train(texts, ranks=ranks), 3, "animal", "--label-column",
                                   f"rbmpi import '{texts}' ... --output NEW.h5", "data = NEW.h5")
                numpy.savez(self.folder / "two.npz", first=ROWS, second=ROWS)
                assert_one_message(self.train(self.folder / "two.npz", ranks=ranks), 3, "first", "second", "--array",
                                   "--output NEW.h5")
                (self.folder / "noise.gz").write_bytes(b"\x1f\x8b" + bytes(100))
                assert_one_message(self.train(self.folder / "noise.gz", ranks=ranks), 3, "noise.gz")
                assert_one_message(self.train(self.folder / "nowhere.csv", ranks=ranks), 3, "no such file")
                self.assertNotIn("run", self.files())
                self.assertNotIn("run.data.h5", self.files())

    def test_no_file_of_another_is_replaced(self):
        file = write_csv(self.folder / "a.csv")
        assert_success(run(["import", write_npy(self.folder / "a.npy"), "--output", self.folder / "run.data.h5"]))
        before = (self.folder / "run.data.h5").read_bytes()
        assert_one_message(self.train(file, ranks=3), 2, "run.data.h5", "is there", "a.csv")
        self.assertEqual((self.folder / "run.data.h5").read_bytes(), before)

    def test_labels_that_do_not_fit_the_rows_are_not_left_out(self):
        with h5py.File(self.folder / "a.h5", "w") as file:
            file["samples"] = ROWS
            file["labels"] = WHICH[:-1]
        assert_one_message(self.train(self.folder / "a.h5"), 3, "/labels", "89")

    def finetune(self, data, *more, **how):
        return run(["finetune", self.folder / "run", "--data", data, "--epochs", "30", "--batch-size", "10", "--output",
                    self.folder / "net", *more], **how)

    def test_finetune_on_labels_that_are_texts(self):
        file = write_csv(self.folder / "a.csv", ROWS, [KINDS[k] for k in WHICH])
        assert_success(self.train(file, epochs=20))
        result = assert_success(self.finetune(file, ranks=3))
        self.assertIn("converted to", result.stdout)
        with h5py.File(self.folder / "net.data.h5") as data:
            self.assertEqual([name.decode() for name in data["class_names"]], KINDS)
            numpy.testing.assert_array_equal(data["labels"], WHICH)

    def test_classes_that_mean_something_else_are_refused(self):
        file = write_csv(self.folder / "a.csv", ROWS, [KINDS[k] for k in WHICH])
        few = WHICH > 1
        other = write_csv(self.folder / "b.csv", ROWS[few], [KINDS[k] for k in WHICH[few]])
        assert_success(self.train(file, "--validation", other))  # to which labels mean nothing
        result = self.finetune(file, "--validation", other, ranks=3)
        self.assertEqual(result.code, 3, result)
        self.assertRegex(result.messages[-1], "b.csv: the class of the label 0 is 'cat', but 'ant' in .*--map")


if __name__ == "__main__":
    unittest.main()
