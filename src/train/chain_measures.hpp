#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/measured_pairs.hpp"
#include "rbmpi/train/training_events.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// How persistent chains, of units that are bits, compare with the data after an epoch. Random training rows, the
/// same after each epoch, stand for the data: up to `energy_rows` for energies, up to `moment_rows` for moments. Where
/// rows count differently, they are spread evenly over the total weight. The figures:
///   data_energy, chains_energy             mean of E(v, h) over p(h | v)
///   data_free_energy, chains_free_energy   mean of F(v)
///   chains_means_r    correlation, over the units, of <v_i> in the chains with <v_i> in the data
///   chains_pairs_r    the same of <v_i v_j>, over the pairs of units of train/measured_pairs.hpp
///   chains_autocorrelation   of the units with what they were at the beginning of the epoch: 1 if no chain moves; 0
///                     if they move and have no variance, as a single one has not
/// They are the same on any number of ranks: counts are whole numbers, and energies are added in the order of the
/// chains.
class ChainMeasures {
 public:
  static constexpr std::uint64_t moment_rows = 10000;
  static constexpr std::uint64_t energy_rows = 1000;

  /// Local. All must live on. `visible` and `visible_before` are chains of the node, now and when the epoch began
  /// (train/persistent_chains.hpp).
  ChainMeasures(const TrainingOptions& options, const Rows& data, RbmView<const Real> rbm, const Couplings& couplings,
                const StateArray& visible, const StateArray& visible_before, const NodeShare& share, Arena& memory);

  /// Collective over all ranks. Adds the figures. False, on all ranks, if a signal asked one of them to stop.
  [[nodiscard]] bool measure(const Communicator& world, std::vector<Figure>& figures);

 private:
  struct Energies {
    double energy = 0;
    double free_energy = 0;
  };

  /// Local. Calls body(reader, first, count) for this rank's share of so many rows that stand for the data, some at a
  /// time: what the reader was told are those from number `first` on.
  template <typename Body>
  void for_rows_of_data(std::uint64_t rows, const Communicator& world, const Body& body);
  /// Collective. Sums of v_i and v_i v_j over the rows of the data.
  void measure_data_moments(const Communicator& world);
  /// Collective. Energies of rows of the data.
  void measure_data_energies(const Communicator& world);
  /// Collective. Energies and sums of the chains.
  void measure_chains(const Communicator& world);
  /// Of chain `row`, with its v as it is and as it was when the epoch began.
  void add_moments(ConstBitMatrixView now, ConstBitMatrixView before, std::size_t row);
  void measure_energies(ConstBitMatrixView v, std::span<Energies> energies);
  void add_figures(std::vector<Figure>& figures) const;

  const TrainingOptions& options_;
  Rows data_;
  RowOrder order_;                 // of the rows: the first of it stand for all
  std::uint64_t moments_of_rows_;  // so many of them
  std::uint64_t energies_of_rows_;
  RbmView<const Real> rbm_;
  const Couplings& couplings_;
  NodeShare share_;
  std::uint64_t chains_;
  Shard of_node_;
  std::span<const std::byte> visible_;
  std::span<const std::byte> visible_before_;
  std::span<UnitPair> pairs_;
  std::span<std::int64_t> data_moments_;   // V and pairs: sums in units of 2^-24 and 2^-48
  std::span<std::int64_t> chain_moments_;  // V and pairs, V of the chains before, V that are on in both: counts
  std::span<Energies> data_energies_;
  std::span<Energies> chain_energies_;
  std::span<Real> probabilities_;  // block x V
  std::span<std::uint64_t> bits_;  // block x V
  std::span<Real> fields_;         // block x H
  std::span<Real> means_;          // H
  bool knows_data_ = false;
};

}  // namespace rbmpi
