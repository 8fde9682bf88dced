"""`rbmpi sample` and `rbmpi transform` as a user meets them: the same files on any number of ranks, clamped units, pictures,
every mistake."""

import shutil
import struct
import unittest
import zlib

import h5py
import numpy

from support import SOURCE, FolderTest, assert_one_message, assert_success, run

DIGITS = SOURCE / "data/digits.h5"


def write_model(path, visible=64, hidden=10, seed=1, dataset=None):
    random = numpy.random.RandomState(seed)
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "rbmpi-model"
        if dataset is not None:
            file.attrs["dataset"] = str(dataset)
        layer = file.create_group("layer_0")
        layer["weights"] = random.normal(size=(visible, hidden)).astype("float32") / 2
        layer["visible_bias"] = random.normal(size=visible).astype("float32")
        layer["hidden_bias"] = random.normal(size=hidden).astype("float32")
    return path


def digest(path):
    return assert_success(run(["info", "--digest", path])).stdout.strip()


def read_png(path):
    """The points of an 8-bit grey PNG, [height x width]."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n", content[:8]
    place, packed = 8, b""
    while place < len(content):
        length, kind = struct.unpack(">I4s", content[place:place + 8])
        body = content[place + 8:place + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", content[place + 8 + length:place + 12 + length])[0]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) == (8, 0)
        packed += body if kind == b"IDAT" else b""
        place += 12 + length
    rows = numpy.frombuffer(zlib.decompress(packed), numpy.uint8).reshape(height, width + 1)
    points = numpy.zeros((height + 1, width + 1), int)  # with a border of zeros above and to the left
    for y in range(height):
        for x in range(width):
            left, above, corner = points[y + 1, x], points[y, x + 1], points[y, x]
            guess = left + above - corner
            distances = [abs(guess - left), abs(guess - above), abs(guess - corner)]
            paeth = (left, above, corner)[distances.index(min(distances))]
            filters = (0, left, above, (left + above) // 2, paeth)
            points[y + 1, x + 1] = (rows[y, x + 1] + filters[rows[y, 0]]) % 256
    return points[1:, 1:]


class Sampling(FolderTest):
    def setUp(self):
        super().setUp()
        self.model = write_model(self.folder / "model.h5")

    def sample(self, *arguments, ranks=None, model=None):
        return run(["sample", model or self.model, *arguments], ranks=ranks)

    def refused(self, code, *fragments, arguments, model=None):
        before = self.files()
        assert_one_message(self.sample(*arguments, model=model), code, *fragments)
        self.assertEqual(self.files(), before)


class Samples(Sampling):
    def test_the_same_on_one_to_four_ranks(self):
        files = []
        for ranks in (None, 1, 2, 3, 4):
            for values in ("states", "probabilities"):
                file = self.folder / f"{ranks}-{values}.h5"
                assert_success(self.sample(DIGITS, "--clamp", "rows:0-3", "--chains", 7, "--steps", 30, "--every", 15,
                                           "--values", values, "--output", file, ranks=ranks))
                files.append(file)
        self.assertEqual(len({digest(file) for file in files[0::2]}), 1)
        self.assertEqual(len({digest(file) for file in files[1::2]}), 1)
        other = self.folder / "other.h5"
        assert_success(self.sample(DIGITS, "--clamp", "rows:0-3", "--chains", 7, "--steps", 30, "--every", 15,
                                   "--seed", 2, "--output", other))
        self.assertNotEqual(digest(other), digest(files[0]))

    def test_a_dataset_that_other_commands_read(self):
        file = self.folder / "samples.h5"
        result = assert_success(self.sample("--chains", 5, "--steps", 20, "--every", 10, "--output", file))
        self.assertIn("10 rows", result.stdout)
        with h5py.File(file) as samples:
            self.assertEqual(samples["samples"].shape, (10, 64))
            self.assertEqual(samples["samples"].dtype, numpy.uint8)
            self.assertEqual(set(samples["samples"][()].flat), {0, 1})
        text = assert_success(run(["info", file])).stdout
        self.assertIn("5 chains from noise, after 10, 20, ... 20 steps, seed 1", text)
        self.assertIn("(digest " + digest(self.model), text)
        assert_success(run(["train", "--data", file, "--epochs", 1, "--hidden", 3, "--output", self.folder / "run"]))
        assert_success(run(["evaluate", self.model, file]))
        # Chains can begin where others ended.
        assert_success(self.sample(file, "--first-row", 5, "--chains", 5, "--steps", 1, "--output",
                                   self.folder / "on.h5"))

    def test_clamped_units_stay_and_the_others_do_not(self):
        mask = numpy.zeros((1, 64), "float32")
        mask[0, :32] = 1
        with h5py.File(self.folder / "mask.h5", "w") as file:
            file["samples"] = mask
        with h5py.File(self.folder / "data.h5", "w") as file:
            file["samples"] = (h5py.File(DIGITS)["samples"][:20] > 7).astype("uint8")
            file["samples"].attrs["scale"] = 1
            given = file["samples"][3:9]
        digests = set()
        for option, units in (("--clamp", "rows:0-3"), ("--free", "rows:4-7"), ("--clamp", "units:0-31"),
                              ("--clamp", self.folder / "mask.h5")):
            file = self.folder / "out.h5"
            assert_success(self.sample(self.folder / "data.h5", option, units, "--picture", "8x8", "--chains", 6,
                                       "--first-row", 3, "--steps", 30, "--output", file))
            with h5py.File(file) as out:
                self.assertTrue((out["samples"][:, :32] == given[:, :32]).all())
                self.assertFalse((out["samples"][:, 32:] == given[:, 32:]).all())
            digests.add(digest(file))
        self.assertEqual(len(digests), 1)
        # A rectangle.
        assert_success(self.sample(self.folder / "data.h5", "--free", "rows:2-5,columns:3-4", "--picture", "8x8",
                                   "--chains", 6, "--first-row", 3, "--steps", 30, "--output", self.folder / "out.h5"))
        with h5py.File(self.folder / "out.h5") as out:
            differs = (out["samples"][()] != given).any(axis=0).reshape(8, 8)
            self.assertTrue(differs[2:6, 3:5].any())
            differs[2:6, 3:5] = False
            self.assertFalse(differs.any())

    def test_pictures(self):
        png, file = self.folder / "s.png", self.folder / "s.h5"
        assert_success(self.sample(DIGITS, "--chains", 3, "--steps", 20, "--every", 10, "--png", png, "--output", file,
                                   "--values", "probabilities", ranks=2))
        points = read_png(png)
        self.assertEqual(points.shape, (3 * 65 + 1, 3 * 65 + 1))  # 3 chains at the start and 2 times, 8 times enlarged
        with h5py.File(file) as samples:
            self.assertEqual(list(samples["samples"].attrs["shape"]), [8, 8])
            values = samples["samples"][3].reshape(8, 8)  # the first chain, the second time
        tile = points[1:65, 2 * 65 + 1:2 * 65 + 65]
        numpy.testing.assert_array_equal(tile, numpy.rint(values * 255).repeat(8, axis=0).repeat(8, axis=1))

    def test_the_shape_of_pictures_is_that_of_what_the_model_was_trained_on(self):
        model = write_model(self.folder / "trained.h5", dataset=DIGITS)
        assert_success(self.sample("--chains", 4, "--steps", 2, "--png", self.folder / "a.png", model=model))
        self.assertEqual(read_png(self.folder / "a.png").shape, (2 * 65 + 1, 2 * 65 + 1))  # of one time: a square
        model = write_model(self.folder / "moved.h5", dataset=self.folder / "gone.h5")
        self.refused(2, "--picture HxW", arguments=["--png", self.folder / "b.png"], model=model)
        # A trained model tells itself, wherever its data are now.
        data = self.folder / "data.h5"
        shutil.copy(DIGITS, data)
        assert_success(run(["train", "--data", data, "--hidden", 3, "--epochs", 1, "--output", self.folder / "run"]))
        data.unlink()
        self.assertEqual(h5py.File(self.folder / "run/model.h5").attrs["dataset_picture"], b"8x8")
        assert_success(self.sample("--chains", 4, "--steps", 2, "--png", self.folder / "c.png",
                                   model=self.folder / "run"))
        self.assertEqual(read_png(self.folder / "c.png").shape, (2 * 65 + 1, 2 * 65 + 1))

    def test_mistakes(self):
        out = ["--output", self.folder / "out.h5"]
        narrow = self.folder / "narrow.h5"
        with h5py.File(narrow, "w") as file:
            file["samples"] = numpy.zeros((4, 5), "uint8")
        mask = self.folder / "mask.h5"
        with h5py.File(mask, "w") as file:
            file["samples"] = numpy.zeros((1, 64), "uint8")
        infinite = write_model(self.folder / "infinite.h5")
        with h5py.File(infinite, "a") as file:
            file["layer_0/weights"][3, 4] = numpy.inf
        for code, arguments, fragments in (
                (2, [], ("--output FILE or --png FILE",)),
                (2, out + ["--steps", 0], ("steps = 0", "from 1")),
                (2, out + ["--chains", "many"], ("chains = many",)),
                (2, out + ["--every", 3], ("steps = 1000", "every = 3")),
                (2, out + ["--clamp", "rows:0-3"], ("--clamp wants DATA",)),
                (2, [DIGITS, *out, "--clamp", "rows:0-8"], ("rows:0-8", "0 to 7")),
                (2, [DIGITS, *out, "--clamp", "rows:5-3"], ("rows:5-3", "0 to 7")),
                (2, [DIGITS, *out, "--clamp", "rows:0-3,lines:2"], ("lines:2", "rows:, columns: or units:")),
                (2, [DIGITS, *out, "--clamp", "units:0-63"], ("--clamp units:0-63", "all 64 visible units")),
                (2, [DIGITS, "--output", mask, "--clamp", mask], ("mask.h5", "read from")),
                (2, [DIGITS, "--png", mask, "--free", mask], ("mask.h5", "read from")),
                (3, [DIGITS, *out, "--clamp", "row:0-3"], ("row:0-3", "no such file")),
                (3, [DIGITS, *out, "--free", DIGITS], ("1797 rows x 64 columns", "one row of 64")),
                (2, [DIGITS, *out, "--free", "units:1", "--clamp", "units:2"], ("exclude each other",)),
                (2, [DIGITS, *out, "--first-row", 1797], ("first-row = 1797", "0 to 1796")),
                (2, out + ["--first-row", 1], ("--first-row wants DATA",)),
                (2, out + ["--picture", "8x9"], ("8x9", "64 visible units")),
                (2, out + ["--picture", "eight"], ("picture = eight", "28x28")),
                (2, out + ["--values", "means"], ("values = means", "states, probabilities")),
                (3, [narrow, *out], ("model.h5' has 64 visible x 10 hidden", "narrow.h5' has 4 rows x 5 columns")),
                (3, [self.folder / "none.h5", *out], ("none.h5", "no such file")),
                (2, [DIGITS, "--output", DIGITS], ("digits.h5", "read from")),
                (3, ["--output", self.folder / "no/out.h5"], ("no such folder",)),
                (2, [DIGITS, "--png", self.folder / "a.png", "--every", 1], ("more than 16384 points",)),
        ):
            with self.subTest(arguments=arguments):
                self.refused(code, *fragments, arguments=arguments)
        self.refused(3, "infinite.h5", "not finite", arguments=out, model=infinite)
        self.refused(3, "digits.h5", "is no model", arguments=out, model=DIGITS)


class Stacks(Sampling):
    """A model of several layers: chains in the highest, then down to the data."""

    def write_stack(self, name, layers, classes=None):
        """(weights, visible bias, hidden bias) of each, lowest first."""
        with h5py.File(self.folder / name, "w") as file:
            file.attrs["format"] = "rbmpi-model"
            for k, arrays in enumerate(layers):
                for array, values in zip(("weights", "visible_bias", "hidden_bias"), arrays):
                    file[f"layer_{k}/{array}"] = numpy.asarray(values, "float32")
            if classes is not None:
                file["classes"] = numpy.asarray(classes, "int32")
        return self.folder / name

    def random_layer(self, visible, hidden, seed):
        random = numpy.random.RandomState(seed)
        return random.normal(size=(visible, hidden)) / 3, random.normal(size=visible) / 2, random.normal(size=hidden) / 2

    def setUp(self):
        super().setUp()
        self.layers = [self.random_layer(64, 20, 1), self.random_layer(20, 30, 2), self.random_layer(30, 10, 3)]
        self.stack = self.write_stack("stack.h5", self.layers)

    def test_the_same_on_any_number_of_ranks_from_noise_and_from_data(self):
        for start in ([], [DIGITS, "--first-row", 1790]):
            for values in ("states", "probabilities"):
                digests = set()
                for ranks, threads in ((None, 2), (2, 1), (3, 1), (4, 1)):
                    file = self.folder / "out.h5"
                    result = assert_success(self.sample(*start, "--chains", 9, "--steps", 20, "--every", 10, "--values",
                                                        values, "--threads", threads, "--output", file, ranks=ranks,
                                                        model=self.stack))
                    digests.add(digest(file))
                self.assertEqual(len(digests), 1)
                self.assertRegex(result.stdout, r"stack\.h5: 64 x 20 x 30 x 10, with chains in the highest layer\n")
                self.assertIn(f"out.h5: 18 rows of 64 values, {'zeros and ones' if values == 'states' else values}\n",
                              result.stdout)
                with h5py.File(file) as samples:
                    self.assertEqual(samples["samples"].shape, (18, 64))
                    self.assertEqual(samples["samples"].dtype, "uint8" if values == "states" else "float32")
                    self.assertIn(f"Gibbs samples ({values}) of the highest of 3 layers, taken down, of ",
                                  samples.attrs["source"].decode())

    def test_probabilities_are_those_of_the_lowest_layer_given_states_above_it(self):
        # Of two units there are four rows of them, and how often each comes is the marginal of the highest layer.
        layers = [self.random_layer(64, 2, 4), self.random_layer(2, 3, 5)]
        (W, b, _), (upper, upper_bias, hidden_bias) = layers
        stack = self.write_stack("narrow.h5", layers)
        file = self.folder / "out.h5"
        assert_success(self.sample("--chains", 4000, "--steps", 50, "--values", "probabilities", "--output", file,
                                   model=stack, ranks=2))
        h = numpy.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        rows = 1 / (1 + numpy.exp(-(b + h @ W.T)))
        weights = numpy.exp(h @ upper_bias) * (1 + numpy.exp(hidden_bias + h @ upper)).prod(1)
        p = weights / weights.sum()
        with h5py.File(file) as samples:
            distances = abs(samples["samples"][()][:, None] - rows).max(axis=2)
        numpy.testing.assert_allclose(distances.min(axis=1), 0, atol=1e-4)
        found = numpy.bincount(distances.argmin(axis=1), minlength=4) / 4000
        self.assertTrue((abs(found - p) < 4 * (p * (1 - p) / 4000) ** 0.5).all(), (found, p))

    def test_chains_begin_at_the_features_of_the_rows(self):
        # Layers that say what they hear: what comes down from the start is what went up.
        same = [(800 * numpy.eye(64), -400 * numpy.ones(64), -400 * numpy.ones(64))] * 3
        stack = self.write_stack("same.h5", same)
        with h5py.File(self.folder / "data.h5", "w") as file, h5py.File(DIGITS) as digits:
            file["samples"] = (digits["samples"][:20] > 7).astype("uint8")
            file["samples"].attrs["scale"] = 1
            given = file["samples"][()][[18, 19, 0, 1]]
        out, png = self.folder / "out.h5", self.folder / "out.png"
        assert_success(self.sample(self.folder / "data.h5", "--first-row", 18, "--chains", 4, "--steps", 3, "--output",
                                   out, "--png", png, "--picture", "8x8", model=stack, ranks=2))
        with h5py.File(out) as samples:
            numpy.testing.assert_array_equal(samples["samples"][()], given)
        points = read_png(png)
        self.assertEqual(points.shape, (4 * 65 + 1, 2 * 65 + 1))  # the start, and one time
        tile = points[1:65, 1:65]
        numpy.testing.assert_array_equal(tile, (given[0].reshape(8, 8) * 255).repeat(8, axis=0).repeat(8, axis=1))

    def test_labels_beside_the_highest_layer_end_there(self):
        layers = [self.random_layer(64, 20, 1), self.random_layer(23, 10, 2)]
        stack = self.write_stack("labels.h5", layers, classes=[0, 1, 2])
        digests = {}
        for name, labels in (("zero", [0] * 6), ("two", [2] * 6), ("none", None), ("other", [0, 1, 2, 3, 0, 1])):
            with h5py.File(self.folder / f"{name}.h5", "w") as file:
                file["samples"] = numpy.zeros((6, 64), "uint8")
                if labels is not None:
                    file["labels"] = numpy.array(labels, "int32")
        out = ["--chains", 50, "--steps", 1, "--output", self.folder / "out.h5"]
        for name in ("zero", "two"):
            assert_success(self.sample(self.folder / f"{name}.h5", *out, model=stack))
            digests[name] = digest(self.folder / "out.h5")
        self.assertNotEqual(digests["zero"], digests["two"])
        assert_success(self.sample(*out, model=stack))
        (self.folder / "out.h5").unlink()
        self.refused(3, "units for labels", "have none", arguments=[self.folder / "none.h5", *out], model=stack)
        self.refused(3, "row 3", "the label 3", arguments=[self.folder / "other.h5", *out], model=stack)

    def test_a_layer_of_a_stack_is_that_layer_alone(self):
        for k in (1, 2, 3):
            out = self.folder / f"{k}.h5"
            assert_success(self.sample("--layer", k, "--chains", 5, "--steps", 20, "--output", out, model=self.stack))
            alone = self.write_stack("alone.h5", [self.layers[k - 1]])
            assert_success(self.sample("--chains", 5, "--steps", 20, "--output", self.folder / "alone-out.h5",
                                       model=alone))
            self.assertEqual(digest(out), digest(self.folder / "alone-out.h5"))
            with h5py.File(out) as samples:
                self.assertIn(f"of layer {k} of ", samples.attrs["source"].decode())

    def test_mistakes(self):
        out = ["--output", self.folder / "out.h5"]
        features = self.folder / "features.h5"
        with h5py.File(features, "w") as file:
            file["samples"] = numpy.zeros((4, 30), "uint8")
        for code, arguments, fragments in (
                (2, [DIGITS, *out, "--clamp", "units:0-3"], ("--clamp units:0-3", "all 3 layers", "--layer K")),
                (2, [DIGITS, *out, "--free", "rows:0-3"], ("--free rows:0-3", "all 3 layers", "--layer K")),
                (2, [*out, "--layer", 4], ("--layer 4", "has 3 layers")),
                (2, [*out, "--picture", "5x6"], ("5x6", "64 visible units")),
                (3, [features, *out], ("stack.h5' has 64 visible", "features.h5' has 4 rows x 30 columns"))):
            with self.subTest(arguments=arguments):
                self.refused(code, *fragments, arguments=arguments, model=self.stack)
        assert_success(self.sample(features, *out, "--layer", 3, "--clamp", "units:0-3", model=self.stack))


class Transform(FolderTest):
    def setUp(self):
        super().setUp()
        self.model = write_model(self.folder / "model.h5")

    def test_the_same_on_one_to_four_ranks(self):
        for extra in ([], ["--sample"]):
            digests = set()
            for ranks in (None, 1, 2, 3, 4):
                file = self.folder / f"{ranks}.h5"
                assert_success(run(["transform", self.model, DIGITS, "--output", file, *extra], ranks=ranks))
                digests.add(digest(file))
            self.assertEqual(len(digests), 1)

    def test_labels_are_kept_and_features_can_be_trained_on(self):
        file = self.folder / "features.h5"
        assert_success(run(["transform", self.model, DIGITS, "--rows", 500, "--output", file]))
        with h5py.File(file) as features, h5py.File(DIGITS) as digits:
            self.assertEqual(features["samples"].shape, (500, 10))
            self.assertEqual(features["samples"].dtype, numpy.float32)
            self.assertEqual(features["samples"].attrs["scale"], 1)
            numpy.testing.assert_array_equal(features["labels"][()], digits["labels"][:500])
        self.assertIn("hidden probabilities of", assert_success(run(["info", file])).stdout)
        assert_success(run(["train", "--data", file, "--epochs", 1, "--hidden", 3, "--output", self.folder / "run"]))
        assert_success(run(["transform", self.model, DIGITS, "--sample", "--output", file]))
        with h5py.File(file) as features:
            self.assertEqual(features["samples"].dtype, numpy.uint8)
            self.assertEqual(set(features["samples"][()].flat), {0, 1})

    def test_mistakes(self):
        narrow = self.folder / "narrow.h5"
        with h5py.File(narrow, "w") as file:
            file["samples"] = numpy.zeros((4, 5), "uint8")
        out = ["--output", self.folder / "out.h5"]
        (self.folder / "empty").mkdir()
        before = self.files()
        for code, arguments, fragments in (
                (2, [self.model, DIGITS], ("--output FILE is missing",)),
                (2, [self.model, *out], ("no dataset given",)),
                (3, [self.model, narrow, *out], ("model.h5' has 64 visible x 10 hidden", "narrow.h5' has 4 rows x 5")),
                (3, [DIGITS, DIGITS, *out], ("digits.h5", "is no model")),
                (2, [self.model, DIGITS, *out, "--rows", 1798], ("rows = 1798", "1797")),
                (2, [self.model, DIGITS, "--output", self.model], ("model.h5", "read from")),
                (3, [self.folder / "empty", DIGITS, *out], ("empty", "not that of a run")),
        ):
            with self.subTest(arguments=arguments):
                assert_one_message(run(["transform", *arguments]), code, *fragments)
                self.assertEqual(self.files(), before)


if __name__ == "__main__":
    unittest.main()
