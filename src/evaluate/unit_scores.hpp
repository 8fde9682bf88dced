#pragma once

#include <cstdint>
#include <span>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/evaluate/data_scores.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// Scores of a machine of any kinds of units, row by row, from its table (model/unit.hpp): a plain way where there is
/// no fast one on bits. For one thread; allocates nothing after the constructor.
class UnitScores {
 public:
  /// Where memory is counted, the shape of `rbm` alone matters.
  UnitScores(RbmView<const Real> rbm, const ScoreSettings& settings, Arena& memory);

  /// From now on of this row, V states or means of states.
  void take(std::span<const double> v);

  [[nodiscard]] double free_energy() const { return free_energy_; }

  struct Reconstruction {
    double squared_error = 0;  ///< mean over the visible units
    double cross_entropy = 0;
  };
  [[nodiscard]] Reconstruction reconstruct();

  /// log p(v_i | v without i), of visible units with two states.
  [[nodiscard]] double unit_log_likelihood(std::uint64_t i);

 private:
  RbmView<const Real> rbm_;
  double energy_ = 0;  // of the visible units
  double free_energy_ = 0;
  std::span<Real> v_;           // V
  std::span<double> fields_;    // H: v W
  std::span<double> others_;    // H: with one unit flipped
  std::span<Real> means_;       // H
  std::span<double> fields_v_;  // V
  std::span<Real> means_v_;     // V
};

}  // namespace rbmpi
