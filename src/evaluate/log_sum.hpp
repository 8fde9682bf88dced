#pragma once

#include <cmath>
#include <limits>

namespace rbmpi {

/// log of a sum whose terms come as logarithms, one after the other.
class LogSum {
 public:
  void add(double term) {
    if (term > largest_) {
      sum_ = sum_ * std::exp(largest_ - term) + 1;
      largest_ = term;
    } else {
      sum_ += std::exp(term - largest_);
    }
  }
  [[nodiscard]] double value() const { return largest_ + std::log(sum_); }

 private:
  double largest_ = -std::numeric_limits<double>::infinity();
  double sum_ = 0;
};

}  // namespace rbmpi
