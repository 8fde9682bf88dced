#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "rbmpi/data/samples.hpp"
#include "support/numbers.hpp"

namespace rbmpi::test {

/// Samples in memory: a third of the values 0, a third the scale, the others between them.
class RandomSamples {
 public:
  RandomSamples(ElementType type, std::uint64_t rows, std::uint64_t columns, std::uint64_t seed = 1)
      : bytes_(rows * columns * element_size(type)) {
    const double scale = type == ElementType::uint8 ? 255.0 : type == ElementType::float32 ? 1.0 : 4.0;
    view_ = {type, bytes_.data(), rows, columns, scale};
    Random random(seed);
    for (std::uint64_t i = 0; i < rows * columns; ++i) {
      const std::uint64_t kind = random.below(3);
      const double value = kind == 0 ? 0.0 : kind == 1 ? scale : scale * random.uniform();
      set(i, value);
    }
  }
  RandomSamples(const RandomSamples&) = delete;
  RandomSamples& operator=(const RandomSamples&) = delete;

  [[nodiscard]] const Samples& view() const noexcept { return view_; }

 private:
  void set(std::uint64_t index, double value) {
    const auto store = [&](auto number) {
      std::memcpy(bytes_.data() + index * sizeof(number), &number, sizeof(number));
    };
    switch (view_.type) {
      case ElementType::uint8:
        return store(static_cast<std::uint8_t>(value));
      case ElementType::float32:
        return store(static_cast<float>(value));
      default:
        return store(value);
    }
  }

  std::vector<std::byte> bytes_;
  Samples view_;
};

}  // namespace rbmpi::test
