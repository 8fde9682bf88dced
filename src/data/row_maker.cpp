#include "rbmpi/data/row_maker.hpp"

#include <numeric>

namespace rbmpi {

SampleBlocks::SampleBlocks(const Samples& samples, std::size_t most_rows)
    : samples_(samples), numbers_(samples.maker == nullptr ? 0 : most_rows), made_(numbers_.size() * samples.columns) {}

Samples SampleBlocks::rows(std::uint64_t first, std::uint64_t count) {
  Samples block = samples_.part(first, count);
  if (block.maker == nullptr) return block;
  const std::span<std::uint64_t> numbers = std::span(numbers_).first(count);
  std::iota(numbers.begin(), numbers.end(), block.first_made);
  block.maker->make(numbers, made_.data());
  block.values = reinterpret_cast<const std::byte*>(made_.data());
  block.maker = nullptr;
  return block;
}

}  // namespace rbmpi
