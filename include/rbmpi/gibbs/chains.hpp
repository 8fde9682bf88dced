#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "rbmpi/gibbs/worker_grid.hpp"
#include "rbmpi/model/unit.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// The distribution that Gibbs chains follow, with their couplings W:
///   p(v, h) ~ exp(t v W h - sum_i U(v_i) - sum_j U(h_j)),   given the clamped units
struct ChainModel {
  UnitRow visible;                              ///< V, with the parameters of this temperature; kept as bits
  UnitRow hidden;                               ///< H, likewise
  Real inverse_temperature = 1;                 ///< t, of the couplings alone
  std::span<const std::uint64_t> clamped = {};  ///< bits: visible units that keep their states; empty: none
};

/// What the random numbers of chains are drawn for: those of a chain are a function of (seed, layer, step, phase,
/// number of the chain) alone.
struct ChainNumbers {
  std::uint64_t seed = 1;
  std::uint32_t layer = 0;
  Phase hidden = Phase::chain_hidden;
  Phase visible = Phase::chain_visible;
};

/// Local. The units of `to` that are on in `mask`, all bits of one row, take their states from `from`.
void take_units(std::span<const std::uint64_t> mask, const std::uint64_t* from, std::uint64_t* to) noexcept;

/// Some Gibbs chains that one thread takes through the machine together, each at the temperature and in the step that
/// it is told. Their states are the caller's; what is here are their fields. Every method is Local, runs on the calling
/// thread and allocates nothing. Move-only.
class ChainBlock {
 public:
  /// For up to `most` chains. `couplings` must live on.
  ChainBlock(const Couplings& couplings, std::size_t most, Arena& memory);

  /// From now on the chains with the numbers `first`, first + 1, ..., whose states are `visible` [n x V] and `hidden`
  /// [n x H], n <= most.
  void take(std::uint64_t first, BitMatrixView visible, BitMatrixView hidden) noexcept;

  [[nodiscard]] BitMatrixView visible() const noexcept { return visible_; }

  /// Draws v of these units [V] without fields, so independent ones, with the random numbers of `phase` in step 0.
  void draw_independent(const UnitRow& units, const ChainNumbers& numbers, Phase phase) noexcept;

  /// The fields of the hidden units, v W: n x H. They are valid until v changes or another method needs the room.
  MatrixView form_hidden_fields() noexcept;
  /// After form_hidden_fields(): h ~ p(h | v).
  void draw_hidden(const ChainModel& model, const ChainNumbers& numbers, std::uint64_t step) noexcept;
  /// v ~ p(v | h).
  void draw_visible(const ChainModel& model, const ChainNumbers& numbers, std::uint64_t step) noexcept;
  /// After form_hidden_fields(), the rest of a sweep: h ~ p(h | v), then v ~ p(v | h).
  void draw_both_sides(const ChainModel& model, const ChainNumbers& numbers, std::uint64_t step) noexcept;
  /// After form_hidden_fields(): F(v) of each chain [n], with the hidden units summed out at the fields t v W.
  void free_energies(const ChainModel& model, std::span<double> energies) const noexcept;
  /// After form_hidden_fields(), whose fields become the means of h given v: n x H.
  MatrixView hidden_means(const ChainModel& model) noexcept;

  /// The means of v given h, of clamped units their states: n x V.
  void visible_means(const ChainModel& model, MatrixView means) const noexcept;

 private:
  [[nodiscard]] MatrixView fields(std::size_t units) noexcept { return {fields_.data(), visible_.rows, units}; }

  const Couplings* couplings_;
  std::uint64_t first_ = 0;
  BitMatrixView visible_;
  BitMatrixView hidden_;
  std::span<Real> fields_;         // of either side
  std::span<std::uint64_t> kept_;  // the states of a row before it was drawn
};

/// Gibbs chains that live on: those of one rank, with their states, shared out over its threads.
class Chains {
 public:
  /// Local. The chains `mine` of all of them; their states are zeros. `couplings` must live on.
  Chains(const Couplings& couplings, Shard mine, const ChainNumbers& numbers, Arena& memory);

  [[nodiscard]] Shard mine() const noexcept { return mine_; }
  /// Of the chains of this rank: n x V, n x H.
  [[nodiscard]] BitMatrixView visible() noexcept { return {visible_.data(), mine_.count, couplings_->visible()}; }
  [[nodiscard]] BitMatrixView hidden() noexcept { return {hidden_.data(), mine_.count, couplings_->hidden()}; }
  [[nodiscard]] const ChainNumbers& numbers() const noexcept { return numbers_; }

  /// Local, on all threads, allocates nothing. Calls body(block, rows) for blocks of these chains, `rows` being theirs
  /// among those of this rank. `body` must not throw.
  template <typename Body>
  void for_blocks(const Body& body) {
    parallel_for(blocks_.size(), [&](std::size_t thread) {
      const Shard of_thread = shard(mine_.count, static_cast<int>(thread), static_cast<int>(blocks_.size()));
      for (std::uint64_t done = 0; done < of_thread.count; done += rows_through_machine) {
        const Shard rows{of_thread.first + done, std::min<std::uint64_t>(rows_through_machine, of_thread.count - done)};
        blocks_[thread].take(mine_.first + rows.first, {visible().row(rows.first), rows.count, couplings_->visible()},
                             {hidden().row(rows.first), rows.count, couplings_->hidden()});
        body(blocks_[thread], rows);
      }
    });
  }

  /// Local, on all threads, allocates nothing. So many sweeps, from v to h and back to v, with the random numbers of
  /// the steps from `first_step` on.
  void sweep(const ChainModel& model, std::uint64_t first_step, std::uint64_t sweeps);
  /// The same. The means of v given h of these chains, of clamped units their states: n x V.
  void visible_means(const ChainModel& model, MatrixView means);
  /// The same. The free energies of these chains [n].
  void free_energies(const ChainModel& model, std::span<double> energies);

  /// Collective. The visible states of all chains, chains x words_for(V), on every rank.
  void gather(const Communicator& world, std::span<std::uint64_t> states);
  /// Local. The visible states of these chains out of those of all.
  void scatter(ConstBitMatrixView states) noexcept;

 private:
  const Couplings* couplings_;
  Shard mine_;
  ChainNumbers numbers_;
  std::span<std::uint64_t> visible_;
  std::span<std::uint64_t> hidden_;
  std::vector<ChainBlock> blocks_;  // of each thread
};

}  // namespace rbmpi
