#include "rbmpi/train/gradient_sums.hpp"

#include <algorithm>
#include <array>

#include "rbmpi/core/threads.hpp"

namespace rbmpi {
namespace {

// The tail: 8 digits of the number of samples, 8 of the squared error, the numbers of ranks that want to stop and that
// want a checkpoint.
constexpr std::size_t digits = 8;
constexpr std::size_t digit_bits = 8;
constexpr std::size_t tail_size = 2 * digits + 2;

template <typename Value>
void write_digits(std::uint64_t number, Value* tail) {
  for (std::size_t i = 0; i < digits; ++i) tail[i] = static_cast<Value>((number >> (i * digit_bits)) & 0xFFU);
}

/// Digits that were summed over the ranks may be larger than 255: they are still multiples of their power.
template <typename Value>
std::uint64_t read_digits(const Value* tail) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < digits; ++i) number += static_cast<std::uint64_t>(tail[i]) << (i * digit_bits);
  return number;
}

}  // namespace

GradientSums::GradientSums(std::size_t parameters, bool wide)
    : parameters_(parameters), values_(parameters + tail_size), wide_(wide ? parameters + tail_size : 0) {}

void GradientSums::clear() {
  parallel_pieces(values_.size(), [&](std::size_t first, std::size_t last) {
    std::fill(values_.data() + first, values_.data() + last, Real{0});
    if (!wide_.empty()) std::fill(wide_.data() + first, wide_.data() + last, 0.0);
  });
  samples_ = 0;
  squared_error_ = 0;
  stop_ = false;
  checkpoint_ = false;
}

void GradientSums::finish_part() {
  if (wide_.empty()) return;
  parallel_pieces(parameters_, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      wide_.data()[i] += static_cast<double>(values_.data()[i]);
      values_.data()[i] = 0;
    }
  });
}

void GradientSums::exchange(const Communicator& world) {
  const auto sum_tail = [&](auto& buffer) {
    auto* const tail = buffer.data() + parameters_;
    write_digits(samples_, tail);
    write_digits(squared_error_, tail + digits);
    tail[2 * digits] = stop_ ? 1 : 0;
    tail[2 * digits + 1] = checkpoint_ ? 1 : 0;
    world.sum(buffer.span());
    samples_ = read_digits(tail);
    squared_error_ = read_digits(tail + digits);
    stop_ = tail[2 * digits] > 0;
    checkpoint_ = tail[2 * digits + 1] > 0;
  };
  if (wide_.empty()) {
    sum_tail(values_);
    return;
  }
  sum_tail(wide_);
  const auto count = static_cast<double>(samples_);
  parallel_pieces(parameters_, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) values_.data()[i] = static_cast<Real>(wide_.data()[i] / count);
  });
}

}  // namespace rbmpi
