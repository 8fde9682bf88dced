"""Rows that are read from the file while they are used: the same models as with all of them in memory, killed or not, on
any ranks and nodes, in little memory; and what a user is told."""

import os
import pathlib
import shutil
import signal
import tempfile
import unittest

import h5py
import numpy

import jobs
from resuming import Resuming, without
from support import assert_one_message, assert_success, run

# 12 MB, of which 8 are in memory at a time.
ROWS, COLUMNS = 12000, 1000
BLOCKS = ("--shuffle-block", "300", "--batch-size", "200", "--layers", "6", "--validation", "0.1", "--epochs", "2")
LITTLE = ("--memory", "8M")


class Streamed(Resuming):
    @classmethod
    def setUpClass(cls):
        cls.data_folder = pathlib.Path(tempfile.mkdtemp(prefix="rbmpi test "))
        cls.addClassCleanup(shutil.rmtree, cls.data_folder, ignore_errors=True)
        cls.data = cls.data_folder / "data.h5"
        random = numpy.random.default_rng(1)
        with h5py.File(cls.data, "w") as file:
            file["samples"] = random.integers(0, 256, (ROWS, COLUMNS), dtype=numpy.uint8)
            file["labels"] = random.integers(0, 3, ROWS, dtype=numpy.int32)

    def train_here(self, *arguments, name="run", **more):
        return self.train(*without(BLOCKS, arguments), *arguments, data=self.data, name=name, **more)

    def digest(self, name="run"):
        return jobs.digest(self.folder / name / "model.h5")

    def test_the_same_on_any_layout_in_memory_or_not(self):
        result = assert_success(self.train_here())
        self.assertNotIn("read while they are used", result.stdout)
        wanted = self.digest()
        figures = [{key: value for key, value in line.items() if "second" not in key}
                   for line in jobs.metrics(self.run_folder)]
        for ranks, more in ((None, ()), (2, ()), (4, ("--ranks-per-node", "2")), (3, ("--ranks-per-node", "1")),
                            (None, ("--threads", "2")), (2, ("--exchange", "allreduce"))):
            result = assert_success(self.train_here(*LITTLE, *more, "--fresh", ranks=ranks))
            self.assertRegex(result.stdout, r"  rows +read while they are used: blocks of them take \d\.\d MB on each node")
            self.assertEqual(self.digest(), wanted, (ranks, more))
            self.assertEqual([{key: value for key, value in line.items() if "second" not in key}
                              for line in jobs.metrics(self.run_folder)], figures)
        # Blocks of another size are another order.
        assert_success(self.train_here("--shuffle-block", "301", name="other"))
        self.assertNotEqual(self.digest("other"), wanted)
        assert_success(self.train_here("--shuffle-block", "all", name="all"))
        whole = self.digest("all")
        assert_success(self.train_here("--shuffle-block", "auto", name="auto"))
        self.assertEqual(self.digest("auto"), whole)

    def test_ranks_of_a_node_that_do_not_read_together(self):
        # Where blocks are smaller than the share of a rank, each rank wants others.
        small = ("--shuffle-block", "20", "--epochs", "1")
        assert_success(self.train_here(*small))
        assert_success(self.train_here(*small, *LITTLE, "--exchange", "allreduce", ranks=2, name="apart"))
        self.assertEqual(self.digest("apart"), self.digest())

    def test_what_ranks_read_by_themselves_is_the_memory_of_the_node_too(self):
        apart = ("--exchange", "allreduce", "--epochs", "1")
        assert_success(self.train_here("--epochs", "1"))
        # Blocks of 300 rows, with all that have checksums with theirs, are 433 KB.
        assert_one_message(self.train_here(*apart, "--memory", "2M", ranks=2, name="apart"), 2, "memory = 2.0 MB",
                           "6 blocks that are wanted of shuffle-block = 300 rows, 3 for each of 2 ranks that read by themselves")
        result = assert_success(self.train_here(*apart, "--memory", "3M", ranks=2, name="apart"))
        self.assertRegex(result.stdout, r"blocks of them take 2\.\d MB on each node")
        self.assertEqual(self.digest("apart"), self.digest())
        assert_success(self.train_here("--epochs", "1", "--memory", "2M", ranks=2, name="together"))

    def test_large_rows(self):
        data = self.folder / "large.h5"
        with h5py.File(data, "w") as file:
            file["samples"] = numpy.random.default_rng(2).integers(0, 256, (100, 70000), dtype=numpy.uint8)
        arguments = ("--shuffle-block", "8", "--batch-size", "10", "--layers", "2", "--epochs", "2")
        assert_success(self.train(*arguments, data=data, name="memory"))
        assert_success(self.train(*arguments, "--memory", "3M", "--ranks-per-node", "1", data=data, ranks=2))
        self.assertEqual(self.digest(), self.digest("memory"))

    def test_without_shuffling(self):
        assert_success(self.train_here("--shuffle", "off"))
        assert_success(self.train_here("--shuffle", "off", *LITTLE, ranks=2, name="little"))
        self.assertEqual(self.digest("little"), self.digest())

    def test_chains_that_begin_at_rows_and_a_stack(self):
        arguments = ("--estimator", "pcd", "--chains", "50", "--chains-from", "data", "--layers", "6,4")
        assert_success(self.train_here(*arguments))
        for ranks in (None, 2):
            assert_success(self.train_here(*arguments, *LITTLE, "--features-memory", "0", "--fresh", ranks=ranks,
                                           name="little"))
            self.assertEqual(self.digest("little"), self.digest())

    def test_nets(self):
        arguments = ("--from-scratch", "--layers", "5", *BLOCKS[:4], "--validation", "0.1", "--epochs", "1")
        for name, more in (("all", ()), ("little", LITTLE)):
            result = assert_success(self.run_finetune(*arguments, *more, name=name))
            self.assertEqual("read while" in result.stdout, more != ())
        self.assertEqual(self.digest("little"), self.digest("all"))

    def run_finetune(self, *arguments, name):
        return run(["finetune", "--data", self.data, "--output", self.folder / name, *arguments])

    def test_killed_and_stopped_in_an_epoch(self):
        assert_success(self.train_here(name="undisturbed"))
        job = self.start(*BLOCKS, *LITTLE, "--checkpoint-steps", "7", data=self.data, ranks=2)
        job.wait_for(lambda: len(jobs.checkpoints(self.run_folder)) > 0, "a checkpoint")
        jobs.kill(job.ranks()[1])
        job.end(20)
        job = self.start(*BLOCKS, *LITTLE, "--checkpoint-steps", "7", data=self.data)
        job.wait_for(lambda: list(jobs.checkpoints(self.run_folder))[-1:] > [30], "some more")
        os.kill(job.ranks()[0], signal.SIGTERM)
        self.assertIn(job.end(20).code, (0, 75))
        assert_success(self.train_here(*LITTLE, ranks=3))
        self.assertEqual(self.digest(), self.digest("undisturbed"))
        # No process that reads is left behind.
        self.assertEqual([row for row in jobs.process_table() if str(self.run_folder) in str(row)], [])

    def test_what_a_user_is_told(self):
        assert_one_message(self.train_here("--memory", "1M"), 2, "memory = 1.0 MB", "3 blocks", "shuffle-block = 300")
        assert_one_message(self.train_here("--shuffle-block", "all", "--memory", "2M"), 2, "12.0 MB",
                           "shuffle-block = N")
        assert_one_message(self.train_here("--memory", "much"), 2, "memory", "500M or 4G")
        assert_one_message(self.train_here("--shuffle-block", "-1"), 2, "shuffle-block")
        with h5py.File(self.folder / "sparse.h5", "w") as file:
            group = file.create_group("samples")
            group.attrs["shape"] = (100, 1000)
            group["data"] = numpy.full(100, 255, numpy.uint8)
            group["indices"] = numpy.arange(100, dtype=numpy.int32)
            group["indptr"] = numpy.arange(101, dtype=numpy.int64)
        assert_one_message(self.train("--memory", "1k", data=self.folder / "sparse.h5", name="sparse"), 2, "sparse")

    def test_a_file_that_changes_during_the_training(self):
        data = self.folder / "changing.h5"
        shutil.copy(self.data, data)
        job = self.start(*without(BLOCKS, ("--epochs",)), "--epochs", "1000", *LITTLE, data=data)
        job.wait_for(lambda: jobs.epochs_done(self.run_folder) >= 1, "an epoch")
        with open(data, "r+b") as file:
            file.seek(-5000, os.SEEK_END)
            file.write(b"changed")
        result = job.end(20)
        assert_one_message(result, 3, "changing.h5", "changed while it was read")


if __name__ == "__main__":
    unittest.main()
