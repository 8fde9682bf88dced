#include "rbmpi/train/gradient_sums.hpp"

#include <algorithm>

#include "rbmpi/core/threads.hpp"

namespace rbmpi {

GradientSums::GradientSums(std::size_t size, bool wide) : values_(size), wide_(wide ? size : 0) {}

void GradientSums::finish_part(bool first) {
  if (wide_.empty()) return;
  parallel_pieces(values_.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      wide_.data()[i] = (first ? 0.0 : wide_.data()[i]) + static_cast<double>(values_.data()[i]);
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
