#include "rbmpi/train/gradient_sums.hpp"

#include <algorithm>

#include "rbmpi/core/threads.hpp"

namespace rbmpi {

GradientSums::GradientSums(std::size_t size, bool wide, Arena& memory)
    : values_(memory.take<Real>(size)), wide_(memory.take<double>(wide ? size : 0)) {}

void GradientSums::finish_part(bool first) {
  if (wide_.empty()) return;
  parallel_pieces(values_.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      wide_[i] = (first ? 0.0 : wide_[i]) + static_cast<double>(values_[i]);
    }
  });
}

void GradientSums::exchange(const Communicator& peers, double weight) {
  if (wide_.empty()) {
    peers.sum(values_);
    return;
  }
  peers.sum(wide_);
  parallel_pieces(values_.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) values_[i] = weight > 0 ? static_cast<Real>(wide_[i] / weight) : Real{0};
  });
}

}  // namespace rbmpi
