"""Models to and from other programs: scikit-learn computes the same with them, files of NumPy and rbms come back as they
went, and those that are broken or made to do harm are refused."""

import io
import os
import struct
import unittest
import zipfile

import h5py
import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import BernoulliRBM

from support import SOURCE, FolderTest, assert_one_message, assert_success, run

DIGITS = SOURCE / "data/digits.h5"
NAMES = {"weights": "components_", "visible_bias": "intercept_visible_", "hidden_bias": "intercept_hidden_"}


def digest(path):
    return assert_success(run(["info", "--digest", path])).stdout.strip()


def random_arrays(visible=6, hidden=4, dtype="float32"):
    random = numpy.random.RandomState(1)
    return {"weights": random.normal(size=(visible, hidden)).astype(dtype),
            "visible_bias": random.normal(size=visible).astype(dtype),
            "hidden_bias": random.normal(size=hidden).astype(dtype)}


def write_model(path, arrays):
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "rbmpi-model"
        for name, array in arrays.items():
            file[f"layer_0/{name}"] = array.astype("float32")
    return path


def npy(array=None, header=None, magic=b"\x93NUMPY\x01\x00", data=None):
    """The bytes of an .npy file, with parts of it replaced."""
    if array is not None and header is None and data is None:
        stream = io.BytesIO()
        numpy.save(stream, array)
        return stream.getvalue()
    text = header.encode() + b"\n"
    return magic + struct.pack("<H", len(text)) + text + (array.tobytes() if data is None else data)


class Exchange(FolderTest):
    def import_model(self, path, *arguments):
        return run(["import-model", path, "--output", self.folder / "imported.h5", *arguments])

    def assert_imported(self, path, arrays, *arguments):
        assert_success(self.import_model(path, *arguments))
        with h5py.File(self.folder / "imported.h5") as file:
            for name, array in arrays.items():
                numpy.testing.assert_array_equal(file[f"layer_0/{name}"][()], array.astype("float32"), err_msg=name)

    def refused(self, path, *fragments, code=3, arguments=()):
        assert_one_message(self.import_model(path, *arguments), code, *fragments)
        self.assertNotIn("imported.h5", self.files())


class ScikitLearn(Exchange):
    def loaded(self, path):
        rbm = BernoulliRBM()  # as the README says
        for name, array in numpy.load(path).items():
            setattr(rbm, name, array)
        return rbm

    def test_transform_is_its_own_for_the_exported_model(self):
        assert_success(run(["train", "--config", SOURCE / "configs/digits-rbm.ini", "--data", DIGITS, "--epochs", 10,
                            "--output", self.folder / "run"], ranks=2))
        assert_success(run(["export", self.folder / "run", "--format", "sklearn", "--output", self.folder / "a.npz"]))
        assert_success(run(["transform", self.folder / "run", DIGITS, "--output", self.folder / "f.h5"], ranks=2))
        rbm = self.loaded(self.folder / "a.npz")
        with h5py.File(DIGITS) as digits, h5py.File(self.folder / "f.h5") as features:
            values = digits["samples"][()] / digits["samples"].attrs["scale"]
            numpy.testing.assert_allclose(features["samples"][()], rbm.transform(values), rtol=0, atol=1e-5)
            self.assertGreater(features["samples"][()].std(), 0.1)
        assert_success(run(["import-model", self.folder / "a.npz", "--output", self.folder / "back.h5"]))
        self.assertEqual(digest(self.folder / "back.h5"), digest(self.folder / "run/model.h5"))

    def test_a_model_of_its_own_comes_in(self):
        random = numpy.random.RandomState(0)
        data = (random.uniform(size=(50, 6)) < 0.3).astype(float)
        rbm = BernoulliRBM(n_components=4, n_iter=2, random_state=0).fit(data)
        numpy.savez(self.folder / "own.npz", components_=rbm.components_, intercept_hidden_=rbm.intercept_hidden_,
                    intercept_visible_=rbm.intercept_visible_)
        self.assert_imported(self.folder / "own.npz", {
            "weights": rbm.components_.T, "visible_bias": rbm.intercept_visible_,
            "hidden_bias": rbm.intercept_hidden_})

    def test_features_of_the_digits_are_good_for_a_classifier(self):
        """scikit-learn's example with features by rbmpi, but no copy of a held-out digit is among those to learn from."""
        with h5py.File(DIGITS) as digits:
            pictures = digits["samples"][()].reshape(-1, 8, 8).astype("float32") / 16
            labels = digits["labels"][()]
        padded = numpy.pad(pictures, ((0, 0), (1, 1), (1, 1)))
        shifts = ((1, 1), (1, 2), (1, 0), (2, 1), (0, 1))
        shifted = numpy.concatenate([padded[:, y:y + 8, x:x + 8] for y, x in shifts]).reshape(-1, 64)
        held_out = numpy.zeros(len(labels), bool)
        held_out[numpy.random.RandomState(0).permutation(len(labels))[:len(labels) // 5]] = True
        held_out, labels = numpy.tile(held_out, 5), numpy.tile(labels, 5)
        for name, rows in (("learn", ~held_out), ("test", held_out)):
            with h5py.File(self.folder / f"{name}.h5", "w") as file:
                file["samples"] = shifted[rows]
                file["labels"] = labels[rows]
        assert_success(run(["train", "--config", SOURCE / "configs/digits-features.ini", "--output", self.folder / "r",
                            "--data", self.folder / "learn.h5"], timeout=300))
        features = {}
        for name in ("learn", "test"):
            file = self.folder / f"{name}-features.h5"
            assert_success(run(["transform", self.folder / "r", self.folder / f"{name}.h5", "--output", file]))
            with h5py.File(file) as made:
                self.assertEqual(made["samples"].shape[1], 100)
                features[name] = made["samples"][()], made["labels"][()]
        classifier = LogisticRegression(C=100, max_iter=500).fit(*features["learn"])
        self.assertGreaterEqual(classifier.score(*features["test"]), 0.94)


class Npz(Exchange):
    def test_there_and_back(self):
        arrays = random_arrays()
        model = write_model(self.folder / "m.h5", arrays)
        for name in ("a.npz", "b.npz"):
            assert_success(run(["export", model, "--format", "npz", "--output", self.folder / name]))
        self.assertEqual((self.folder / "a.npz").read_bytes(), (self.folder / "b.npz").read_bytes())
        with numpy.load(self.folder / "a.npz", allow_pickle=False) as loaded:
            self.assertEqual(sorted(loaded), sorted(arrays))
            for name, array in arrays.items():
                self.assertEqual(loaded[name].dtype, numpy.float32)
                numpy.testing.assert_array_equal(loaded[name], array)
        self.assertEqual((self.folder / "a.npz").stat().st_mode, model.stat().st_mode)
        self.assert_imported(self.folder / "a.npz", arrays)

    def test_what_numpy_writes_is_read(self):
        path = self.folder / "a.npz"
        for dtype in ("<f2", ">f2", "<f4", "<f8", ">f4", ">f8", "|i1", "<i2", ">i4", "<i8", "|u1", ">u2", "<u4", "<u8"):
            for order in ("C", "F"):
                for save in (numpy.savez, numpy.savez_compressed):
                    arrays = {name: numpy.asarray(array, order=order)
                              for name, array in random_arrays(dtype=dtype).items()}
                    save(path, **arrays)
                    self.assert_imported(path, arrays)
        # One column or row is in both orders at once; more arrays than needed do no harm; version 2 of the header.
        arrays = random_arrays(visible=5, hidden=1)
        numpy.savez(path, note=numpy.array(["text"]), **arrays)
        self.assert_imported(path, arrays)
        stream = io.BytesIO()
        numpy.lib.format.write_array(stream, arrays["weights"], version=(2, 0))
        self.write(path, arrays, weights=stream.getvalue())
        self.assert_imported(path, arrays)

    def write(self, path, arrays, **replaced):
        with zipfile.ZipFile(path, "w") as archive:
            for name, array in arrays.items():
                content = replaced.get(name, npy(array))
                if content is not None:
                    archive.writestr(f"{name}.npy", content)

    def test_broken_and_hostile_ones(self):
        path = self.folder / "h.npz"
        arrays = random_arrays()
        weights = arrays["weights"]
        head = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
        for content, fragments in (
                (None, ("no array 'weights'", "visible_bias, hidden_bias", "components_")),
                (b"", ("'weights'", "ends too early")),
                (b"PK not NumPy" * 9, ("'weights'", "does not begin as an .npy file")),
                (npy(weights, head % "(6, 4)", magic=b"\x93NUMPY\x09\x00"), ("version 9",)),
                (npy(weights)[:-1], ("'weights'", "does not fit its 95 bytes")),
                (npy(weights) + b"x", ("does not fit its 97 bytes",)),
                (npy(weights)[:20], ("ends too early",)),
                (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 99, ("header of 4294967295 bytes",)),
                (npy(weights, head % "(6, 5)"), ("shape [6 x 5] of float32 does not fit its 96 bytes",)),
                (npy(weights, head % "(4294967296, 4294967296, )"), ("[4294967296 x 4294967296]",)),
                (npy(weights, head % "(99999999999999999999, 4)"), ("whole numbers of 64 bits",)),
                (npy(weights, head % "(-6, 4)"), ("whole numbers of 64 bits",)),
                (npy(weights, head % "(0, 4)", data=b""), ("it is empty",)),
                (npy(weights, head % "()", data=b"1234"), ("0 dimensions",)),
                (npy(weights, head % "(2, 3, 4)"), ("3 dimensions",)),
                (npy(weights, head % ("(" + "1, " * 33 + ")")), ("more than 32 dimensions",)),
                (npy(weights, head % "6, 4"), ("'(' is missing",)),
                (npy(weights, "{'descr': '<f4', 'shape': (6, 4), }"), ("lacks one of",)),
                (npy(weights, "{'descr': '<f4', 'descr': '<f4', 'shape': (6, 4)}"), ("'descr' twice",)),
                (npy(weights, "{'descr': '|O', 'fortran_order': False, 'shape': (6, 4), }"), ("Python objects", "floats of 16, 32 or 64 bits")),
                (npy(weights.astype("complex64")), ("complex numbers", "array.astype('float32')")),
                (npy(weights.astype("S4")), ("'weights'", "integers")),
                (npy(numpy.full_like(weights, numpy.inf, dtype="float16")), ("'weights'", "not finite")),
                (npy(weights, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6, 4), }"), ("records",)),
                (npy(weights, "{'descr': '<f4', 'fortran_order': 1, 'shape': (6, 4), }"), ("neither True nor False",)),
                (npy(weights, (head % "(6, 4)") + "; import os"), ("goes on behind",)),
                (npy(weights, "__import__('os').system('id')"), ("'{' is missing",)),
                (npy(weights.T), ("weights [4 x 6]", "visible_bias [6]", "do not fit together")),
                (npy(weights[0]), ("weights [4]", "do not fit together")),
                (npy(numpy.full_like(weights, numpy.nan)), ("'weights'", "not finite")),
                (npy(weights.astype("float64") * 1e300), ("'weights'", "not finite in single precision")),
        ):
            with self.subTest(fragments=fragments):
                self.write(path, arrays, weights=content)
                self.refused(path, "h.npz", *fragments)

    def test_broken_archives(self):
        path = self.folder / "h.npz"
        numpy.savez(path, **random_arrays())
        good = path.read_bytes()
        path.write_bytes(good[:len(good) // 2])
        self.refused(path, "h.npz", "no sound .npz file")
        weights = random_arrays()["weights"].tobytes()
        damaged = bytearray(good)
        damaged[good.index(weights) + 5] ^= 1
        path.write_bytes(damaged)
        self.refused(path, "'weights'", "CRC")
        # A member that claims 4 GB in a few bytes.
        numpy.savez_compressed(path, **random_arrays())
        bomb = bytearray(path.read_bytes())
        entry = bomb.index(b"PK\x01\x02")
        bomb[entry + 24:entry + 28] = struct.pack("<I", 0xfffffff0)
        local = bomb.index(b"PK\x03\x04")
        bomb[local + 22:local + 26] = struct.pack("<I", 0xfffffff0)
        path.write_bytes(bomb)
        self.refused(path, "h.npz")
        self.refused(self.folder / "none.npz", "none.npz", "no such file")
        self.refused(self.folder, "it is a folder")
        os.mkfifo(self.folder / "pipe")
        self.refused(self.folder / "pipe", "it is a pipe, not a regular file")
        self.refused("/dev/zero", "it is a device, not a regular file")
        self.refused(DIGITS, "digits.h5", "no model of rbms")
        numpy.save(self.folder / "w.npy", random_arrays()["weights"])
        self.refused(self.folder / "w.npy", "w.npy", "NumPy array (.npy)", ".npz")
        numpy.savez(path, **random_arrays())
        self.refused(path, "update = 3", "one model", code=2, arguments=("--update", 3))


class Rbms(Exchange):
    def write(self, path, updates, dtype="float32", model_type="BBRBM"):
        """As rbms.io.save_model does."""
        with h5py.File(path, "w") as file:
            for number, arrays in updates.items():
                group = file.create_group(f"update_{number}")
                params = group.create_group("params")
                for name, key in (("weights", "weight_matrix"), ("visible_bias", "vbias"), ("hidden_bias", "hbias")):
                    if name in arrays:
                        params[key] = arrays[name].astype(dtype)
                        group[key] = params[key]
                group["time"] = 1.5
            if model_type is not None:
                file["model_type"] = model_type
        return path

    def test_there_and_back(self):
        arrays = random_arrays()
        model = write_model(self.folder / "m.h5", arrays)
        path = self.folder / "a.h5"
        assert_success(run(["export", model, "--format", "rbms", "--update", 300, "--output", path]))
        with h5py.File(path) as file:
            self.assertEqual(file["model_type"][()].decode(), "BBRBM")
            numpy.testing.assert_array_equal(file["update_300/params/weight_matrix"][()], arrays["weights"])
            numpy.testing.assert_array_equal(file["update_300/params/vbias"][()], arrays["visible_bias"])
            numpy.testing.assert_array_equal(file["update_300/params/hbias"][()], arrays["hidden_bias"])
            self.assertEqual(file["parallel_chains"].shape, (100, 6))
            self.assertEqual(set(file["parallel_chains"][()].flat), {0, 1})
            self.assertEqual(numpy.array(file["update_300"]["time"]).item(), 0)
        self.assert_imported(path, arrays)

    def test_the_newest_update_or_the_wanted_one(self):
        first, newest = random_arrays(), random_arrays()
        newest["weights"] = newest["weights"] + 1
        for dtype in ("float32", "float64"):
            path = self.write(self.folder / "a.h5", {9: first, 10: newest}, dtype)
            self.assert_imported(path, newest)
            self.assert_imported(path, first, "--update", 9)
        (self.folder / "imported.h5").unlink()
        self.refused(path, "update = 8", "has 9, 10", code=2, arguments=("--update", 8))

    def test_broken_ones(self):
        path = self.folder / "h.h5"
        arrays = random_arrays()
        for updates, model_type, fragments in (
                ({1: arrays}, "PBRBM", ("model_type = PBRBM", "BBRBM")),
                ({1: arrays}, None, ("no text 'model_type'",)),
                ({}, "BBRBM", ("no group 'update_<n>'",)),
                ({1: {"weights": arrays["weights"]}}, "BBRBM", ("'/update_1/params/vbias' is missing",)),
                ({1: dict(arrays, hidden_bias=arrays["visible_bias"])}, "BBRBM", ("weight_matrix [6 x 4]", "hbias [6]")),
                ({1: dict(arrays, weights=arrays["weights"] * numpy.inf)}, "BBRBM", ("'weight_matrix'", "not finite")),
        ):
            with self.subTest(fragments=fragments):
                self.write(path, updates, model_type=model_type)
                self.refused(path, "h.h5", *fragments)
        self.write(path, {1: arrays}, dtype="int32")
        self.refused(path, "'/update_1/params/weight_matrix'", "float32 or float64")
        self.write(path, {})
        with h5py.File(path, "a") as file:
            file["update_1"] = h5py.ExternalLink("other.h5", "/")
        self.refused(path, "'/update_1' is an external link")
        write_model(path, arrays)
        self.refused(path, "a model of rbmpi already")


class Mistakes(Exchange):
    def test_of_export(self):
        model = write_model(self.folder / "m.h5", random_arrays())
        out = ["--output", self.folder / "out"]
        for code, arguments, fragments in (
                (2, [model, *out], ("--format is missing",)),
                (2, [model, *out, "--format", "pickle"], ("format = pickle", "sklearn, rbms, npz")),
                (2, [model, "--format", "npz"], ("--output FILE is missing",)),
                (2, [model, *out, "--format", "npz", "--update", 2], ("--update goes with",)),
                (2, [model, "--output", model, "--format", "npz"], ("m.h5", "read from")),
                (3, [DIGITS, *out, "--format", "npz"], ("digits.h5", "is no model")),
                (3, [model, "--output", self.folder / "no/out", "--format", "npz"], ("no such folder",)),
                (2, ["--format", "npz", *out], ("no model given",))):
            with self.subTest(arguments=arguments):
                assert_one_message(run(["export", *arguments]), code, *fragments)
                self.assertEqual(self.files(), ["m.h5"])

    def test_what_is_there_of_another_kind_stays(self):
        folder = self.folder / "run"
        folder.mkdir()
        (folder / "config.ini").write_text("hidden = 4\n")
        model = write_model(folder / "model.h5", random_arrays())
        before = model.read_bytes()
        copy = write_model(self.folder / "copy.h5", random_arrays())
        features = ["transform", model, DIGITS, "--output"]
        for arguments, fragment in (
                (["export", folder, "--format", "npz", "--output", model], "belongs to a run"),
                (["export", folder, "--format", "rbms", "--output", folder / "checkpoint-7.h5"], "belongs to a run"),
                (["import-model", copy, "--output", folder / "best.h5"], "belongs to a run"),
                ([*features, folder / "metrics.jsonl"], "belongs to a run"),
                (["sample", folder, "--output", folder / "config.ini"], "belongs to a run"),
                (["report", folder, "--output", model], "belongs to a run"),
                (["report", folder, "--data", copy, "--output", copy], "which is read from"),
                (["report", folder, "--output", copy], "holds a dataset or a model"),
                (["sample", folder, "--png", copy], "holds a dataset or a model"),
                (["export", folder, "--format", "sklearn", "--output", copy], "holds a dataset or a model")):
            with self.subTest(arguments=arguments):
                assert_one_message(run(arguments), 2, fragment, "another name")
        self.assertEqual(model.read_bytes(), before)
        self.assertEqual(sorted(os.listdir(folder)), ["config.ini", "model.h5"])
        # What is of the same kind may be replaced.
        numpy.savez(self.folder / "m.npz", **random_arrays())
        assert_success(run(["import-model", self.folder / "m.npz", "--output", copy]))


if __name__ == "__main__":
    unittest.main()
