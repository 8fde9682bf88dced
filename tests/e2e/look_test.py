#!/usr/bin/python3
"""The look at the data before they are used: what would be misread is refused with both ways out, what is odd gets a
line, and `rbmpi info` shows it all; alone and on three ranks."""

import json
import re
import unittest

import h5py
import numpy as np

from support import FolderTest, assert_one_message, assert_success, run

FILE, USAGE = 3, 2


class LookTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(5)

    def write(self, name, samples, labels=None, scale=None, **arrays):
        """A dataset as another program writes it."""
        path = self.folder / name
        with h5py.File(path, "w") as file:
            file["samples"] = samples
            if scale is not None:
                file["samples"].attrs["scale"] = scale
            if labels is not None:
                file["labels"] = np.asarray(labels, np.int32)
            for array, values in arrays.items():
                file[array] = values
        return path

    def bits(self, rows=60, columns=12):
        return self.random.integers(0, 2, (rows, columns), dtype=np.uint8)

    def train(self, data, *options, output="run", ranks=None, epochs=1):
        return run(["train", "--data", data, "--hidden", 3, "--epochs", epochs, "--output", self.folder / output,
                    *options], ranks=ranks)

    def finetune(self, data, *options, output="net", ranks=None):
        return run(["finetune", "--from-scratch", "--layers", 3, "--data", data, "--epochs", 1, "--output",
                    self.folder / output, *options], ranks=ranks)

    def notes(self, result):
        """Those on the data: of the machine there may be others."""
        assert_success(result)
        notes = [line.split(maxsplit=1)[1] for line in result.stdout.splitlines() if line.split()[:1] == ["note"]]
        return [note for note in notes if "threads on" not in note]

    def info(self, *arguments):
        return json.loads(assert_success(run(["info", "--json", *arguments])).stdout)

    def findings(self, path, *options):
        return [(finding["kind"], finding["severity"]) for finding in self.info(path, *options)["findings"]]


class Scale(LookTest):
    """Small whole numbers as bytes, of which nobody says what 1.0 is."""

    def both_ways(self, result, path, largest):
        assert_one_message(result, FILE, path.name, "(uint8), and nothing says which value means 1.0",
                           f"--scale {largest} if {largest} means 1.0", "--scale 255 if 255 does",
                           f"rbmpi import '{path}' --scale {largest} --output NEW.h5")

    def test_training_wants_to_be_told(self):
        for largest in (1, 16, 127):
            values = self.random.integers(0, largest + 1, (60, 12)).astype(np.uint8)
            values[0, 0] = largest
            data = self.write(f"a{largest}.h5", values, np.arange(60) % 3)
            for ranks in (None, 3):
                self.both_ways(self.train(data, ranks=ranks), data, largest)
                self.both_ways(self.finetune(data, ranks=ranks), data, largest)
        self.assertEqual(self.files(), ["a1.h5", "a127.h5", "a16.h5"])

    @staticmethod
    def without_time(text):
        return re.sub(r'"seconds": .*', "", text)

    def test_near_255_nothing_is_asked(self):
        values = self.random.integers(0, 129, (60, 12)).astype(np.uint8)
        values[0, 0] = 128
        self.assertEqual(self.notes(self.train(self.write("a.h5", values))), [])

    def test_the_scale_settles_it(self):
        bits = self.bits()
        data = self.write("a.h5", bits, np.arange(60) % 3)
        said = self.write("said.h5", bits, np.arange(60) % 3, scale=1)
        digest = self.info(said)["digest"]
        self.assertEqual(self.info(data, "--scale", 1)["digest"], digest)
        self.assertNotEqual(self.info(data)["digest"], digest)
        models = set()
        for name, file, options, ranks in (("a", said, [], None), ("b", data, ["--scale", 1], None),
                                           ("c", data, ["--scale", 1], 3), ("d", said, ["--scale", "auto"], 3)):
            self.assertEqual(self.notes(self.train(file, *options, output=name, ranks=ranks)), [])
            models.add(assert_success(run(["info", "--digest", self.folder / name / "model.h5"])).stdout)
        self.assertEqual(len(models), 1)
        self.assertIn("scale = 1\n", (self.folder / "b/config.ini").read_text())
        self.assertIn("scale = auto\n", (self.folder / "a/config.ini").read_text())
        # 255 is the other way: all values are small then, which is said.
        notes = self.notes(self.train(data, "--scale", 255, output="e"))
        self.assertEqual(len(notes), 1)
        self.assertIn("its largest value is 1, but 255 means 1.0, so all are at most 0.0039", notes[0])
        self.assertEqual(self.notes(self.finetune(data, "--scale", 1, ranks=3)), [])

    def test_a_run_goes_on_with_its_scale_alone(self):
        data = self.write("a.h5", self.bits())
        assert_success(self.train(data, "--scale", 1))
        assert_success(self.train(data, "--scale", 1, epochs=2))
        assert_one_message(self.train(data, "--scale", 255, epochs=3), USAGE, "on other data", "data = ")
        # Who says in the file what the run was told goes on without being told.
        with h5py.File(data, "a") as file:
            file["samples"].attrs["scale"] = 1
        assert_success(self.train(data, epochs=3))

    def test_the_file_to_validate_on(self):
        data = self.write("a.h5", self.bits(), scale=1)
        other = self.write("b.h5", self.bits())
        self.both_ways(self.train(data, "--validation", other, ranks=3), other, 1)
        self.assertEqual(self.notes(self.train(data, "--validation", other, "--scale", 1)), [])

    def test_who_uses_a_model(self):
        bits, labels = self.bits(), np.arange(60) % 3
        data = self.write("a.h5", bits, labels)
        said = self.write("said.h5", bits, labels, scale=1)
        assert_success(self.train(said))
        assert_success(self.finetune(said))
        model, net = self.folder / "run", self.folder / "net"
        for name, command in (
                ("evaluate", ["evaluate", model, data, "--json"]),
                ("evaluate a net", ["evaluate", net, data, "--json"]),
                ("transform", ["transform", model, data, "--output", self.folder / "out"]),
                ("transform by a net", ["transform", net, data, "--output", self.folder / "out"]),
                ("predict", ["predict", net, data, "--output", self.folder / "out"]),
                ("sample", ["sample", model, data, "--steps", 1, "--output", self.folder / "out"])):
            with self.subTest(name):
                for ranks in (None, 3):
                    self.both_ways(run(command, ranks=ranks), data, 1)
                self.assertNotIn("out", self.files())
                told = assert_success(run([*command, "--scale", 1], ranks=3))
                self.assertEqual(told.stderr, "")
                of_said = assert_success(run([said if one == data else one for one in command]))
                self.assertEqual(self.without_time(told.stdout.replace(str(data), str(said))),
                                 self.without_time(of_said.stdout))
                (self.folder / "out").unlink(missing_ok=True)
        # What is odd, but what the file says, is a warning.
        small = self.write("small.h5", bits, scale=255)
        result = assert_success(run(["evaluate", model, small, "--log-z", "off"], ranks=3))
        self.assertEqual(len(result.messages), 1)
        self.assertIn("small.h5': its largest value is 1, but 255 means 1.0", result.messages[0])
        assert_one_message(run(["sample", model, "--steps", 1, "--output", self.folder / "out", "--scale", 1]), USAGE,
                           "--scale wants DATA")

    def test_a_mask(self):
        bits = self.bits()
        data = self.write("said.h5", bits, scale=1)
        assert_success(self.train(data))
        mask = self.write("mask.h5", bits[:1])
        sample = ["sample", self.folder / "run", data, "--steps", 1, "--output", self.folder / "out.h5", "--clamp"]
        assert_one_message(run([*sample, mask]), FILE, "--clamp", "mask.h5", "whether 1 or 255 means 1.0", "--scale 1")
        assert_success(run([*sample, self.write("mask255.h5", bits[:1] * 255)]))
        with h5py.File(self.folder / "out.h5") as file:
            of_255 = file["samples"][()]
        assert_success(run([*sample, self.write("mask1.h5", bits[:1], scale=1)]))
        with h5py.File(self.folder / "out.h5") as file:
            np.testing.assert_array_equal(file["samples"][()], of_255)
            np.testing.assert_array_equal(file["samples"][0, bits[0] == 1], bits[0, bits[0] == 1])

    def test_a_report_takes_that_of_the_run(self):
        data = self.write("a.h5", self.bits())
        assert_success(self.train(data, "--scale", 1))
        report = ["report", self.folder / "run"]
        page = self.folder / "run/report.html"
        assert_success(run(report))
        of_run = page.read_text()
        assert_success(run([*report, "--scale", 1]))
        self.assertEqual(page.read_text(), of_run)
        assert_success(run([*report, "--scale", 255]))
        self.assertNotEqual(page.read_text(), of_run)

    def test_what_is_no_scale(self):
        data = self.write("a.h5", self.bits())
        for text in ("0", "-1", "1e-50", "nan", "one"):
            for result in (self.train(data, "--scale", text), run(["info", data, "--scale", text])):
                assert_one_message(result, USAGE, "--scale", text, "auto or a positive number")
        assert_one_message(self.train(data, "--scale", 0.5), FILE, "a.h5", "is 1", "[0, 0.5]")


class Columns(LookTest):
    def numbered(self, first=0, step=1, rows=60):
        values = self.random.random((rows, 5))
        values[:, 2] = first + step * np.arange(rows)
        return values

    def test_numbers_of_rows_are_refused(self):
        data = self.write("a.h5", self.numbered(), np.arange(60) % 3, scale=100.0)
        names = self.write("b.h5", self.numbered(100, -1), np.arange(60) % 3, scale=100.0,
                           column_names=["a", "b", "row id", "d", "e"])
        for ranks in (None, 3):
            for command in (self.train, self.finetune):
                assert_one_message(command(data, ranks=ranks), FILE, "a.h5", "column 3 (counted from 1) numbers the rows",
                                   "(0, 1, 2, ...)", f"rbmpi import '{data}' --drop 3 --output NEW.h5")
                assert_one_message(command(names, ranks=ranks), FILE, "column 3 (counted from 1), 'row id', numbers",
                                   "(100, 99, 98, ...)", "--drop 'row id'")
        self.assertEqual(self.findings(data), [("counting-column", "error")])
        self.assertIn("refused  column 3", assert_success(run(["info", data])).stdout)

    def test_others_are_not(self):
        values = self.numbered()
        values[59, 2] = 0
        self.assertEqual(self.notes(self.train(self.write("a.h5", values, scale=100.0))), [])
        few = self.write("few.h5", self.numbered(rows=7), scale=10.0)
        self.assertEqual(self.notes(self.train(few, output="few")), [])

    def test_rbmpi_made_the_file_so(self):
        data = self.write("a.h5", self.numbered(), scale=100.0)
        with h5py.File(data, "a") as file:
            file.attrs["format"] = "rbmpi-dataset"
        notes = self.notes(self.train(data, ranks=3))
        self.assertEqual(len(notes), 1)
        self.assertIn("data: column 3 (counted from 1) numbers the rows (0, 1, 2, ...); it stays", notes[0])
        result = assert_success(run(["evaluate", self.folder / "run", data]))
        self.assertIn("numbers the rows", result.stderr)

    def test_constant_ones_are_of_info_alone(self):
        values = self.bits()
        values[:, [1, 4]] = 1
        data = self.write("a.h5", values, scale=1)
        self.assertEqual(self.notes(self.train(data)), [])
        seen = self.info(data)
        self.assertEqual(seen["constant_columns"], {"count": 2, "first": [1, 4]})
        self.assertIn(("constant-columns", "information"), self.findings(data))
        self.assertIn("constant 2 columns (2, 5; counted from 1)", assert_success(run(["info", data])).stdout)

    def test_equal_rows_are_noted(self):
        data = self.write("a.h5", np.repeat(self.bits(1), 40, axis=0), scale=1)
        notes = self.notes(self.train(data, ranks=3))
        self.assertEqual(notes, ["data: all 40 rows are equal: there is nothing to learn"])

    def test_files_of_netcdf(self):
        """Packed values are not what is stored: nobody takes them as they are."""
        data = self.write("packed.nc", self.bits() * 200)
        with h5py.File(data, "a") as file:
            file["samples"].attrs["scale_factor"] = 0.005
        for result in (self.train(data), run(["info", data])):
            assert_one_message(result, FILE, "packed.nc", "'/samples' is packed (NetCDF)", "0.005 x what is stored + 0")
        # What stands for missing values is for the import, which trainings do by themselves.
        data = self.write("missing.nc", self.bits() * 200)
        with h5py.File(data, "a") as file:
            file["samples"].attrs["_FillValue"] = np.uint8(200)
            file["samples"].attrs["valid_min"] = 0
        assert_one_message(self.train(data), FILE, "missing.nc", "of its values are missing", "is 200")
        assert_one_message(run(["info", data]), FILE, "200 stands for what is missing (NetCDF)", f"rbmpi import '{data}'")
        with h5py.File(data, "a") as file:
            file["samples"].attrs["missing_value"] = [201, 202]
        assert_one_message(run(["info", data]), FILE, "200 and 201 and 202 stand for what is missing (NetCDF)")
        # Likewise what is valid.
        data = self.write("valid.nc", self.bits(), scale=1)
        with h5py.File(data, "a") as file:
            file["samples"].attrs["valid_max"] = 1
        assert_one_message(run(["info", data]), FILE, "its valid values are at most 1 (NetCDF)", f"rbmpi import '{data}'")
        assert_success(self.train(data))

    def test_a_list_of_ratings(self):
        rows = 60
        ratings = np.c_[7 * np.arange(rows) % 5, 90 + np.arange(rows) % 7, 1 + np.arange(rows) % 2].astype(np.uint8)
        data = self.write("a.h5", ratings, scale=100)
        self.assertIn("list of entries (row, column, value)", self.notes(self.train(data))[0])
        self.assertIn(("list-of-entries", "note"), self.findings(data))
        self.assertEqual(self.findings(self.write("b.h5", ratings[:, [0, 2, 1]], scale=100)), [])

    def test_files_of_matlab(self):
        data = self.write("a.mat", self.random.random((5, 60)))
        with h5py.File(data, "a") as file:
            file["samples"].attrs["MATLAB_class"] = np.bytes_("double")
        # Trainings import it, as MATLAB shows it; others say how.
        for ranks in (None, 3):
            result = assert_success(self.train(data, ranks=ranks, output=f"run{ranks}"))
            self.assertIn("a.mat: 60 rows x 5 float32", result.stdout)
        for result in (run(["info", data]), run(["evaluate", self.folder / "run3", data])):
            assert_one_message(result, FILE, "a.mat", "MATLAB", "rows and columns exchanged",
                               f"rbmpi import '{data}' --output NEW.h5")


class Order(LookTest):
    """Rows sorted by class, the last of which are held out."""

    HELP = "validation-rows = sample holds out rows from all over"

    def data(self, labels, name="a.h5", **arrays):
        return self.write(name, self.bits(len(labels)), labels, scale=1, **arrays)

    def test_training_says_so(self):
        data = self.data(np.repeat([0, 1, 2], 20), class_names=["ape", "bee", "cat"])
        for ranks in (None, 3):
            notes = self.notes(self.train(data, "--validation", 0.1, output=f"run{ranks}", ranks=ranks))
            self.assertEqual(notes, ["the rows are sorted by class, and the last 6 rows, which validation = 0.1 holds "
                                     "out, are all of class 2 ('cat'); " + self.HELP])
            notes = self.notes(self.finetune(data, "--validation", 0.1, output=f"net{ranks}", ranks=ranks))
            self.assertEqual(len(notes), 1)
        notes = self.notes(self.train(data, "--validation", 0.5, output="half"))
        self.assertIn("are all of classes 1 ('bee'), 2 ('cat'); no row of class 2 ('cat') is trained on; ", notes[0])
        self.assertEqual(self.notes(self.train(data, output="without")), [])

    def test_classes_that_are_not_trained_on(self):
        data = self.data(np.r_[np.arange(54) % 2, [0, 1, 2, 2, 0, 1]])
        notes = self.notes(self.train(data, "--validation", 0.1))
        self.assertEqual(notes, ["the last 6 rows, which validation = 0.1 holds out, have classes of their own; no row "
                                 "of class 2 is trained on; " + self.HELP])

    def test_shuffled_rows_are_as_they_should_be(self):
        data = self.data(np.arange(60) % 3)
        self.assertEqual(self.notes(self.train(data, "--validation", 0.1)), [])
        self.assertEqual(self.notes(self.finetune(data, "--validation", 0.1)), [])

    def test_a_sample_is_held_out_of_each_class(self):
        data = self.data(np.repeat([0, 1, 2], 20))
        sample = ("--validation", 0.5, "--validation-rows", "sample")
        digests = set()
        for ranks, more in ((None, ()), (3, ()), (4, ("--ranks-per-node", 2))):
            result = self.finetune(data, *sample, *more, output=f"net{ranks}", ranks=ranks)
            self.assertEqual(self.notes(assert_success(result)), [])
            self.assertEqual(self.notes(self.train(data, *sample, *more, output=f"run{ranks}", ranks=ranks)), [])
            with h5py.File(self.folder / f"run{ranks}/model.h5") as file:
                digests.add(file["layer_0/weights"][()].tobytes())
        self.assertEqual(len(digests), 1)
        # Trained on the other half alone: other rows than those before the last ones, another model.
        self.train(data, "--validation", 0.5, output="tail")
        with h5py.File(self.folder / "tail/model.h5") as file:
            self.assertNotIn(file["layer_0/weights"][()].tobytes(), digests)
        assert_one_message(self.train(data, "--validation-rows", "some"), 2, "validation-rows", "tail")
        page = assert_success(run(["report", self.folder / "netNone"]))
        self.assertIn("report.html", page.stdout)

    def test_a_classifier_cannot_do_without(self):
        data = self.data(np.repeat([0, 1, 2], 20))
        for ranks in (None, 3):
            assert_one_message(self.finetune(data, "--validation", 0.5, ranks=ranks), FILE, "a.h5",
                               "the label of row 40 (counted from 0) is 2; no training row has that label: the rows are "
                               "sorted by class, and the last ones are held out; " + self.HELP)
        mixed = self.data(np.r_[np.arange(54) % 2, [0, 1, 2, 2, 0, 1]], "mixed.h5")
        result = assert_one_message(self.finetune(mixed, "--validation", 0.1), FILE, "the label of row 56",
                                    "no training row has that label")
        self.assertNotIn("sorted", result.stderr)


class Info(LookTest):
    def test_what_it_shows(self):
        values = self.bits(50, 12)
        values[:, 3] = 0
        values[7] = values[8] = values[9]
        values[20] = 0
        labels = np.repeat([2, 0, 1], [10, 15, 25])
        weights = self.random.random(50)
        data = self.write("a.h5", values, labels, scale=1, class_names=["ape", "bee", "cat"], weights=weights,
                          column_names=[f"c{i}" for i in range(12)], row_names=[f"r{i}" for i in range(50)])
        with h5py.File(data, "a") as file:
            file["samples"].attrs["shape"] = (3, 4)
        duplicates = 50 - len({row.tobytes() for row in values})
        constant_rows = sum(len(set(row)) == 1 for row in values)
        seen = self.info(data)
        self.assertEqual(seen["kind"], "zeros-and-ones")
        self.assertTrue(seen["scale_said"])
        self.assertEqual(seen["duplicate_rows"], duplicates)
        self.assertEqual(seen["constant_rows"], constant_rows)
        self.assertEqual(seen["labels"], {
            "count": 50, "classes": 3, "minimum": 0, "maximum": 2, "sorted_by_class": True,
            "counts": [{"label": 0, "name": "ape", "rows": 15}, {"label": 1, "name": "bee", "rows": 25},
                       {"label": 2, "name": "cat", "rows": 10}]})
        single = weights.astype(np.float32).astype(float)
        self.assertAlmostEqual(seen["weights"]["sum"], single.sum())
        self.assertAlmostEqual(seen["weights"]["minimum"], single.min())
        self.assertAlmostEqual(seen["weights"]["maximum"], single.max())
        self.assertAlmostEqual(seen["weights"]["effective_rows"], single.sum()**2 / (single**2).sum())
        self.assertEqual(seen["row_names"], ["r0", "r1", "r2", "r3", "r4"])
        self.assertEqual(seen["column_names"], ["c0", "c1", "c2", "c3", "c4"])
        means = single @ values / single.sum()
        self.assertAlmostEqual(seen["weights"]["weighted_mean"], means.mean())
        self.assertAlmostEqual(seen["mean"], values.mean())
        np.testing.assert_allclose(seen["mean_picture"], means.reshape(3, 4))
        self.assertEqual([finding["kind"] for finding in seen["findings"]],
                         ["constant-columns", "duplicate-rows", "sorted-by-class"])
        text = assert_success(run(["info", data], ranks=3)).stdout
        for line in ("  type     uint8, 1 means 1.0\n", "  stored   dense\n", "  range    0 to 1: zeros and ones\n",
                     f"  zeros    {100 * (values == 0).mean():.2f} %, so {100 * values.mean():.2f} % are not 0\n",
                     f"  constant 1 column ('c3'), {constant_rows} row", f"  repeated {duplicates} row",
                     "  labels   3 different, 0 to 2, rows sorted by class\n", "25 rows (50.00 %) of class 1 ('bee')\n",
                     "  rows     are called 'r0', 'r1', 'r2', 'r3', 'r4', ...\n",
                     "  columns  are called 'c0', 'c1', 'c2', 'c3', 'c4', ...\n", "rows of equal weight\n",
                     "  mean of all rows by their weights, @ is ",
                     f"  mean     {means.mean():.6g} weighted, {values.mean():.6g} of rows that count alike (1.0 is full)\n",
                     "  note     the rows are sorted by class"):
            self.assertIn(line, text)

    def test_kinds_of_values(self):
        for kind, words, values, scale in (
                ("two-valued", "0 and 255", self.bits() * 255, None), ("two-valued", "0 and 0.5", self.bits() * 0.5, None),
                ("whole", "grey values in 256 steps", self.random.integers(0, 256, (60, 4), np.uint8), None),
                ("whole", "grey values in 17 steps", self.random.integers(0, 17, (60, 4), np.uint8), 16),
                ("real", "real numbers", self.random.random((60, 4)), None)):
            data = self.write("a.h5", values, scale=scale)
            self.assertEqual(self.info(data)["kind"], kind)
            self.assertIn(f": {words}\n", assert_success(run(["info", data])).stdout)
        self.assertIn("255 means 1.0, as nothing else is said",
                      assert_success(run(["info", self.write("b.h5", self.bits() * 255)])).stdout)

    def test_many_classes(self):
        data = self.write("a.h5", self.bits(60), np.arange(60) % 30, scale=1)
        text = assert_success(run(["info", data])).stdout
        self.assertEqual(text.count(" of class "), 20)
        self.assertIn("        ...\n", text)
        self.assertEqual(len(self.info(data)["labels"]["counts"]), 30)

    def test_large_pictures_are_made_smaller(self):
        values = np.zeros((10, 65 * 40), np.uint8)
        values.reshape(10, 65, 40)[:, :, 20:] = 255
        data = self.write("a.h5", values)
        with h5py.File(data, "a") as file:
            file["samples"].attrs["shape"] = (65, 40)
        picture = np.array(self.info(data)["mean_picture"])
        self.assertEqual(picture.shape, (22, 14))  # cells of 3 x 3, those at the edges smaller
        np.testing.assert_allclose(picture[:, :6], 0)
        np.testing.assert_allclose(picture[:, 6], 1 / 3)
        np.testing.assert_allclose(picture[:, 7:], 1)
        lines = assert_success(run(["info", data])).stdout.split("@ is 1:\n")[1].splitlines()
        self.assertEqual(lines[:22], ["    " + 12 * " " + "--" + 14 * "@"] * 22)

    def test_sparse_rows(self):
        path = self.folder / "sparse.h5"
        with h5py.File(path, "w") as file:
            group = file.create_group("samples")
            group.attrs["shape"] = (4, 10)
            group["data"] = np.array([1, 1, 1], np.uint8)
            group["indices"] = np.array([2, 5, 2], np.int32)
            group["indptr"] = np.array([0, 2, 2, 3, 3], np.int64)
        seen = self.info(path)
        self.assertTrue(seen["sparse"])
        self.assertEqual(seen["stored_values"], 3)
        self.assertEqual(self.findings(path)[0], ("scale-unsaid", "error"))
        self.assertIn("  stored   sparse, 3 values\n", assert_success(run(["info", path])).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
