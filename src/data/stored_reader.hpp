#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "data/memory_reader.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/data/samples.hpp"

namespace rbmpi {

/// Calls body(of_row) with a function from the place of a row to its values in their own type.
template <typename Body>
void with_type(ElementType type, const Body& body) {
  switch (type) {
    case ElementType::uint8:
      return body([](const std::byte* row) { return reinterpret_cast<const std::uint8_t*>(row); });
    case ElementType::float32:
      return body([](const std::byte* row) { return reinterpret_cast<const float*>(row); });
    case ElementType::float64:
      return body([](const std::byte* row) { return reinterpret_cast<const double*>(row); });
    case ElementType::int32:
    case ElementType::int64:
    case ElementType::other:
      break;  // no samples are of these types
  }
}

/// Reads rows that lie in memory as the file stores them. `Derived` tells where: `place(row)`, the row counted in the
/// source.
template <typename Derived>
class StoredReader : public MemoryReader {
 public:
  void read(Shard rows, ProbabilityRounding rounding, MatrixView probabilities) const override {
    for_each(rows, {0, columns_}, [&](std::uint64_t i, const auto* values) {
      scale_to_probabilities(values, scale_, columns_, rounding, probabilities.row(i));
    });
  }

  void read(Shard rows, BasicMatrixView<double> probabilities) const override {
    for_each(rows, {0, columns_}, [&](std::uint64_t i, const auto* values) {
      double* const to = probabilities.row(i);
      for (std::size_t j = 0; j < columns_; ++j) to[j] = static_cast<double>(values[j]) / scale_;
    });
  }

  void draw(Shard rows, Shard units, ProbabilityRounding rounding, const Draws& draws, Phase phase,
            MatrixView probabilities, BitMatrixView states) const override {
    if (units.count == 0) return;
    for_each(rows, units, [&](std::uint64_t i, const auto* values) {
      scale_and_sample(values, scale_, units.count, rounding, draws.stream(phase, i).from_unit(units.first),
                       probabilities.row(i), states.row(i));
    });
  }

 protected:
  StoredReader(Rows rows, ElementType type, double scale)
      : MemoryReader(std::move(rows)), type_(type), scale_(scale), columns_(this->rows().columns) {}

 private:
  /// Calls body(i, values) with these units of row i of `rows`.
  template <typename Body>
  void for_each(Shard rows, Shard units, const Body& body) const {
    const std::size_t value_bytes = element_size(type_);
    const auto& self = static_cast<const Derived&>(*this);
    with_type(type_, [&](const auto& values_at) {
      for_each_place(
          rows, units.count * value_bytes,
          [&](std::uint64_t row) { return self.place(row) + units.first * value_bytes; },
          [&](std::uint64_t i, const std::byte* place) { body(i, values_at(place)); });
    });
  }

  ElementType type_;
  double scale_;
  std::size_t columns_;
};

}  // namespace rbmpi
