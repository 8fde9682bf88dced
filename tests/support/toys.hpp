#pragma once

#include "rbmpi/train/trainer.hpp"
#include "support/toy_estimator.hpp"
#include "support/toy_rows.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi::test {

// A unit, an estimator and a source of rows of one's own, and a training with them.

inline constexpr std::uint64_t toy_rows = 61;
inline constexpr std::uint64_t toy_columns = 21;

/// Adds the rows to their tables, once.
inline void add_toys() {
  static const bool added = [] {
    (void)toy_unit();
    add_gradient_estimator(toy_estimator());
    add_gradient_estimator(many_toys_estimator());
    return true;
  }();
  (void)added;
}

[[nodiscard]] inline TrainingOptions toy_options() {
  TrainingOptions options;
  options.hidden = 13;
  options.hidden_unit = toy_unit().name;
  options.estimator = "toy";
  options.epochs = 3;
  options.batch_size = 20;
  options.weight_init = 1;  // so that what a chain does depends on where it was
  options.learning_rate = 0.05;
  options.weight_cost = 0.001;
  options.engine = Engine::blas;
  return options;
}

[[nodiscard]] inline RbmShape toy_shape() {
  return {.visible = toy_columns, .hidden = 13, .hidden_unit = &toy_unit()};
}

}  // namespace rbmpi::test
