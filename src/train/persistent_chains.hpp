#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/gibbs/chains.hpp"
#include "rbmpi/train/gradient_estimator.hpp"

namespace rbmpi {

/// The names of what checkpoints keep of persistent chains.
inline constexpr const char* visible_chains = "visible_chains";
inline constexpr const char* hidden_chains = "hidden_chains";
inline constexpr const char* visible_chains_before = "visible_chains_before";

/// Gibbs chains that go on from step to step of a training, of units that are bits: those of a node, in memory that its
/// ranks share. A chain goes on from its h; its v is the one that belongs to it.
class PersistentChains {
 public:
  /// Local. `chains` in all nodes.
  PersistentChains(const EstimatorSettings& settings, std::uint64_t chains, Workspace& memory);

  /// Collective over the node, on all of its ranks. Draws the states with which a training begins.
  void begin();

  /// Some chains of this node, by their numbers among all: n x V and n x H.
  [[nodiscard]] BitMatrixView visible(Shard chains) const noexcept {
    return rows_of(visible_, chains, rbm_.shape().visible);
  }
  [[nodiscard]] BitMatrixView hidden(Shard chains) const noexcept {
    return rows_of(hidden_, chains, rbm_.shape().hidden);
  }

  /// Local. To be called before the v of chain `number` changes in the first step of an epoch: keeps it.
  void keep_visible(std::uint64_t number) const noexcept;

  /// Local. Their states, as bytes of bits (docs/formats.md): v, h, and v when the epoch began.
  [[nodiscard]] std::vector<StateArray> state() const;

 private:
  [[nodiscard]] BitMatrixView rows_of(std::span<std::uint64_t> states, Shard chains, std::size_t units) const noexcept {
    return {states.data() + (chains.first - of_node_.first) * words_for(units), chains.count, units};
  }
  /// Collective over the node. At rows in a random order, or anywhere.
  void begin_in_order();
  /// Local. The chains of this rank, where rows count differently, at rows in proportion to their weights.
  void begin_at_weighted_rows();
  /// Local. Some chains of this rank; where they begin at rows, at those from `first_row` on of what the reader was
  /// told.
  void begin(Shard mine, std::uint64_t first_row);

  const TrainingOptions& options_;
  RbmView<const Real> rbm_;
  NodeShare share_;
  const NodeArena& node_;
  std::uint64_t all_;
  Shard of_node_;
  std::span<std::uint64_t> visible_;
  std::span<std::uint64_t> hidden_;
  std::span<std::uint64_t> visible_before_;
  Rows data_;
  bool weights_differ_;
  std::unique_ptr<RowReader> reader_;  // where they begin as rows of data
  std::span<Real> probabilities_;      // of some of these
  std::span<Real> no_bias_;            // V zeros, where they begin as noise
  std::optional<ChainBlock> block_;
};

}  // namespace rbmpi
