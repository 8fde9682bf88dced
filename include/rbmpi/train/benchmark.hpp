#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/parallel/link.hpp"
#include "rbmpi/train/phase_clock.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// What is measured: steps of `training` on rows of `visible` units, of which the share `density` is on. The hidden
/// units are given a bias so that about the same share of them is on.
struct BenchmarkOptions {
  std::size_t visible = 784;
  double density = 0.13;  ///< in [0, 1]
  double seconds = 5;     ///< so long the timing takes, unless a single block of steps takes longer
  TrainingOptions training;
};

/// Of many times of the same thing: a half of them lies from `low` to `high`. Seconds.
struct Quartiles {
  double low = 0;
  double median = 0;
  double high = 0;
};
/// Local. Of at least one value.
[[nodiscard]] Quartiles quartiles(std::vector<double> values);

/// Sweeps of persistent chains, of all of them by all ranks, as the steps of the training make them.
struct SweepTimes {
  std::uint64_t sweeps = 0;  ///< so many were timed
  Quartiles sweep;           ///< of one, of the slowest rank
  Quartiles floor;           ///< the two matrix products that a sweep by SGEMM cannot do without, of the slowest rank

  /// The sweep in units of its matrix products.
  [[nodiscard]] double ratio() const noexcept { return sweep.median / floor.median; }
};

/// One layout of ranks, timed. All ranks have the same numbers.
struct LayoutTimes {
  std::uint64_t steps = 0;  ///< so many were timed
  Quartiles step;           ///< of the slowest rank
  TimeSplit phases{};       ///< median of each phase of a step, mean of the ranks; nothing in `output` and `validation`
  Quartiles floor;  ///< the matrix products that a step by SGEMM cannot do without, five of CD-1, of the slowest rank
  std::optional<SweepTimes> sweep{};  ///< with persistent chains

  /// The step in units of its matrix products: less than 1 is faster than they are.
  [[nodiscard]] double ratio() const noexcept { return step.median / floor.median; }
};

/// The sums over nodes by themselves, as training forms them, against what the link allows (train/scaling_model.hpp).
struct ExchangeTimes {
  Link link{};                  ///< of a node, all of its ranks together
  double alone = 0;             ///< seconds, the median of the slowest rank
  double expected = 0;          ///< the same by the model
  double expected_in_step = 0;  ///< what the model leaves of it in a step; to be compared with the phase `exchange`

  static constexpr double good = 1.3;  ///< times what is expected
  [[nodiscard]] double ratio() const noexcept { return alone / expected; }
};

struct BenchmarkResult {
  RbmShape shape;
  std::uint64_t batch_size = 0;
  std::uint64_t chains = 0;  ///< as many as rows of the batch, or persistent ones
  std::uint64_t sweeps = 1;  ///< of them in a step
  int ranks = 1;
  std::size_t exchange_bytes = 0;           ///< of the gradient sums that a rank gives other nodes in a step
  LayoutTimes all{};                        ///< on all ranks
  std::optional<LayoutTimes> one_rank{};    ///< the same batch on rank 0 alone, if there are others
  std::optional<ExchangeTimes> exchange{};  ///< where several nodes have sums to exchange
  std::uint64_t digest_steps = 0;           ///< after so many steps
  std::string digest{};                     ///< all layouts and engines had this one

  [[nodiscard]] double samples_per_second() const noexcept;
  /// V x H x samples / s / 10^9: connections updated, the measure of the literature.
  [[nodiscard]] double gcups() const noexcept;
  /// 2 V H (2 B + (2 k + 1) N) / s / 10^9, with k sweeps of N chains: what the matrix products would compute, in the
  /// time of a step or in their own. 10 V H B of CD-1.
  [[nodiscard]] double gflops_of_step() const noexcept;
  [[nodiscard]] double gflops_of_floor() const noexcept;
  /// Nothing where nothing is exchanged, on one rank or one node.
  [[nodiscard]] std::optional<double> exchange_gigabytes_per_second() const noexcept;
  [[nodiscard]] std::optional<double> speedup() const noexcept;     ///< time of one rank / time of all
  [[nodiscard]] std::optional<double> efficiency() const noexcept;  ///< speedup / ranks
};

/// A model trained for comparison.
struct DigestOfRun {
  std::string run;  ///< "engine blas on 1 rank"
  std::string digest;
};
/// Local. Throws Error(Failure::other) that names the first run whose digest is not that of the first one.
void check_same_digest(std::span<const DigestOfRun> runs, std::uint64_t steps);

/// Local. Throws Error(Failure::usage) for what cannot be, with the name and value of the option.
void check_options(const BenchmarkOptions& options);

/// Local. Rows to train on: a whole number of batches, about as large in memory as MNIST.
[[nodiscard]] std::uint64_t benchmark_rows(const BenchmarkOptions& options);

/// Local. Bytes that `ranks_on_node` of `ranks` ranks need on a node besides the samples.
[[nodiscard]] std::uint64_t benchmark_memory(const BenchmarkOptions& options, int ranks, int ranks_on_node,
                                             bool has_root);

/// Collective. Times steps of `train_rbm` on `samples`, zeros and ones of `options.visible` columns, by turns with the
/// matrix products alone and, where there are several ranks, by turns on all of them and on rank 0 alone; so a change
/// of the machine's speed meets all. Compares the models of the layouts. Throws an AgreedError as train_rbm does,
/// Failure::interrupted after a signal, and Failure::other if the models differ.
[[nodiscard]] BenchmarkResult run_benchmark(const BenchmarkOptions& options, const Rows& samples,
                                            const Communicator& world);

}  // namespace rbmpi
