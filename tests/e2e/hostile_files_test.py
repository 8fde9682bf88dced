"""HDF5 files that were made to do harm, or damaged: `rbmpi info` and `rbmpi train`, alone and on 3 ranks, answer each with
one message and exit code 3. Texts that were made to do harm to the terminal."""

import json
import resource
import shutil
import tempfile
import unittest
import zipfile
import zlib

import h5py
import numpy

from support import SOURCE, FolderTest, assert_clean, assert_one_message, assert_success, run

VALUES = numpy.arange(60, dtype=numpy.uint8).reshape(10, 6)
UNSIGNED = h5py.h5t.STD_U8LE


def write_of_type(file, datatype):
    """Makes samples of this type, all bytes zero."""
    samples = h5py.h5d.create(file.id, b"samples", datatype, h5py.h5s.create_simple((10, 6)))
    samples.write(h5py.h5s.ALL, h5py.h5s.ALL, numpy.zeros(60 * datatype.get_size(), numpy.uint8), mtype=datatype)


class HostileFiles(FolderTest):
    def commands(self, path):
        for ranks in (None, 3):
            output = tempfile.mkdtemp(dir=self.folder)
            yield ["train", "--data", path, "--epochs", 1, "--hidden", 2, "--output", output], ranks
        yield ["info", path], None

    def refused(self, *fragments, make):
        """`make` fills a file, whose path is returned."""
        path = self.folder / "h.h5"
        with h5py.File(path, "w") as file:
            make(file)
        for arguments, ranks in self.commands(path):
            assert_one_message(run(arguments, ranks=ranks), 3, "h.h5", *fragments)
        return path

    def accepted(self, make):
        path = self.folder / "good.h5"
        with h5py.File(path, "w") as file:
            make(file)
            # What they mean is settled.
            file["samples"].attrs["scale"] = VALUES.max()
            file.attrs["format"] = "rbmpi-dataset"
        for arguments, ranks in self.commands(path):
            assert_success(run(arguments, ranks=ranks))

    def other_file(self):
        path = self.folder / "other.h5"
        with h5py.File(path, "w") as file:
            file["samples"] = VALUES
        return path


class Links(HostileFiles):
    def test_external(self):
        def make(file):
            file["samples"] = h5py.ExternalLink(self.other_file(), "/samples")
        self.refused("'/samples' is an external link", "the file itself", make=make)

    def test_external_labels(self):
        def make(file):
            file["samples"] = VALUES
            file["labels"] = h5py.ExternalLink(self.other_file(), "/samples")
        self.refused("'/labels' is an external link", make=make)

    def test_external_behind_a_soft_link(self):
        def make(file):
            file["group/other"] = h5py.ExternalLink(self.other_file(), "/")
            file["group/soft"] = h5py.SoftLink("other/samples")  # relative to its group
            file["samples"] = h5py.SoftLink("/group/./soft")
        self.refused("'/group/other' is an external link", make=make)

    def test_external_group_of_a_model(self):
        with h5py.File(self.folder / "m.h5", "w") as file:
            file.attrs["format"] = "rbmpi-model"
            file["layer_0"] = h5py.ExternalLink(self.other_file(), "/")
        assert_one_message(run(["info", self.folder / "m.h5"]), 3, "m.h5", "'/layer_0' is an external link")

    def test_user_defined(self):
        def make(file):
            file["samples"] = h5py.ExternalLink("o.h5", "/samples")
        path = self.refused("external link", make=make)
        content = path.read_bytes()
        external = b"\x01\x08\x40\x07samples"  # version, flags, type 64, length and name of the link
        self.assertEqual(content.count(external), 1)
        path.write_bytes(content.replace(external, external.replace(b"\x40", b"\x41")))
        for arguments, ranks in self.commands(path):
            assert_one_message(run(arguments, ranks=ranks), 3, "h.h5", "'/samples' is a user-defined link")

    def test_circle(self):
        def make(file):
            file["samples"] = h5py.SoftLink("/other")
            file["other"] = h5py.SoftLink("/samples")
        self.refused("circles", make=make)

    def test_soft_links_inside_the_file_are_followed(self):
        def make(file):
            file["group/values"] = VALUES
            file["group/soft"] = h5py.SoftLink("values")
            file["samples"] = h5py.SoftLink("/group/soft")
            file["labels"] = h5py.SoftLink("/nowhere")
        self.accepted(make)


class Storage(HostileFiles):
    def test_values_in_another_file(self):
        (self.folder / "raw").write_bytes(VALUES.tobytes())
        self.refused("'/samples' keeps its values in other files", make=lambda file: file.create_dataset(
            "samples", VALUES.shape, VALUES.dtype, external=[(self.folder / "raw", 0, 60)]))

    def test_virtual(self):
        def make(file):
            layout = h5py.VirtualLayout(VALUES.shape, VALUES.dtype)
            layout[:] = h5py.VirtualSource(self.other_file(), "samples", VALUES.shape)
            file.create_virtual_dataset("samples", layout)
        self.refused("'/samples' is virtual", make=make)

    def test_filters(self):
        self.refused("'/samples'", "lzf", "filter 32000", "gzip, shuffle and fletcher32", "h5repack",
                     make=lambda file: file.create_dataset("samples", data=VALUES, compression="lzf"))
        self.refused("'/samples'", "scaleoffset",
                     make=lambda file: file.create_dataset("samples", data=VALUES, scaleoffset=0))

    def test_known_filters_are_read(self):
        self.accepted(lambda file: file.create_dataset("samples", data=VALUES, compression="gzip", shuffle=True,
                                                       fletcher32=True, chunks=(3, 4)))

    def test_rows_never_written(self):
        def make(file):
            file.create_dataset("samples", (10**6, 10**8), numpy.uint8, chunks=(1, 10**6))[0, 0] = 1
        self.refused("'/samples' claims 100.0 TB", "only 1.0 MB", "never written", make=make)

    def test_rows_never_written_of_a_compressed_array(self):
        def make(file):
            file.create_dataset("samples", (10**5, 10**6), numpy.uint8, chunks=(1, 10**6), compression="gzip")[0] = 1
        self.refused("'/samples' claims 100.0 GB", "never written", make=make)

    def test_rows_never_written_of_a_plain_array(self):
        self.refused("'/samples' claims 60 bytes", "only 0 bytes",
                     make=lambda file: file.create_dataset("samples", VALUES.shape, VALUES.dtype))

    def test_impossible_size(self):
        self.refused("impossible size", make=lambda file: file.create_dataset(
            "samples", (2**62, 1000), numpy.uint8, chunks=(1, 1000)))

    def test_values_beyond_the_end_of_the_file(self):
        path = self.folder / "beyond.h5"
        with h5py.File(path, "w") as file:
            file["samples"] = VALUES
            offset = file["samples"].id.get_offset()
        content = path.read_bytes()
        layout = b"\x03\x01" + offset.to_bytes(8, "little")  # version, contiguous, where
        self.assertEqual(content.count(layout), 1)
        path.write_bytes(content.replace(layout, b"\x03\x01" + (2**40).to_bytes(8, "little")))
        for arguments, ranks in self.commands(path):
            assert_one_message(run(arguments, ranks=ranks), 3, "beyond.h5", "'/samples' claims to hold 60 bytes")

    def test_a_chunk_that_inflates_beyond_its_size(self):
        path = self.folder / "bomb.h5"
        with h5py.File(path, "w") as file:
            samples = file.create_dataset("samples", (10, 10), numpy.uint8, chunks=(10, 10), compression="gzip")
            samples.id.write_direct_chunk((0, 0), zlib.compress(bytes(10**7)))
        for arguments, ranks in self.commands(path):
            result = run(arguments, ranks=ranks)
            assert_clean(result)
            if result.code != 0:  # HDF5 may take just the part that it needs
                assert_one_message(result, 3, "bomb.h5")


class Sums(HostileFiles):
    """What is sound by itself and takes all memory together."""

    def model(self, units, deflated=False, chunk=None):
        """A model of one layer of zeros, open to be added to."""
        file = h5py.File(self.folder / "m.h5", "w")
        file.attrs["format"] = "rbmpi-model"
        layer = file.create_group("layer_0")
        layer["visible_bias"] = layer["hidden_bias"] = numpy.zeros(units, numpy.float32)
        if not deflated:
            layer["weights"] = numpy.zeros((units, units), numpy.float32)
            return file
        weights = layer.create_dataset("weights", (units, units), numpy.float32, chunks=(chunk, units), compression="gzip")
        zeros = zlib.compress(bytes(4 * chunk * units), 9)
        for row in range(0, units, chunk):
            weights.id.write_direct_chunk((row, 0), zeros)
        return file

    def refused_model(self, *fragments):
        path = self.folder / "m.h5"
        for arguments in (["info", path], ["export", path, "--format", "npz", "--layer", 1, "--output", self.folder / "a.npz"]):
            assert_one_message(run(arguments), 3, "m.h5", *fragments)
        # Of any process that a test has started; today's program took 400 MB.
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 200_000)

    def test_layers_that_are_links_to_one(self):
        for deflated in (False, True):
            with self.model(500, deflated, chunk=500) as file:
                for number in range(1, 400):
                    file[f"layer_{number}"] = file["layer_0"] if number % 2 else h5py.SoftLink("/layer_0")
            self.refused_model("with '/layer_", "but the file has only", "do several names lead to one object?")

    def test_zeros_that_inflate(self):
        self.model(10000, deflated=True, chunk=200).close()
        self.refused_model("with '/layer_0/weights' its arrays take 400.0 MB", "more than 250 times", "without compression")

    def test_sound_models_that_are_compressed_are_read(self):
        self.model(1000, deflated=True, chunk=100).close()
        assert_success(run(["info", self.folder / "m.h5"]))
        weights = numpy.random.default_rng(1).normal(size=(500, 500)) * (numpy.random.default_rng(2).random((500, 500)) < 0.01)
        for dtype in ("float32", "float64"):
            arrays = {"weights": weights.astype(dtype), "visible_bias": numpy.zeros(500), "hidden_bias": numpy.zeros(500)}
            numpy.savez_compressed(self.folder / "a.npz", **arrays)
            assert_success(run(["import-model", self.folder / "a.npz", "--output", self.folder / "m.h5"]))
        with h5py.File(self.folder / "m.h5") as file, h5py.File(self.folder / "c.h5", "w") as packed:
            packed.attrs["format"] = "rbmpi-model"
            for name, array in file["layer_0"].items():
                packed.create_dataset(f"layer_0/{name}", data=array, compression="gzip", compression_opts=9, shuffle=True)
        digests = {run(["info", "--digest", self.folder / name]).stdout for name in ("m.h5", "c.h5")}
        self.assertEqual(len(digests), 1)

    def test_zeros_of_an_archive_that_inflate(self):
        # Row by row: what this process once had in memory, the system counts for its children as well.
        with zipfile.ZipFile(self.folder / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, shape in (("weights", (9000, 9000)), ("visible_bias", (9000,)), ("hidden_bias", (9000,))):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                    numpy.lib.format.write_array_header_1_0(file, header)
                    for _ in range(shape[0]):
                        file.write(bytes(4 * shape[-1] if len(shape) == 2 else 4))
        result = run(["import-model", self.folder / "a.npz", "--output", self.folder / "m.h5"])
        assert_one_message(result, 3, "a.npz", "with 'weights'", "324.0 MB", "more than 250 times")
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 200_000)

    def test_labels_that_all_differ(self):
        with h5py.File(self.folder / "l.h5", "w") as file:
            rows = 2_000_000
            file.create_dataset("samples", data=numpy.zeros((rows, 1), numpy.uint8), compression="gzip")
            file.create_dataset("labels", data=numpy.arange(rows, dtype="i4"), compression="gzip", shuffle=True)
        result = assert_success(run(["info", self.folder / "l.h5"]))
        self.assertIn("2000000 different, 0 to 1999999", result.stdout)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 200_000)


class Types(HostileFiles):
    def refused(self, *fragments, make):
        """Of a dataset by its own word: other files are imported, which reads more types."""
        def make_dataset(file):
            file.attrs["format"] = "rbmpi-dataset"
            make(file)
        return super().refused(*fragments, make=make_dataset)

    def test_types(self):
        def of(dtype):
            return lambda _: h5py.h5t.py_create(numpy.dtype(dtype), logical=True)

        def committed(file):
            kind = UNSIGNED.copy()
            kind.commit(file.id, b"mine")
            return kind

        def unusual_float(_):
            kind = h5py.h5t.IEEE_F32LE.copy()
            kind.set_ebias(100)
            return kind

        def unusual_integer(_):
            kind = UNSIGNED.copy()
            kind.set_precision(5)
            return kind

        for name, datatype in [
                ("compound", of([("a", "u1"), ("b", "f4")])), ("compound", of(numpy.complex64)),
                ("bool", of(bool)), ("opaque", of("V4")),
                ("array of arrays", of(("u1", (3,)))), ("string", of("S4")), ("float16", of("f2")),
                ("bool", lambda _: h5py.h5t.STD_B8LE), ("time", lambda _: h5py.h5t.UNIX_D32LE),
                ("a type that the file defines", committed), ("unusual 32-bit float", unusual_float),
                ("unusual 1-byte integer", unusual_integer)]:
            with self.subTest(name=name):
                self.refused("'/samples' holds", name, "uint8, float32 or float64 would be right",
                             make=lambda file, datatype=datatype: write_of_type(file, datatype(file)))

    def test_variable_length(self):
        def make(file):
            samples = file.create_dataset("samples", (2, 2), h5py.vlen_dtype(numpy.uint8))
            samples[0, 0] = [1, 2, 3]
            samples[1, 1] = [1]
        self.refused("'/samples' holds variable-length", make=make)

    def test_references(self):
        def make(file):
            samples = file.create_dataset("samples", (2, 2), h5py.ref_dtype)
            samples[0, 0] = file.ref
        self.refused("'/samples' holds reference", make=make)

    def test_labels(self):
        def make(file):
            file["samples"] = VALUES
            file["labels"] = numpy.zeros(10, [("a", "u1")])
        self.refused("'/labels' holds compound", "integers would be right", make=make)

    def test_big_endian_numbers_are_read(self):
        for dtype in (">f4", ">f8"):
            self.accepted(lambda file, dtype=dtype: (file.create_dataset("samples", data=(VALUES / 60).astype(dtype)),
                                                     file.create_dataset("labels", data=numpy.arange(10, dtype=">u2"))))


class Attributes(HostileFiles):
    def refused_attribute(self, *fragments, name, value, of="samples"):
        def make(file):
            file["samples"] = VALUES
            (file[of] if of else file).attrs[name] = value
        self.refused(*fragments, make=make)

    def test_numbers(self):
        self.refused_attribute("'scale'", "not a number", name="scale", value=numpy.zeros((), [("a", "f8")]))
        self.refused_attribute("'scale'", "not a number", name="scale", value=numpy.ones(2))
        self.refused_attribute("'scale'", "not a number", name="scale", value=True)
        self.refused_attribute("'shape'", "integers", name="shape", value=numpy.ones(2))
        self.refused_attribute("'shape'", "more than 64", name="shape", value=numpy.ones(65, int))

    def test_texts(self):
        self.refused_attribute("@source'", "not a single text", name="source", of="", value=["one", "two"])
        self.refused_attribute("@source'", "not a text", name="source", of="", value=7)
        self.refused_attribute("@source'", "more than 16.8 MB", name="source", of="", value="x" * (1 << 24) + "x")

    def test_texts_of_variable_and_fixed_length_are_read(self):
        for text in ("elsewhere", numpy.bytes_("elsewhere")):
            def make(file, text=text):
                file["samples"] = VALUES
                file.attrs["format"] = "rbmpi-dataset"
                file.attrs["source"] = text
            self.accepted(make)


class Texts(FolderTest):
    """What files say, and how they are called, reaches the terminal as text alone."""

    EVIL = "\x1b]0;x\x07\u202e\u009b31m"

    def harmless(self, *arguments, code=0):
        result = run(arguments)
        self.assertEqual(result.code, code, result)
        for control in ("\x1b", "\x07", "\u202e", "\u009b"):
            self.assertNotIn(control, result.stdout + result.raw_stderr, result)
        return result

    def set_texts(self, path, texts):
        with h5py.File(path, "a") as file:
            for place, name in texts:
                group = file.require_group(place)
                if name in group.attrs:
                    del group.attrs[name]
                group.attrs[name] = numpy.bytes_(self.EVIL.encode())

    def test_of_datasets(self):
        path = self.folder / "d.h5"
        shutil.copy(SOURCE / "data/digits.h5", path)
        self.set_texts(path, [("/", "source")])
        self.assertIn("?]0;x???31m", self.harmless("info", path).stdout)
        self.assertEqual(json.loads(self.harmless("info", "--json", path).stdout)["source"], self.EVIL)

    def test_of_models_and_nets(self):
        data = SOURCE / "data/digits.h5"
        for command, shape in (("train", ("--hidden", 3)), ("finetune", ("--from-scratch", "--layers", 3))):
            folder = self.folder / command
            assert_success(run([command, "--data", data, "--epochs", 1, "--output", folder, *shape]))
            self.set_texts(folder / "model.h5", [("/", "program"), ("/", "config")])
            self.assertIn("?]0;x???31m", self.harmless("info", folder / "model.h5").stdout)
            provenance = json.loads(self.harmless("info", "--json", folder / "model.h5").stdout)["provenance"]
            self.assertEqual(provenance["program"], self.EVIL)
            self.harmless("evaluate", folder / "model.h5", data)

    def test_names_of_files(self):
        data = self.folder / f"{self.EVIL}.h5"
        shutil.copy(SOURCE / "data/digits.h5", data)
        output = self.folder / self.EVIL
        self.harmless("train", "--data", data, "--epochs", 1, "--hidden", 3, "--output", output)
        self.harmless("evaluate", output / "model.h5", data)
        self.assertEqual(json.loads(self.harmless("evaluate", "--json", output / "model.h5", data).stdout)["data"], str(data))
        self.harmless("transform", output / "model.h5", data, "--output", self.folder / f"{self.EVIL}.features.h5")
        self.harmless("sample", output / "model.h5", "--output", self.folder / f"{self.EVIL}.samples.h5", "--steps", 1)
        self.harmless("export", output / "model.h5", "--format", "npz", "--output",
                      self.folder / f"{self.EVIL}.npz")
        self.harmless("report", output)
        self.harmless("info", data)
        self.harmless("info", self.EVIL, code=3)
        self.harmless(self.EVIL, code=2)


class Crashes(HostileFiles):
    """Files on which HDF5 1.10.8 crashes or never ends: the one message, exit code 3, and nothing else."""

    def test_kept_files(self):
        files = sorted((SOURCE / "tests/data/hostile").glob("*.h5"))
        self.assertGreaterEqual(len(files), 3)
        for path in files:
            commands = list(self.commands(path))
            if path.name == "endless.h5":
                commands = commands[-1:]  # each takes 10 s
            for arguments, ranks in commands:
                with self.subTest(file=path.name, command=arguments[0], ranks=ranks):
                    result = run(arguments, ranks=ranks, timeout=120)
                    assert_clean(result)
                    if result.code != 0:  # another version of HDF5 may read it
                        assert_one_message(result, 3, path.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
