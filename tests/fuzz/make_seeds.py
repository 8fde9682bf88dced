#!/usr/bin/python3
"""Makes the inputs that the fuzzers begin with, in tests/fuzz/seeds/<fuzzer>/.

    make_seeds.py RBMPI

RBMPI is the built program: some seeds are files that it wrote. Findings of the fuzzers that became seeds are not made
here; they stay as they are.
"""

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy
import scipy.io
import scipy.sparse

SEEDS = Path(__file__).parent / "seeds"


def write(fuzzer, name, content):
    folder = SEEDS / fuzzer
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def idx(magic, sizes, values):
    return struct.pack(f">{1 + len(sizes)}I", magic, *sizes) + bytes(values)


def make_idx():
    images = idx(0x803, [3, 2, 2], range(0, 240, 20))
    labels = idx(0x801, [3], [7, 0, 255])
    table = idx(0x802, [2, 3], range(6))
    cube = idx(0x804, [1, 2, 2, 2], range(8))

    def both(labels, images):
        return struct.pack("<H", len(labels)) + labels + images

    packed = [gzip.compress(content, mtime=0) for content in (labels, images)]
    write("fuzz_import_idx", "images.idx", both(b"", images))
    write("fuzz_import_idx", "labels.idx", both(labels, images))
    write("fuzz_import_idx", "gzip.idx", both(*packed))
    write("fuzz_import_idx", "gzip-labels.idx", both(packed[0], images))
    write("fuzz_import_idx", "table.idx", both(b"", table))
    write("fuzz_import_idx", "cube.idx", both(b"", cube))
    write("fuzz_import_idx", "truncated.idx", both(b"", images[:-1]))
    write("fuzz_import_idx", "longer.idx", both(labels + b"\0", images + b"\0"))
    write("fuzz_import_idx", "no-rows.idx", both(b"", idx(0x803, [0, 2, 2], [])))
    write("fuzz_import_idx", "claims-much.idx", both(b"", idx(0x804, [2**32 - 1] * 4, [])))


def make_csv():
    def csv(text, **options):
        """Options by the numbers that fuzz_import_csv.cpp takes."""
        choice, factor = 0, 1
        for name, kinds in (("label", 4), ("scale", 4), ("kind", 4), ("header", 4), ("separator", 8), ("columns", 4),
                            ("drop", 4), ("name", 2), ("missing", 4), ("shape", 2), ("map", 2), ("sparse", 2)):
            choice += options.pop(name, 0) * factor
            factor *= kinds
        assert not options, options
        return choice.to_bytes(3, "little") + (text if isinstance(text, bytes) else text.encode())

    def keep(seed, text, **options):
        write("fuzz_import_csv", seed + ".csv", csv(text, **options))

    table = "a,b,label\n0,255,3\n7,8,9\n"
    keep("header", table)
    keep("label-last", "0.5,1e-3,7\n0,1,-8\n", label=1, header=2)
    keep("no-labels", table, label=2)
    keep("label-by-name", '"label","x"\r\n"1","0.25"\r\n', label=3)
    keep("picture", "1,2,3,4\n", header=2, shape=1)
    keep("quotes", '"a ""b""","c\nd"\n" +1 ",\t2\t\n', scale=2)
    keep("mark", b"\xef\xbb\xbfa,b\n1,0\n\n0,1\n", scale=1)
    keep("float64", "1e29,5e-324\n", scale=3, kind=3, header=2)
    keep("uint8", "a\n1\n2\n", kind=1, scale=2)
    keep("no-newline", "a,b\n1,0")
    keep("semicolons", "sep=;\na;b;\n0,5;1;\n0,25;0;\n;;\n")
    keep("tabs", "a\tb\n1\t0\n")
    keep("blanks", "# a  b\n1   0 \n0 1\n")
    keep("quoted-blanks", '"a" "b"\n"1" 0 1\n"2"  1 0\n', separator=2)
    keep("characters", "0110\n1001\n")
    keep("old-macs", "a,b\r1,0\r")
    keep("utf-16", "\ufeffa\tb\U0001f600\n1\t0\n".encode("utf-16-le"))
    keep("utf-16-big", "\ufeffa;b\n1;0\n".encode("utf-16-be"))
    keep("index", ",p,species\n0,1,x\n1,0,y\n2,1,x\n")
    keep("missing", "p,q\n1,NA\n,0\n", missing=3)
    keep("dropped", "p,q\n1,NA\n0,0\n", missing=2)
    keep("lists", "a,p,q,r\n1,0,1,0\n", columns=2, drop=1)
    keep("spins", "-1,1\n1,-1\n", map=1)
    keep("sparse", "0,0,0,1\n0,0,0,0\n", sparse=1)
    keep("names", "n,p\nx,1\ny,0\n", name=1)
    keep("truth", "p,q\ntrue,no\nFALSE,yes\n")
    keep("words", "a;b\n1;2\n\n,\n")
    keep("gzip", gzip.compress(table.encode(), mtime=0))


def make_sparse():
    def fasta(name, text, choice=0):
        write("fuzz_import_fasta", name + ".fasta", bytes([choice]) + text.encode())

    fasta("plain", ">a b\nACDE-\nKL\n>c\nMNPQR\nST\n")
    fasta("insertions", ">a\nACde.G\n>b\n..ACg.F*\n", 8)
    fasta("unknown", ">a\nAXC\n>b\nACD\n", 1)
    fasta("rna", "; made\r\n>a\r\nACGU\r\n>b\r\nAC-T\r\n", 2)
    fasta("letters", ">a\nHPPH\n>b\nHHHP\n", 4)
    fasta("lengths", ">a\nACD\n>b\nAC\n")

    def libsvm(name, text, choice=0):
        write("fuzz_import_libsvm", name + ".txt", bytes([choice]) + text.encode())

    libsvm("plain", "1 1:0.5 7:1\n0 2:1 # a comment\n# another\n2\n")
    libsvm("from-zero", "+1 0:1 3:1e-3\n-1 2:1\n", 8)
    libsvm("large", "1 9:300\n", 1)
    libsvm("missing", "1 1:nan 2:1\n0 1:1\n", 2)
    libsvm("without-labels", "0.5 1:1 2:1 3:1\n", 4 | 16)
    libsvm("queries", "1 qid:3 1:1\n")
    libsvm("falling", "1 3:1 2:1\n")
    libsvm("claims-much", "1 4294967295:1\n")

    def market(name, kind, text, choice=0):
        write("fuzz_import_matrix_market", name + ".txt",
              bytes([choice]) + f"%%MatrixMarket matrix {kind}\n% a comment\n{text}".encode())

    market("real", "coordinate real general", "3 4 3\n1 1 0.5\n3 4 1\n2 1 1e-3\n")
    market("pattern", "coordinate pattern general", "2 3 2\n2 3\n1 1\n", 8)
    market("symmetric", "coordinate integer symmetric", "2 2 2\n1 1 300\n2 1 4\n", 1)
    market("array", "array real general", "2 3\n0\n1\n0.5\n1\n0\n0\n", 4)
    market("symmetric-array", "array real symmetric", "2 2\n0\n1\n0.5\n")
    market("complex", "coordinate complex general", "1 1 1\n1 1 1 0\n")
    market("claims-much", "array real general", "999999999 99999\n1\n")
    market("twice", "coordinate real general", "2 2 2\n1 1 1\n1 1 1\n")


def make_npz():
    def npz(name, save=numpy.savez, **arrays):
        stream = io.BytesIO()
        save(stream, **arrays)
        write("fuzz_npz", name + ".npz", stream.getvalue())

    weights = numpy.arange(6).reshape(3, 2) / 4
    npz("float32", a=weights.astype("<f4"), b=numpy.zeros(3, "<f4"))
    npz("column-major", a=numpy.asfortranarray(weights.astype(">f8")))
    npz("deflated", numpy.savez_compressed, a=weights.astype("<f2"))
    npz("integers", a=numpy.arange(-2, 3, dtype="|i1"), b=numpy.arange(3, dtype=">i4"), c=numpy.arange(3, dtype="<u8"))
    npz("text", a=numpy.array(["text"]))
    stream = io.BytesIO()
    numpy.lib.format.write_array(stream, weights.astype("<f4"), version=(2, 0))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("a.npy"), stream.getvalue())
        file.writestr(zipfile.ZipInfo("note.txt"), b"no array")
    write("fuzz_npz", "version-2.npz", archive.getvalue())


def make_tables():
    weights = numpy.arange(6).reshape(3, 2) / 4
    pictures = numpy.arange(12).reshape(3, 2, 2)
    sparse = scipy.sparse.csr_matrix([[0, 5, 0], [7, 0, 6]], dtype="float32")

    def numpy_file(name, save, *arrays, **named):
        stream = io.BytesIO()
        save(stream, *arrays, **named)
        write("fuzz_table_numpy", name, stream.getvalue())

    for kind in ("|b1", "|i1", ">u2", "<f2", ">f4", "<i8"):
        numpy_file(f"{kind[1:]}.npy", numpy.save, weights.astype(kind))
    numpy_file("column-major.npy", numpy.save, numpy.asfortranarray(pictures))
    numpy_file("objects.npy", numpy.save, numpy.array([[None]]))
    numpy_file("records.npy", numpy.save, numpy.zeros(2, [("a", "<f4"), ("b", "<i4")]))
    numpy_file("words.npz", numpy.savez, X=weights, y=numpy.array(["b", "a", "\u00f6"]))
    numpy_file("names.npz", numpy.savez_compressed, x_train=numpy.asfortranarray(weights), y_train=numpy.eye(3),
               x_test=weights, weights=numpy.ones(3))
    numpy_file("rows.npz", scipy.sparse.save_npz, sparse)
    numpy_file("columns.npz", scipy.sparse.save_npz, sparse.tocsc(), compressed=False)

    for name, compressed in (("plain", False), ("compressed", True)):
        stream = io.BytesIO()
        scipy.io.savemat(stream, {"X": weights, "labels": numpy.array([[1, 2, 3]]), "text": "text", "struct": {"a": 1}},
                         do_compression=compressed)
        # The header has the time.
        write("fuzz_table_matlab", f"{name}.mat", b" " * 116 + stream.getvalue()[116:])
        stream = io.BytesIO()
        scipy.io.savemat(stream, {"X": sparse.tocsc()}, do_compression=compressed)
        write("fuzz_table_matlab", f"sparse-{name}.mat", b" " * 116 + stream.getvalue()[116:])

    for code, kind in ((0x08, ">u1"), (0x0B, ">i2"), (0x0D, ">f4")):
        array = struct.pack(">4I", code << 8 | 3, *pictures.shape) + pictures.astype(kind).tobytes()
        write("fuzz_table_idx", f"{kind[1:]}.idx", array)
    for pack in (gzip, bz2, lzma):
        write("fuzz_table_idx", f"{pack.__name__}.idx", pack.compress(array))
    for name, names in (("one", ["a"]), ("several", ["a", "b"])):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            for member in names:
                file.writestr(zipfile.ZipInfo(member), array)
        write("fuzz_table_idx", f"{name}.zip", archive.getvalue())


def make_configurations():
    seeds = {
        "least": "data = train.h5\noutput = run\n",
        "schedules": "data = train.h5\noutput = run\nlearning-rate = 1:0.1, 6:0.05,9:1e-3\nmomentum=1:0.5, 6 : 0.9\n"
        "weight-cost = 2e-4\nepochs = 20\n",
        "words": "# a comment\ndata = /tmp/a b.h5  # another\noutput = ../run\n\nrows = all\nvalidation = 0.1\n"
        "hidden = 500\nbatch-size = 100\nweight-init = 0.01\nvisible-bias-init = data\nshuffle = off\nsample-data = on\n"
        "seed = 18446744073709551615\nestimator = cd\noptimizer = momentum\narithmetic = plain\nthreads = auto\n"
        "ranks-per-node = 2\nprogress = lines\n",
        "validation": "data = d\noutput = o\nvalidation = valid.h5\nrows = 60000\nthreads = 2\nranks-per-node = auto\n",
        "checkpoints": "data = d\noutput = o\nsnapshots = log:20\ncheckpoint-seconds = 10\ncheckpoint-epochs = 0\n"
        "checkpoint-steps = 7\ncheckpoint-keep = 2\ntime-limit = 1:30:00\nhang-timeout = 0\n",
        "mark": "\ufeffdata = d\r\noutput = o\r\nseed = 0\r\n",
        "mistakes": "data = d\noutput = o\nepoch = 3\n[section]\nhidden\n",
        "twice": "data = d\noutput = o\nseed = 1\nseed = 2\n",
    }
    for name, text in seeds.items():
        write("fuzz_configuration", name + ".config", text.encode())


def make_hdf5(program):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def keep(fuzzer, name, path=None):
            write(fuzzer, name, (path or folder / name).read_bytes())

        def h5(fuzzer, name, fill):
            with h5py.File(folder / name, "w", libver="earliest") as file:
                fill(file)
            keep(fuzzer, name)

        def rbmpi(*arguments):
            subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, cwd=folder)

        (folder / "table.csv").write_text("a,b,c,label\n0,255,3,1\n7,8,9,2\n")
        rbmpi("import", "--csv", "table.csv", "--label-column", "label", "--output", "imported.h5")
        keep("fuzz_dataset", "imported.h5")

        def every_value(file, dtype, **options):
            values = numpy.linspace(0, 1, 12).reshape(4, 3)
            file.create_dataset("samples", data=(values * 255 if dtype == "uint8" else values).astype(dtype), **options)
            file["samples"].attrs["shape"] = [1, 3]

        h5("fuzz_dataset", "plain.h5", lambda file: every_value(file, "float32"))
        h5("fuzz_dataset", "float64.h5", lambda file: every_value(file, ">f8", chunks=(2, 3)))
        h5("fuzz_dataset", "gzip.h5", lambda file: every_value(file, "uint8", chunks=(3, 2), compression=4,
                                                              shuffle=True, fletcher32=True))
        h5("fuzz_dataset", "growing.h5", lambda file: every_value(file, "uint8", chunks=(1, 3), maxshape=(None, 3)))

        def labels(file):
            every_value(file, "float32")
            file["samples"].attrs["scale"] = 1.0
            file["labels"] = numpy.arange(4, dtype="int64")
            file.attrs["format"] = "rbmpi-dataset"
            file.attrs["format_version"] = 1
            file.attrs["source"] = "somewhere"

        h5("fuzz_dataset", "labels.h5", labels)

        def links(file):
            every_value(file.create_group("group"), "float32")
            file["samples"] = h5py.SoftLink("/group/samples")
            file["labels"] = h5py.ExternalLink("other.h5", "/labels")

        h5("fuzz_dataset", "links.h5", links)

        values = numpy.arange(12).reshape(3, 4)

        def named(file):
            file["x_train"] = values.astype(">i2")
            file["y_train"] = [[0], [1], [2]]
            file["x_test"] = values > 3
            file["weights"] = [0.5, 1, 2]

        h5("fuzz_table_hdf5", "names.h5", named)

        def matlab(file):
            file["X"] = values.astype("f8")
            file["X"].attrs["MATLAB_class"] = numpy.bytes_("double")
            file["labels"] = numpy.arange(4)

        h5("fuzz_table_hdf5", "matlab.h5", matlab)

        def anndata(file):
            matrix = scipy.sparse.csr_matrix(values % 3)
            for name in ("data", "indices", "indptr"):
                file[f"X/{name}"] = getattr(matrix, name)
            file["X"].attrs["shape"] = matrix.shape
            file.create_group("var")["_index"] = numpy.array([b"a", b"b", b"c", b"d"])

        h5("fuzz_table_hdf5", "anndata.h5", anndata)
        h5("fuzz_table_hdf5", "pictures.h5", lambda file: file.create_dataset(
            "images", data=values.reshape(3, 2, 2).astype("f2"), chunks=(2, 1, 2), compression=4))

        rbmpi("train", "--data", "imported.h5", "--output", "run", "--hidden", 2, "--epochs", 1, "--threads", 1)
        keep("fuzz_model", "trained.h5", folder / "run" / "model.h5")
        [checkpoint] = (folder / "run").glob("checkpoint-*.h5")
        keep("fuzz_checkpoint", "checkpoint.h5", checkpoint)

        def newest_checkpoint(run):
            return max((folder / run).glob("checkpoint-*.h5"), key=lambda path: int(path.stem.split("-")[1]))

        rbmpi("train", "--data", "imported.h5", "--output", "stack", "--layers", "2,2", "--join-labels", "on",
              "--epochs", 1, "--threads", 1)
        keep("fuzz_model", "labelled-stack.h5", folder / "stack" / "model.h5")
        keep("fuzz_checkpoint", "stack.h5", newest_checkpoint("stack"))
        for name, *more in (("classifier", "--layers", "2,1"), ("autoencoder", "--layers", "2", "--autoencoder")):
            rbmpi("finetune", "--from-scratch", *more, "--data", "imported.h5", "--output", name, "--epochs", 1,
                  "--threads", 1)
            keep("fuzz_model", f"{name}.h5", folder / name / "model.h5")
            keep("fuzz_checkpoint", f"{name}.h5", newest_checkpoint(name))

        def layers(file):
            for layer, (visible, hidden) in enumerate([(3, 2), (2, 1)]):
                group = file.create_group(f"layer_{layer}")
                group["weights"] = numpy.full((visible, hidden), 0.5, dtype="float32")
                group["visible_bias"] = numpy.zeros(visible, dtype="float32")
                group["hidden_bias"] = numpy.zeros(hidden, dtype="float32")
            file.attrs["format"] = numpy.bytes_("rbmpi-model")

        h5("fuzz_model", "two-layers.h5", layers)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make_idx()
    make_csv()
    make_sparse()
    make_npz()
    make_tables()
    make_configurations()
    make_hdf5(Path(sys.argv[1]).resolve())


if __name__ == "__main__":
    main()
