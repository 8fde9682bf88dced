#include "rbmpi/gibbs/worker_grid.hpp"

namespace rbmpi {

WorkerGrid::WorkerGrid(const NodeWork& work) noexcept : work_(work), unit_parts_(best_unit_parts()) {}

/// The p for which a worker reads least of what others write: H numbers for each of B (p - 1) / (pq) rows of sums in
/// each pass, and 2 H for each of V (q - 1) / (pq) rows of weights.
std::size_t WorkerGrid::best_unit_parts() const noexcept {
  const auto read = [&](std::size_t p) {
    return work_.passes * work_.rows * (p - 1) + 2 * work_.visible * (workers() / p - 1);
  };
  std::size_t best = 1;
  for (std::size_t p = 2; p <= workers(); ++p) {
    if (workers() % p == 0 && read(p) < read(best)) best = p;
  }
  return best;
}

Shard WorkerGrid::units_of_worker(std::size_t worker) const noexcept {
  const auto part = [&](Shard all, std::size_t number, std::size_t count) {
    return shard_in_groups(all, work_.group, static_cast<int>(number), static_cast<int>(count));
  };
  const Shard of_slot = part({0, work_.visible}, worker / work_.threads, work_.slots);
  return part(of_slot, worker % work_.threads, work_.threads);
}

Shard WorkerGrid::units(std::size_t unit_part) const noexcept {
  const Shard first = units_of_worker(worker(unit_part, 0));
  const Shard last = units_of_worker(worker(unit_part, row_parts() - 1));
  return {first.first, last.first + last.count - first.first};
}

std::size_t WorkerGrid::most_units() const noexcept {
  std::size_t most = 0;
  for (std::size_t part = 0; part < unit_parts_; ++part) most = std::max<std::size_t>(most, units(part).count);
  return most;
}

Shard WorkerGrid::block(std::uint64_t node_rows, std::size_t worker, std::uint64_t first) const noexcept {
  const Shard mine = rows(node_rows, row_part(worker));
  const std::uint64_t begin = std::min(first, mine.count);
  return {mine.first + begin, std::min<std::uint64_t>(rows_through_machine, mine.count - begin)};
}

}  // namespace rbmpi
