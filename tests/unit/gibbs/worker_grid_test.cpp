#include "rbmpi/gibbs/worker_grid.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "support/numbers.hpp"

namespace rbmpi {
namespace {

NodeWork random_work(test::Random& random) {
  return {.visible = 1 + random.below(300),
          .rows = 1 + random.below(700),
          .slots = 1 + random.below(6),
          .threads = 1 + random.below(4),
          .group = random.below(2) == 0 ? std::size_t{16} : std::size_t{1}};
}

TEST(WorkerGridTest, EveryUnitOfEveryRowHasOneWorker) {
  test::Random random(1);
  for (int attempt = 0; attempt < 100; ++attempt) {
    const NodeWork work = random_work(random);
    const WorkerGrid grid(work);
    ASSERT_EQ(grid.unit_parts() * grid.row_parts(), work.slots * work.threads);
    const std::size_t node_rows = random.below(work.rows + 1);
    std::vector<int> workers(node_rows * work.visible);
    std::vector<int> finishers(node_rows);
    for (std::size_t worker = 0; worker < grid.workers(); ++worker) {
      ASSERT_EQ(grid.worker(grid.unit_part(worker), grid.row_part(worker)), worker);
      const Shard units = grid.units(grid.unit_part(worker));
      ASSERT_LE(units.count, grid.most_units());
      ASSERT_TRUE(units.count == 0 || units.first % work.group == 0);
      for (std::uint64_t first = 0; first < grid.rows(node_rows, 0).count; first += rows_through_machine) {
        const Shard block = grid.block(node_rows, worker, first);
        ASSERT_LE(block.count, grid.largest_block());
        for (std::uint64_t row = block.first; row < block.first + block.count; ++row) {
          for (std::uint64_t unit = 0; unit < units.count; ++unit) {
            ++workers[row * work.visible + units.first + unit];
          }
        }
        const Shard finished = grid.finished(block, worker);
        for (std::uint64_t row = 0; row < finished.count; ++row) ++finishers[finished.first + row];
      }
    }
    for (const int count : workers) ASSERT_EQ(count, 1);
    for (const int count : finishers) ASSERT_EQ(count, 1);
  }
}

TEST(WorkerGridTest, WorkersReadLittleOfWhatOthersWrite) {
  // Few rows of weights, many of the batch: by rows; the other way round: by units.
  EXPECT_EQ(WorkerGrid({.visible = 32, .rows = 1000, .slots = 4}).unit_parts(), 1U);
  EXPECT_EQ(WorkerGrid({.visible = 10000, .rows = 10, .slots = 4}).unit_parts(), 4U);
  EXPECT_EQ(WorkerGrid({.visible = 500, .rows = 500, .slots = 2, .threads = 2}).unit_parts(), 2U);
  EXPECT_EQ(WorkerGrid({.visible = 500, .rows = 500, .passes = 100, .slots = 4}).unit_parts(), 1U);
}

}  // namespace
}  // namespace rbmpi
