#!/usr/bin/python3
"""`rbmpi import` of files of arrays, as h5py, NumPy, SciPy and MATLAB write them, plain and packed: each row of a table
is a file, the options, and what has to come out of it; values are compared with NumPy's own."""

import bz2
import gzip
import io
import lzma
import shutil
import struct
import subprocess
import tarfile
import unittest
import zipfile
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import scipy.io
import scipy.sparse

from support import FolderTest, assert_one_message, assert_success, run

FILE = 3
ROWS, HEIGHT, WIDTH = 12, 5, 4
COLUMNS = HEIGHT * WIDTH
RANDOM = np.random.default_rng(5)
BYTES = RANDOM.integers(0, 256, (ROWS, COLUMNS))
BYTES[0, 0] = 255
BITS = RANDOM.integers(0, 2, (ROWS, COLUMNS))
FLOATS = BYTES / 256  # which floats of 16 bits have, too
LABELS = RANDOM.integers(0, 3, ROWS)
LABELS[:3] = 0, 1, 2
WORDS = np.array(["cat", "dög", "eel"])[LABELS]
SPARSE = scipy.sparse.csr_matrix(np.where(RANDOM.random((ROWS, COLUMNS)) < 0.2, FLOATS, 0))
SQUARE = SPARSE[:, :ROWS]
PICTURES = (ROWS, HEIGHT, WIDTH)


# Makers of files: each gives the content of a file.

def h5(fill):
    """A file that `fill` has filled."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        fill(file)
    return stream.getvalue()


def h5_of(attributes=None, options=None, **arrays):
    def fill(file):
        for name, array in arrays.items():
            dataset = file.create_dataset(name.replace("__", "/"), data=array, **(options or {}))
            for key, value in (attributes or {}).items():
                dataset.attrs[key] = value
    return h5(fill)


def h5_enumeration(file):
    kind = h5py.enum_dtype({"RED": 0, "GREEN": 1}, basetype="i1")
    file.create_dataset("samples", data=BITS.astype("i1"), dtype=kind)


def anndata(file, matrix=SPARSE):
    group = file.create_group("X")
    group.attrs["encoding-type"] = f"{matrix.format}_matrix"
    group.attrs["shape"] = matrix.shape
    for name in ("data", "indices", "indptr"):
        group[name] = getattr(matrix, name)
    file.create_group("var").attrs["_index"] = "genes"
    file["var/genes"] = [f"gene {column}" for column in range(COLUMNS)]
    file["obs/_index"] = [f"größe {row}" for row in range(ROWS)]
    file.create_group("obs/kind").attrs["encoding-type"] = "categorical"
    file["obs/kind/codes"] = LABELS.astype("i1")
    file["obs/kind/categories"] = ["cat", "dög", "eel"]


def anndata_layer(file):
    anndata(file)
    file["layers/counts"] = FLOATS


def sparse_in_the_root(file):
    for name in ("data", "indices", "indptr"):
        file[name] = getattr(SPARSE, name)
    file["shape"] = np.array(SPARSE.shape, "i4")
    file["row_names"] = [f"cell {row}" for row in range(ROWS)]
    file["column_names"] = [f"gene {column}" for column in range(COLUMNS)]


def ten_x(file):
    """Genes x cells by columns, as 10x Genomics has it: a row for each cell."""
    cells = SPARSE.T.tocsc()
    for name in ("data", "indices", "indptr"):
        file[f"matrix/{name}"] = getattr(cells, name)
    file["matrix/shape"] = np.array(cells.shape, "i4")
    file["matrix/barcodes"] = [f"cell {row}" for row in range(ROWS)]
    file["matrix/features/name"] = [f"gene {column}" for column in range(COLUMNS)]


def square(**attributes):
    """By columns, of as many rows as columns."""
    def fill(file):
        columns = SQUARE.tocsc()
        for name in ("data", "indices", "indptr"):
            file[f"X/{name}"] = getattr(columns, name)
        file["X"].attrs.update(shape=np.array(SQUARE.shape, "i4"), **attributes)
    return h5(fill)


def of_r_with_missing_values(file):
    """R's missing integer is the smallest of 32 bits."""
    file["X"] = np.array([[0, 1], [1, -2**31], [1, 1]], "i4").T
    file["X"].attrs["rhdf5-NA.OK"] = np.int32(1)


def label_of_r_that_is_missing(file):
    file["X"] = FLOATS.T
    file["y"] = np.where(np.arange(ROWS) == 3, -2**31, LABELS).astype("i4")
    for name in ("X", "y"):
        file[name].attrs["rhdf5-NA.OK"] = np.int32(1)


def keras(file):
    file.attrs["keras_version"] = "2.15.0"
    file["model_weights/dense/kernel:0"] = FLOATS
    file["model_weights/dense/bias:0"] = FLOATS[0]


def matlab_73(**arrays):
    def fill(file):
        for name, (kind, array) in arrays.items():
            file[name] = np.ascontiguousarray(np.asarray(array).T)
            file[name].attrs["MATLAB_class"] = np.bytes_(kind)
    return h5(fill)


def matlab_73_sparse(file):
    columns = SPARSE.tocsc()
    group = file.create_group("X")
    group.attrs["MATLAB_class"] = np.bytes_("double")
    group.attrs["MATLAB_sparse"] = np.uint64(ROWS)
    group["data"], group["ir"], group["jc"] = columns.data, columns.indices.astype("u8"), columns.indptr.astype("u8")


def mat(compress=False, **arrays):
    stream = io.BytesIO()
    scipy.io.savemat(stream, arrays, do_compression=compress)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(save=np.savez, **arrays):
    stream = io.BytesIO()
    save(stream, **arrays)
    return stream.getvalue()


def sparse_npz(matrix, **options):
    stream = io.BytesIO()
    scipy.sparse.save_npz(stream, matrix, **options)
    return stream.getvalue()


def idx(array, code, kind):
    return struct.pack(f">I{array.ndim}I", code << 8 | array.ndim, *array.shape) + array.astype(f">{kind}").tobytes()


def in_zip(content, name="data.npy"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return stream.getvalue()


def in_tar(content):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as file:
        member = tarfile.TarInfo("data.h5")
        member.size = len(content)
        file.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def in_zstd(content):
    return subprocess.run(["zstd", "--stdout"], input=content, stdout=subprocess.PIPE, check=True).stdout


BITS_FILE = h5_of(samples=BITS.astype(bool), labels=LABELS)


class Right:
    """What has to come out."""

    def __init__(self, samples, labels=None, words=None, scale=None, picture=None, sparse=False, weights=None,
                 names=None, row_names=None):
        self.samples = np.asarray(samples, float).reshape(len(samples), -1)
        self.labels, self.words, self.scale, self.picture = labels, words, scale, picture
        self.sparse, self.weights, self.names = sparse, weights, names
        self.row_names = row_names


# name: the content of the file, the options, what is right
ACCEPTED = {
    # Types of HDF5
    **{f"h5 {kind}": (h5_of(samples=BYTES.astype(kind), labels=LABELS), [], Right(BYTES, LABELS, scale=255))
       for kind in ("u1", "<i2", ">i2", "<u2", "<i4", ">u4", "<i8", ">i8", "<u8", ">u8")},
    **{f"h5 {kind}": (h5_of(samples=FLOATS.astype(kind)), [], Right(FLOATS, scale=1))
       for kind in ("<f2", ">f2", "<f4", ">f4", "<f8", ">f8")},
    "h5 bool": (h5_of(samples=BITS.astype(bool)), [], Right(BITS, scale=1)),
    "h5 int8": (h5_of(samples=BITS.astype("i1")), [], Right(BITS, scale=1)),
    "h5 chunks": (h5_of(options={"chunks": (5, 3), "compression": 4, "shuffle": True}, samples=FLOATS), [],
                  Right(FLOATS, scale=1)),
    "h5 scale": (h5_of({"scale": 256.0}, samples=BYTES.astype("u1")), [], Right(BYTES, scale=256)),
    # Shapes and names
    "h5 pictures": (h5_of(images=BYTES.reshape(PICTURES).astype("u1")), [], Right(BYTES, scale=255, picture=(5, 4))),
    "h5 channel": (h5_of(images=BYTES.reshape(*PICTURES, 1).astype("u1")), [], Right(BYTES, picture=(5, 4))),
    "h5 colours": (h5_of(images=BYTES.reshape(ROWS, 5, 2, 2).astype("u1")), [], Right(BYTES)),
    "h5 keras": (h5_of(x_train=BYTES.astype("u1"), y_train=LABELS, x_test=BYTES[:4].astype("u1"), y_test=LABELS[:4]),
                 [], Right(BYTES, LABELS)),
    "h5 keras, test": (h5_of(x_train=BYTES.astype("u1"), y_train=LABELS, x_test=BYTES[:4].astype("u1"),
                             y_test=LABELS[:4]), ["--array", "x_test"], Right(BYTES[:4], LABELS[:4])),
    "h5 groups": (h5_of(train__images=BYTES.astype("u1"), train__labels=LABELS, test__images=BYTES[:4].astype("u1")),
                  [], Right(BYTES, LABELS)),
    "h5 X and y": (h5_of(X=FLOATS, y=LABELS.astype(float)), [], Right(FLOATS, LABELS)),
    "h5 any name": (h5_of(spins=BITS.astype("u1"), temperature=np.array([2.5])), [], Right(BITS)),
    "h5 chosen": (h5_of(a=FLOATS, b=FLOATS[:, :3], c=LABELS), ["--array", "a", "--labels", "c"],
                  Right(FLOATS, LABELS)),
    "h5 labels N x 1": (h5_of(samples=FLOATS, labels=LABELS.reshape(-1, 1)), [], Right(FLOATS, LABELS)),
    "h5 one-hot": (h5_of(x=FLOATS, y=np.eye(3)[LABELS]), [], Right(FLOATS, LABELS)),
    "h5 bool labels": (h5_of(x=FLOATS, y=LABELS > 0), [], Right(FLOATS, LABELS > 0)),
    "h5 words": (h5_of(x=FLOATS, y=[str(word) for word in WORDS]), [], Right(FLOATS, words=WORDS)),
    "h5 no labels": (h5_of(x=FLOATS, y=FLOATS[:, 0] / 3), ["--labels", "none"], Right(FLOATS)),
    "h5 weights": (h5_of(samples=FLOATS, weights=FLOATS[:, 1]), [], Right(FLOATS, weights=FLOATS[:, 1])),
    "h5 weights left out": (h5_of(samples=FLOATS, weights=FLOATS[:, 1]), ["--weight-column", "none"], Right(FLOATS)),
    "h5 weights of a column": (h5_of(samples=FLOATS, weights=FLOATS[:, 1]), ["--weight-column", "2"],
                               Right(np.delete(FLOATS, 1, axis=1), weights=FLOATS[:, 1])),
    "h5 transposed": (h5_of(X=FLOATS.T, y=LABELS), ["--transpose"], Right(FLOATS, LABELS)),
    "h5 transposed chunks": (h5_of(options={"chunks": (3, 5)}, X=FLOATS.T), ["--transpose"], Right(FLOATS)),
    "h5 weights of Keras": (h5(keras), ["--array", "model_weights/dense/kernel:0"], Right(FLOATS)),
    "h5 fill value": (h5_of({"_FillValue": 2.0, "scale_factor": 1.0}, X=np.where(BITS, 2.0, FLOATS)), ["--missing", "zero"],
                      Right(np.where(BITS, 0, FLOATS), scale=1)),
    "h5 fill value, replaced": (h5_of({"missing_value": 2.0}, X=np.where(BITS, 2.0, FLOATS)), ["--map", "2=1"],
                                Right(np.where(BITS, 1, FLOATS), scale=1)),
    "h5 several fill values": (h5_of({"_FillValue": np.uint8(255), "missing_value": np.array([254, 253], "u1")}, X=np.array(
        [[255, 1, 254], [0, 253, 1], [0, 1, 0]], "u1")), ["--missing", "zero"], Right([[0, 1, 0], [0, 0, 1], [0, 1, 0]], scale=1)),
    "h5 fill value of another type": (h5_of({"missing_value": 0.1, "valid_min": 0.3}, X=np.array([[0.1, 0.5], [0.3, 1]], "f4")),
                                      ["--missing", "zero"], Right(np.array([[0, 0.5], [0.3, 1]], "f4"), scale=1)),
    "h5 value of another type, replaced": (h5_of(X=np.array([[0.1, 0.5], [0.25, 1]], "f4")), ["--map", "0.1=0"],
                                           Right([[0, 0.5], [0.25, 1]], scale=1)),
    "h5 valid range": (h5_of({"valid_range": [0, 1], "_FillValue": 9}, X=np.array([[9, 1], [0, 1]], "u1")),
                       ["--missing", "zero"], Right([[0, 1], [0, 1]], scale=1)),
    # Sparse
    "anndata": (h5(anndata), ["--labels", "obs/kind"],
                Right(SPARSE.toarray(), words=WORDS, sparse=True, names=[f"gene {i}" for i in range(COLUMNS)],
                      row_names=[f"größe {row}" for row in range(ROWS)])),
    "anndata layer": (h5(anndata_layer), ["--array", "layers/counts"],
                      Right(FLOATS, scale=1, names=[f"gene {i}" for i in range(COLUMNS)],
                            row_names=[f"größe {row}" for row in range(ROWS)])),
    "sparse in the root, with names": (h5(sparse_in_the_root), [],
                                       Right(SPARSE.toarray(), sparse=True, names=[f"gene {i}" for i in range(COLUMNS)],
                                             row_names=[f"cell {row}" for row in range(ROWS)])),
    "anndata by columns": (h5(lambda file: anndata(file, SPARSE.tocsc())), [], Right(SPARSE.toarray(), sparse=True)),
    "10x": (h5(ten_x), [], Right(SPARSE.toarray(), sparse=True, names=[f"gene {i}" for i in range(COLUMNS)],
                                 row_names=[f"cell {row}" for row in range(ROWS)])),
    "square, by columns": (square(format="csc"), [], Right(SQUARE.toarray(), sparse=True)),
    "square, in doubt": (square(), ["--transpose"], Right(SQUARE.toarray(), sparse=True)),
    "h5 of R": (h5_of({"rhdf5-NA.OK": np.int32(1)}, X=FLOATS.T), [], Right(FLOATS, scale=1)),
    "anndata of R": (h5_of({"rhdf5-NA.OK": np.int32(1), "encoding-type": "array"}, X=FLOATS), [], Right(FLOATS, scale=1)),
    "h5 of R with missing values": (h5(of_r_with_missing_values), ["--missing", "drop-row"], Right([[0, 1], [1, 1]], scale=1)),
    "npz csr": (sparse_npz(SPARSE), [], Right(SPARSE.toarray(), sparse=True)),
    "npz csc": (sparse_npz(SPARSE.tocsc(), compressed=False), [], Right(SPARSE.toarray(), sparse=True)),
    "mat sparse": (mat(X=SPARSE.tocsc(), y=LABELS), [], Right(SPARSE.toarray(), LABELS, sparse=True)),
    "mat sparse, packed": (mat(True, X=SPARSE.tocsc()), [], Right(SPARSE.toarray(), sparse=True)),
    "mat 7.3 sparse": (h5(matlab_73_sparse), [], Right(SPARSE.toarray(), sparse=True)),
    # MATLAB
    "mat": (mat(X=FLOATS, y=LABELS.reshape(-1, 1)), [], Right(FLOATS, LABELS)),
    "mat row of labels": (mat(X=FLOATS, labels=LABELS.reshape(1, -1)), [], Right(FLOATS, LABELS)),
    "mat packed": (mat(True, X=FLOATS, y=LABELS.reshape(-1, 1)), [], Right(FLOATS, LABELS)),
    "mat logical": (mat(X=BITS.astype(bool)), [], Right(BITS, scale=1)),
    "mat bytes": (mat(True, X=BYTES.astype("u1"), name="text"), [], Right(BYTES, scale=255)),
    "mat transposed": (mat(X=FLOATS.T, y=LABELS), ["--transpose"], Right(FLOATS, LABELS)),
    "mat chosen": (mat(A=FLOATS, B=FLOATS[:, :3]), ["--array", "A"], Right(FLOATS)),
    "mat 7.3": (matlab_73(X=("double", FLOATS), y=("double", LABELS.reshape(-1, 1))), [], Right(FLOATS, LABELS)),
    "mat 7.3 logical": (matlab_73(X=("logical", BITS.astype("u1"))), [], Right(BITS, scale=1)),
    "mat 7.3 transposed": (matlab_73(X=("single", FLOATS.T.astype("f4"))), ["--transpose"], Right(FLOATS)),
    # NumPy
    **{f"npy {kind}": (npy(BYTES.astype(kind)), [], Right(BYTES, scale=255)) for kind in ("u1", ">u2", "<i4", ">i8")},
    **{f"npy {kind}": (npy(FLOATS.astype(kind)), [], Right(FLOATS, scale=1)) for kind in ("<f2", ">f4", "<f8")},
    "npy bool": (npy(BITS.astype(bool)), [], Right(BITS, scale=1)),
    "npy Fortran": (npy(np.asfortranarray(FLOATS)), [], Right(FLOATS)),
    "npy Fortran pictures": (npy(np.asfortranarray(FLOATS.reshape(PICTURES))), [], Right(FLOATS, picture=(5, 4))),
    "npy transposed": (npy(FLOATS.T.copy()), ["--transpose"], Right(FLOATS)),
    "npz": (npz(x_train=FLOATS, y_train=LABELS, x_test=FLOATS[:2]), [], Right(FLOATS, LABELS)),
    "npz packed": (npz(np.savez_compressed, data=BYTES.astype("u1"), target=LABELS), [], Right(BYTES, LABELS)),
    "npz Fortran": (npz(np.savez_compressed, X=np.asfortranarray(FLOATS), y=WORDS), [], Right(FLOATS, words=WORDS)),
    "npz bytes as words": (npz(X=FLOATS, y=np.char.encode(WORDS, "utf-8")), [], Right(FLOATS, words=WORDS)),
    # IDX
    **{f"idx {kind}": (idx(BYTES.reshape(PICTURES), code, kind), [], Right(BYTES, scale=255, picture=(5, 4)))
       for code, kind in ((0x08, "u1"), (0x0B, "i2"), (0x0C, "i4"))},
    **{f"idx {kind}": (idx(FLOATS, code, kind), [], Right(FLOATS, scale=1)) for code, kind in ((0x0D, "f4"),
                                                                                             (0x0E, "f8"))},
    # Packed
    "h5.gz": (gzip.compress(BITS_FILE), [], Right(BITS, LABELS, scale=1)),
    "h5.bz2": (bz2.compress(BITS_FILE), [], Right(BITS, LABELS, scale=1)),
    "h5.xz": (lzma.compress(BITS_FILE), [], Right(BITS, LABELS, scale=1)),
    "h5.tar.gz": (in_tar(BITS_FILE), [], Right(BITS, LABELS, scale=1)),
    "h5.zip": (in_zip(BITS_FILE, "data.h5"), [], Right(BITS, LABELS, scale=1)),
    "npy.xz": (lzma.compress(npy(FLOATS)), [], Right(FLOATS)),
    "npy.gz Fortran": (gzip.compress(npy(np.asfortranarray(FLOATS))), [], Right(FLOATS)),
    "mat.gz": (gzip.compress(mat(X=FLOATS, y=LABELS)), [], Right(FLOATS, LABELS)),
    "idx.bz2": (bz2.compress(idx(BYTES, 0x08, "u1")), [], Right(BYTES, scale=255)),
}
if shutil.which("zstd"):
    ACCEPTED["h5.zst"] = (in_zstd(BITS_FILE), [], Right(BITS, LABELS, scale=1))

HUGE = np.full((2, 3), 2**53 + 1)
DAMAGED = bytearray(mat(True, X=FLOATS))
DAMAGED[len(DAMAGED) // 2] ^= 1

# name: the content of the file, the options, fragments of the message
REFUSED = {
    "h5 2^53": (h5_of(samples=HUGE), [], ["samples'", "9007199254740993", "2^53"]),
    "h5 enumeration": (h5(h5_enumeration), [], ["'samples'", "enumeration"]),
    "h5 complex": (h5_of(samples=FLOATS + 1j), [], ["'samples'", "compound"]),
    "h5 list": (h5_of(samples=FLOATS[0]), [], ["'samples' [20] of float64", "list of numbers", "rows x columns"]),
    "h5 doubt": (h5_of(a=FLOATS, b=FLOATS), [], ["--array NAME", "'a' [12 x 20] of float64", "'b'"]),
    "h5 label of R that is missing": (h5(label_of_r_that_is_missing), [], ["1 of its labels is missing", "row 4"]),
    "h5 two labels": (h5_of(x=FLOATS, label=LABELS, y=LABELS), [], ["'y' [12]", "'label' [12]", "--labels says which"]),
    "h5 no such array": (h5_of(a=FLOATS), ["--array", "b"], ["no array 'b'", "'a' [12 x 20] of float64"]),
    "h5 no such labels": (h5_of(a=FLOATS), ["--labels", "b"], ["no array 'b'", "--labels"]),
    "h5 few labels": (h5_of(X=FLOATS, y=LABELS[:5]), [], ["'y' [5]", "5 labels for the 12 rows"]),
    "h5 transposed": (h5_of(X=FLOATS.T, y=LABELS), [], ["12 labels for the 20 rows", "--transpose reads it so"]),
    "h5 labels are no classes": (h5_of(X=FLOATS, y=LABELS + 0.5), [], ["label of row 0", "'y'", "--labels none"]),
    "h5 not one-hot": (h5_of(X=FLOATS, y=np.ones((ROWS, 3))), [], ["label of row 0", "single 1"]),
    "h5 transposed pictures": (h5_of(X=FLOATS.reshape(PICTURES)), ["--transpose"], ["--transpose is for matrices"]),
    "mat struct": (mat(X={"a": FLOATS}), [], ["'X'", "struct"]),
    "mat cell": (mat(X=np.array([FLOATS, 1], object)), [], ["'X'", "cell"]),
    "mat text": (mat(X="some words"), [], ["'X'", "char"]),
    "mat pictures": (mat(X=np.zeros((5, 4, ROWS))), [], ["'X' [5 x 4 x 12]", "permute"]),
    "mat complex": (mat(X=FLOATS + 1j), [], ["'X'", "complex"]),
    "mat pictures with labels": (mat(images=np.zeros((5, 4, ROWS)), labels=LABELS), [], [
        "which of its arrays", "'images' [5 x 4 x 12]", "'labels' [1 x 12]"]),
    "h5 no category": (h5_of(X=BITS, obs__kind__codes=np.where(LABELS == 1, 1, -1), obs__kind__categories=["a", "b"]),
                       ["--labels", "obs/kind"], ["labels are missing", "drop-row"]),
    "h5 beyond the categories": (h5_of(X=BITS, obs__kind__codes=LABELS, obs__kind__categories=["a", "b"]),
                                 ["--labels", "obs/kind"], ["is 2", "2 categories"]),
    "h5 packed by NetCDF": (h5_of({"scale_factor": 0.5, "add_offset": [0.25]}, X=BITS), [], ["NetCDF", "0.5 x", "+ 0.25"]),
    "h5 missing": (h5_of({"_FillValue": 0.5}, X=np.maximum(FLOATS, 0.5)), [], ["of its values are missing", "is 0.5", "zero"]),
    "h5 beyond the valid range": (h5_of({"valid_range": [1, 100]}, X=np.array([[1, 101], [1, 2]], "u1")), [], [
        "valid values are from 1 to 100", "101 is among", '--map "101=NA"']),
    "h5 below what is valid": (h5_of({"valid_min": 1}, X=np.array([[1, 101], [0, 2]], "u1")), [], [
        "valid values are at least 1", "0 is among"]),
    "h5 no valid range": (h5_of({"valid_range": 3}, X=BITS), [], ["'valid_range'", "1 number"]),
    "h5 weights beyond float32": (h5_of(samples=FLOATS, weights=np.full(ROWS, 1e39)), [], ["is 1e+39", "from 0 to 3.4e38"]),
    "h5 weights of columns": (h5_of(samples=FLOATS, weights=FLOATS[0]), [], [
        "'weights' [20] of float64 has as many values as 'samples' [12 x 20] of float64 has columns", "--transpose",
        "--weight-column none"]),
    "h5 weights of Keras": (h5(keras), [], ["weights of a network of Keras", "--array NAME"]),
    "h5 weights of Keras 3": (h5_of(layers__dense__vars__0=FLOATS), [], ["weights of a network of Keras"]),
    "h5 data frame": (h5_of(df__block0_values=FLOATS, df__block1_values=LABELS[:, None]), [], [
        "'df'", "pandas", "'df/block1_values' [12 x 1]"]),
    "mat truncated": (mat(X=FLOATS)[:-200], [], ["truncated"]),
    "mat damaged": (bytes(DAMAGED), [], ["damaged"]),
    "mat 7.3 text": (matlab_73(X=("char", np.array([[65, 66]], "u2"))), [], ["'X'", "char"]),
    "npy objects": (npy(np.array([[1, "a"], [2, None]], object)), [], ["Python objects"]),
    "npy words": (npy(WORDS), [], ["texts"]),
    "npy complex": (npy(FLOATS + 1j), [], ["complex numbers"]),
    "npy records": (npy(np.zeros(3, [("a", "f4"), ("b", "i4")])), [], ["records"]),
    "npy 2^53": (npy(HUGE), [], ["9007199254740993", "2^53"]),
    "npy list": (npy(FLOATS[0]), [], ["list of numbers"]),
    "npy truncated": (npy(FLOATS)[:-1], [], ["does not fit"]),
    "npy.gz truncated": (gzip.compress(npy(FLOATS))[:-20], [], ["truncated gzip file"]),
    "npz coo": (sparse_npz(SPARSE.tocoo()), [], ["'coo'", "tocsr()"]),
    "npz damaged": (npz(X=FLOATS).replace(FLOATS[5].tobytes(), FLOATS[4].tobytes()), [], ["'X'"]),
    "idx truncated": (idx(BYTES, 0x08, "u1")[:-1], [], ["truncated"]),
    "idx longer": (idx(BYTES, 0x08, "u1") + b"x", [], ["goes on"]),
}


class ImportArraysTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.output = self.folder / "made.h5"

    def imported(self, content, options, folder=None):
        # The name says nothing: a file is known by what is in it.
        folder = folder or self.folder
        (folder / "data").write_bytes(content)
        (folder / "made.h5").unlink(missing_ok=True)
        return run(["import", folder / "data", *options, "--output", folder / "made.h5"], folder=folder)

    def each(self, table):
        """Imports every file of a table, some at a time: names, rows of the table, results and what was made."""
        def imported(number, row):
            folder = self.folder / f"case {number}"
            folder.mkdir()
            return self.imported(*row[:2], folder), folder / "made.h5"

        with ThreadPoolExecutor(4) as pool:
            made = pool.map(imported, range(len(table)), table.values())
            for (name, row), (result, output) in zip(table.items(), made):
                yield name, row, result, output

    def check(self, right, output=None):
        with h5py.File(output or self.output) as file:
            self.assertEqual(isinstance(file["samples"], h5py.Group), right.sparse)
            attributes = file["samples"].attrs
            if right.sparse:
                parts = [file["samples"][name][:] for name in ("data", "indices", "indptr")]
                samples = scipy.sparse.csr_matrix(tuple(parts), shape=tuple(attributes["shape"])).toarray()
            else:
                samples = file["samples"][:]
                picture = tuple(attributes["shape"]) if "shape" in attributes else None
                self.assertEqual(picture, right.picture)
            np.testing.assert_array_equal(samples, right.samples)
            if right.scale is not None:
                self.assertEqual(attributes["scale"], right.scale)
            self.assertEqual("labels" in file, right.labels is not None or right.words is not None)
            if right.labels is not None:
                np.testing.assert_array_equal(file["labels"][:], right.labels)
            if right.words is not None:
                names = [name.decode() for name in file["class_names"][:]]
                self.assertEqual([names[label] for label in file["labels"][:]], list(right.words))
            self.assertEqual("weights" in file, right.weights is not None)
            if right.weights is not None:
                np.testing.assert_array_equal(file["weights"][:], np.float32(right.weights))
            if right.names is not None:
                self.assertEqual([name.decode() for name in file["column_names"][:]], right.names)
            if right.row_names is not None:
                self.assertEqual([name.decode() for name in file["row_names"][:]], right.row_names)

    def test_what_can_be_read(self):
        for name, (_, _, right), result, output in self.each(ACCEPTED):
            with self.subTest(name):
                assert_success(result)
                self.check(right, output)

    def test_what_is_refused(self):
        for name, (_, _, fragments), result, output in self.each(REFUSED):
            with self.subTest(name):
                assert_one_message(result, FILE, *fragments)
                self.assertFalse(output.exists())

    def test_labels_of_another_file(self):
        labels = self.folder / "labels"
        for images, of_labels in ((npy(BYTES.astype("u1")), npy(LABELS)),
                                  (idx(BYTES, 0x08, "u1"), gzip.compress(idx(LABELS, 0x08, "u1")))):
            labels.write_bytes(of_labels)
            assert_success(self.imported(images, ["--labels", labels]))
            self.check(Right(BYTES, LABELS, scale=255))
        labels.write_bytes(npy(LABELS[:5]))
        assert_one_message(self.imported(npy(BYTES), ["--labels", labels]), FILE, "5 labels for the 12 rows")

    def test_which_way_the_samples_lie(self):
        """Without labels nothing tells: what looks like the other way is said."""
        many = np.zeros((200, 2, 3))
        for array, options, words in (
                (FLOATS, [], "has more columns than rows; --transpose"), (FLOATS.T, [], ""), (FLOATS, ["--transpose"], ""),
                (many.T.copy(), [], "numpy.moveaxis(a, -1, 0)"), (many, [], ""), (np.zeros((2, 5, 5)), [], ""),
                (np.zeros((5, 5, 6)), [], "numpy.moveaxis(a, -1, 0)")):
            with self.subTest(shape=array.shape, options=options):
                notes = [note for note in assert_success(self.imported(npy(array), options)).messages
                         if "--transpose" in note or "moveaxis" in note]
                self.assertEqual(len(notes), 1 if words else 0, notes)
                self.assertIn(words, "".join(notes))

    def test_many_blocks(self):
        # Larger than what is read at a time, along the rows and across.
        many = RANDOM.random((70001, 300), np.float32)
        for name, content, options in (("rows", npy(many), []), ("Fortran", npy(np.asfortranarray(many)), []),
                                       ("across", h5_of(X=many.T), ["--transpose"])):
            with self.subTest(name):
                assert_success(self.imported(content, options))
                self.check(Right(many))


if __name__ == "__main__":
    unittest.main()
