#pragma once

#include <cstdint>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// What all optimizers make of sums, and how long their steps are, as the options say epoch by epoch.
class GradientSchedules {
 public:
  explicit GradientSchedules(const OptimizationOptions& options)
      : learning_rate_(options.learning_rate),
        rate_decay_(options.rate_decay),
        weight_cost_(options.weight_cost),
        field_cost_(options.field_cost),
        l1_(options.l1),
        clip_(options.clip_gradient) {}

  /// Local. A step begins (Optimizer::begin_step).
  void begin_step(std::uint64_t epoch, Real sample_share) {
    terms_ = {.sample_share = sample_share, .clip = static_cast<Real>(clip_.at(epoch))};
    epoch_learning_rate_ = learning_rate_at(learning_rate_, rate_decay_, epoch);
    epoch_weight_cost_ = static_cast<Real>(weight_cost_.at(epoch));
    epoch_field_cost_ = static_cast<Real>(field_cost_.at(epoch));
    epoch_l1_ = static_cast<Real>(l1_.at(epoch));
  }

  [[nodiscard]] double learning_rate() const noexcept { return epoch_learning_rate_; }

  /// Of the parameters of an array.
  [[nodiscard]] GradientTerms terms(const ParameterArray& array) const noexcept {
    GradientTerms terms = terms_;
    if (array.weight_cost) {
      terms.weight_cost = epoch_weight_cost_;
      terms.l1 = epoch_l1_;
    } else if (array.field_cost) {
      terms.weight_cost = epoch_field_cost_;
    }
    return terms;
  }

 private:
  Schedule learning_rate_;
  double rate_decay_;
  Schedule weight_cost_;
  Schedule field_cost_;
  Schedule l1_;
  Schedule clip_;
  // Of this step.
  GradientTerms terms_;
  double epoch_learning_rate_ = 0;
  Real epoch_weight_cost_ = 0;
  Real epoch_field_cost_ = 0;
  Real epoch_l1_ = 0;
};

}  // namespace rbmpi
