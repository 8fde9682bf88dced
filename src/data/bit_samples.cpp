#include "rbmpi/data/bit_samples.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>

#include "data/memory_reader.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/state_kernels.hpp"

namespace rbmpi {
namespace {

/// Calls body(value) with the scale in the type of the samples.
template <typename Body>
auto with_one(ElementType type, double scale, const Body& body) {
  switch (type) {
    case ElementType::uint8:
      return body(static_cast<std::uint8_t>(scale));
    case ElementType::float32:
      return body(static_cast<float>(scale));
    default:
      return body(scale);
  }
}

/// numbers[i] = one if bit i, else 0.
template <typename Value>
void expand(const std::uint64_t* words, std::size_t count, Value one, Value* numbers) noexcept {
  for (std::size_t first = 0; first < count; first += 64) {
    const std::uint64_t word = words[first / 64];
    const std::size_t some = std::min<std::size_t>(64, count - first);
    for (std::size_t i = 0; i < some; ++i) numbers[first + i] = (word >> i & 1U) != 0 ? one : Value{0};
  }
}

/// Bits [first, first + count) of `words`, from bit 0 on; those behind are 0.
void copy_bits(const std::uint64_t* words, std::size_t first, std::size_t count, std::uint64_t* to) noexcept {
  const std::size_t shift = first % 64;
  const std::size_t behind = words_for(first + count);
  for (std::size_t i = 0; i < words_for(count); ++i) {
    const std::size_t from = first / 64 + i;
    to[i] = words[from] >> shift;
    if (shift > 0 && from + 1 < behind) to[i] |= words[from + 1] << (64 - shift);
  }
  if (count % 64 != 0) to[count / 64] &= (std::uint64_t{1} << (count % 64)) - 1;
}

class BitSamplesReader final : public MemoryReader {
 public:
  BitSamplesReader(const BitSamples& samples, const Rows& rows) : MemoryReader(rows), bits_(samples.bits) {}

  void read(Shard rows, ProbabilityRounding /*rounding*/, MatrixView probabilities) const override {
    for_each(rows, [&](std::uint64_t i, const std::uint64_t* words) {
      states_to_numbers(words, bits_.columns, probabilities.row(i));
    });
  }

  void read(Shard rows, BasicMatrixView<double> probabilities) const override {
    for_each(rows, [&](std::uint64_t i, const std::uint64_t* words) {
      expand(words, bits_.columns, 1.0, probabilities.row(i));
    });
  }

  // Whoever draws with probability 0 or 1 need not draw.
  void draw(Shard rows, Shard units, ProbabilityRounding /*rounding*/, const Draws& /*draws*/, Phase /*phase*/,
            MatrixView probabilities, BitMatrixView states) const override {
    if (units.count == 0) return;
    for_each(rows, [&](std::uint64_t i, const std::uint64_t* words) {
      copy_bits(words, units.first, units.count, states.row(i));
      states_to_numbers(states.row(i), units.count, probabilities.row(i));
    });
  }

 private:
  template <typename Body>
  void for_each(Shard rows, const Body& body) const {
    for_each_place(
        rows, bits_.row_words() * sizeof(std::uint64_t), [this](std::uint64_t row) { return bits_.row(row); }, body);
  }

  ConstBitMatrixView bits_;
};

}  // namespace

bool can_be_bits(ElementType type, double scale) noexcept {
  return with_one(type, scale, [&](auto one) {
    Real probability = 0;
    scale_to_probabilities(&one, scale, 1, unrounded, &probability);
    return static_cast<double>(one) == scale && probability == Real{1};
  });
}

bool to_bits(const Samples& samples, BitMatrixView bits) noexcept {
  return with_one(samples.type, samples.scale, [&](auto one) {
    using Value = decltype(one);
    bool all = true;
    for (std::uint64_t row = 0; row < samples.rows && all; ++row) {
      const auto* const values = reinterpret_cast<const Value*>(samples.row(row));
      for (std::size_t first = 0; first < samples.columns; first += 64) {
        const std::size_t some = std::min<std::size_t>(64, samples.columns - first);
        std::uint64_t word = 0;
        bool fits = true;
        for (std::size_t i = 0; i < some; ++i) {
          const Value value = values[first + i];
          word |= std::uint64_t{value == one} << i;
          // -0 is a zero, but not the same bytes.
          fits &= value == one || (value == Value{0} && !std::signbit(static_cast<double>(value)));
        }
        bits.row(row)[first / 64] = word;
        all = all && fits;
      }
    }
    return all;
  });
}

void to_stored(const BitSamples& samples, std::uint64_t first, std::uint64_t count, std::byte* values) noexcept {
  with_one(samples.type, samples.scale, [&](auto one) {
    auto* to = reinterpret_cast<decltype(one)*>(values);
    for (std::uint64_t row = first; row < first + count; ++row, to += samples.bits.columns) {
      expand(samples.bits.row(row), samples.bits.columns, one, to);
    }
  });
}

Rows rows_of(const BitSamples& samples) {
  return Rows(
      std::make_shared<MemorySource<BitSamplesReader, BitSamples>>(samples, samples.bits.rows, samples.bits.columns));
}

}  // namespace rbmpi
