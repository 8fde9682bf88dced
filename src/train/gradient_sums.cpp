#include "rbmpi/train/gradient_sums.hpp"

#include <algorithm>

#include "rbmpi/core/threads.hpp"

namespace rbmpi {

GradientSums::GradientSums(std::size_t size, bool wide) : values_(size), wide_(wide ? size : 0) {}

void GradientSums::clear() {
  parallel_pieces(values_.size(), [&](std::size_t first, std::size_t last) {
    std::fill(values_.data() + first, values_.data() + last, Real{0});
    if (!wide_.empty()) std::fill(wide_.data() + first, wide_.data() + last, 0.0);
  });
}

void GradientSums::finish_part() {
  if (wide_.empty()) return;
  parallel_pieces(values_.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      wide_.data()[i] += static_cast<double>(values_.data()[i]);
      values_.data()[i] = 0;
    }
  });
}

void GradientSums::exchange(const Communicator& peers, std::uint64_t samples) {
  if (wide_.empty()) {
    peers.sum(values_.span());
    return;
  }
  peers.sum(wide_.span());
  const auto count = static_cast<double>(samples);
  parallel_pieces(values_.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) values_.data()[i] = static_cast<Real>(wide_.data()[i] / count);
  });
}

}  // namespace rbmpi
