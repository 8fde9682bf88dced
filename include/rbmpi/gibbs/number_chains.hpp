#pragma once

#include <cstdint>
#include <span>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/gibbs/chains.hpp"

namespace rbmpi {

/// Gibbs chains of units whose states are not kept as bits (gibbs/chains.hpp has those): all of one rank, as numbers,
/// with products by BLAS. Of zeros and ones they have the same states as Chains. Every method is Local, on all threads,
/// and allocates nothing. Move-only.
class NumberChains {
 public:
  /// The chains `mine` of all of them; their states are zeros. `couplings` must live on.
  NumberChains(const Couplings& couplings, Shard mine, const ChainNumbers& numbers, Arena& memory);

  [[nodiscard]] Shard mine() const noexcept { return mine_; }
  /// n x V.
  [[nodiscard]] MatrixView visible() const noexcept { return {visible_.data(), mine_.count, couplings_->visible()}; }
  [[nodiscard]] const ChainNumbers& numbers() const noexcept { return numbers_; }

  /// Draws v of these units [V] without fields, so independent ones, with the random numbers of `phase` in step 0.
  void draw_independent(const UnitRow& units, Phase phase);
  /// So many sweeps, from v to h and back to v, with the random numbers of the steps from `first_step` on.
  void sweep(const ChainModel& model, std::uint64_t first_step, std::uint64_t sweeps);
  /// The means of v given h, of clamped units their states: n x V.
  void visible_means(const ChainModel& model, MatrixView means);

 private:
  [[nodiscard]] MatrixView hidden() const noexcept { return {hidden_.data(), mine_.count, couplings_->hidden()}; }
  void form_hidden_fields(const ChainModel& model);
  /// n x columns, of which the first V are the fields.
  MatrixView form_visible_fields(const ChainModel& model);
  /// Units that are not clamped take their numbers from `from`.
  void take_free(const ChainModel& model, const Real* from, Real* to) const noexcept;

  const Couplings* couplings_;
  Shard mine_;
  ChainNumbers numbers_;
  std::span<Real> visible_;
  std::span<Real> hidden_;          // fields, then states
  std::span<Real> visible_fields_;  // n x padded_columns(V)
};

}  // namespace rbmpi
