#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rbmpi {

/// A number that may change from epoch to epoch, such as a momentum of 0.5 at first and 0.9 later: steps, each in force
/// from its epoch on. Epochs are counted from 1.
class Schedule {
 public:
  struct Step {
    std::uint64_t from_epoch = 1;
    double value = 0;
  };

  /// The same value in every epoch.
  Schedule(double value) : steps_{{1, value}} {}  // NOLINT(google-explicit-constructor): a number is a schedule
  /// Throws Error(Failure::usage) unless the first step begins at epoch 1 and the epochs increase.
  explicit Schedule(std::vector<Step> steps);

  /// "0.9", or "1:0.5, 6:0.9": 0.5 from epoch 1 and 0.9 from epoch 6. Throws Error(Failure::usage) that says what is
  /// wrong with the text.
  [[nodiscard]] static Schedule parse(const std::string& text);
  /// The form that `parse` reads.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] double at(std::uint64_t epoch) const noexcept;
  [[nodiscard]] const std::vector<Step>& steps() const noexcept { return steps_; }

 private:
  std::vector<Step> steps_;
};

/// base^exponent by products alone, which are the same everywhere; std::pow need not be.
[[nodiscard]] double power(double base, std::uint64_t exponent) noexcept;

/// The learning rate of an epoch, from 1: that of the schedule, times `decay` for each epoch before this one.
[[nodiscard]] double learning_rate_at(const Schedule& learning_rate, double decay, std::uint64_t epoch) noexcept;

}  // namespace rbmpi
