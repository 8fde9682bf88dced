#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "rbmpi/train/gradient_estimator.hpp"
#include "train/centring.hpp"
#include "train/persistent_chains.hpp"

namespace rbmpi {

/// What the options say of a gradient by samples.
struct SampledGradientPlan {
  SampledGradientPlan(const TrainingOptions& options, RbmShape shape, const RowWeighting& weighting);

  std::uint64_t sweeps;
  std::uint64_t chains;  ///< persistent ones; 0: chains begin at the rows
  bool hidden_means;     ///< the sums over rows take the means of h
  bool visible_means;    ///< chains take the means of v
  bool weighted;         ///< rows count differently
  bool two_phases;
  ProbabilityRounding rounding;  ///< of means before they are summed

  [[nodiscard]] bool persistent() const noexcept { return chains > 0; }
  /// Whether the sums of a phase are weighted: chains that begin at the rows have their weights.
  [[nodiscard]] bool weighs(GradientPhase phase) const noexcept {
    return weighted && (phase == GradientPhase::data || !persistent());
  }
};

/// What both engines have: random numbers, chains that live on, and the way from two phases to one gradient.
class SampledGradient : public BatchGradient {
 public:
  void combine(std::size_t array, Shard rows, std::size_t thread, const PhaseSums& sums, std::span<Real> data,
               std::span<const Real> model) final;
  [[nodiscard]] std::vector<StateArray> state() final;
  void begin_state() final;

 protected:
  SampledGradient(const EstimatorSettings& settings, Workspace& memory);

  /// Some rows and chains of the node are taken.
  void begin_part(const MiniBatch& batch, Shard chains);
  /// What this rank tells of them, with the loss of its rows.
  [[nodiscard]] BatchTotals totals(std::int64_t loss) const;

  /// The weight of a row, by its number among those that are taken; that of the chain that begins at it.
  [[nodiscard]] Real weight(std::size_t row) const noexcept { return weights_[row]; }
  /// `count` states or means of a row or of a chain become what the sums of the phase take.
  void weigh(GradientPhase phase, std::size_t row, std::size_t count, Real* states) const noexcept {
    if (plan_.weighs(phase)) rbmpi::weigh(states, weight(row), count, weighting_.rounding, states);
  }
  /// Its squared error as it is summed.
  [[nodiscard]] std::int64_t loss(std::size_t row, std::int64_t squared_error) const noexcept {
    return plan_.weighted ? squared_error * loss_weights_[row] : squared_error;
  }

  /// Random numbers: row i of these is row i of the rows, or chain i of the chains, that are taken. What is drawn of
  /// the rows' v.
  [[nodiscard]] const Draws& row_draws() const noexcept { return draws_; }
  /// Of their h.
  [[nodiscard]] Draws hidden_draws() const noexcept { return plan_.persistent() ? draws_ : sweep_draws(0); }
  /// Of v in a sweep, the first of which is 0, with the phase below.
  [[nodiscard]] Draws sweep_draws(std::uint64_t sweep) const noexcept;
  /// A persistent chain, by its number among those that are taken, is about to get another v.
  void keep_visible(std::size_t chain) const noexcept {
    if (begins_epoch_) chains_->keep_visible(chains_here_.first + chain);
  }
  /// Of h after a sweep; h0 of rows is that before the first.
  [[nodiscard]] Draws draws_after(std::uint64_t sweep) const noexcept {
    return sweep_draws(plan_.persistent() ? sweep : sweep + 1);
  }
  [[nodiscard]] Phase visible_phase() const noexcept {
    return plan_.persistent() ? Phase::chain_visible : Phase::visible;
  }
  [[nodiscard]] Phase hidden_phase() const noexcept { return plan_.persistent() ? Phase::chain_hidden : Phase::hidden; }
  [[nodiscard]] bool is_last(std::uint64_t sweep) const noexcept { return sweep + 1 == plan_.sweeps; }

  SampledGradientPlan plan_;
  RbmView<const Real> rbm_;
  Couplings& couplings_;
  NodeShare share_;
  RowWeighting weighting_;
  std::optional<PersistentChains> chains_;
  std::size_t rows_ = 0;  ///< of the node that are taken
  Shard chains_here_;     ///< likewise: persistent ones by their numbers among all; else those of the rows

 private:
  std::optional<Centring> centring_;
  std::span<Real> weights_;               // of the rows that are taken, if they count differently
  std::span<std::int64_t> loss_weights_;  // the same as whole numbers
  Draws draws_;
  bool begins_epoch_ = false;
};

/// The engines.
[[nodiscard]] std::unique_ptr<BatchGradient> make_sampled_gradient_blas(const EstimatorSettings& settings,
                                                                        Workspace& memory);
[[nodiscard]] std::unique_ptr<BatchGradient> make_sampled_gradient_active(const EstimatorSettings& settings,
                                                                          Workspace& memory);

/// Local. How what is summed of units is rounded: to a grid on which the sums are exact.
[[nodiscard]] ProbabilityRounding state_rounding(const TrainingOptions& options, RbmShape shape, bool weighted);

/// Local. Whether sums have products of two means, v and h: then both are on a coarser grid (docs/numerics.md).
[[nodiscard]] bool multiplies_means(const TrainingOptions& options, bool weighted) noexcept;

// The functions of the table of estimators.
[[nodiscard]] std::uint64_t chains_that_go_on(const TrainingOptions& options);
[[nodiscard]] bool has_two_phases(const TrainingOptions& options);
[[nodiscard]] std::uint64_t exact_rows_of_samples(const TrainingOptions& options, RbmShape shape);
[[nodiscard]] bool shows_for_centring(const TrainingOptions& options, std::size_t array);

}  // namespace rbmpi
