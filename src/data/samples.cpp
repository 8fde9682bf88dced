#include "rbmpi/data/samples.hpp"

#include <algorithm>

#include "data/memory_reader.hpp"
#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/data/row_source.hpp"

namespace rbmpi {
namespace {

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

/// Reads rows where they lie.
class SamplesReader final : public MemoryReader {
 public:
  SamplesReader(const Samples& samples, const Rows& rows) : MemoryReader(rows), samples_(samples) {}

  void read(Shard rows, ProbabilityRounding rounding, MatrixView probabilities) const override {
    for_each(rows, {0, samples_.columns}, [&](std::uint64_t i, const auto* values) {
      scale_to_probabilities(values, samples_.scale, samples_.columns, rounding, probabilities.row(i));
    });
  }

  void read(Shard rows, BasicMatrixView<double> probabilities) const override {
    for_each(rows, {0, samples_.columns}, [&](std::uint64_t i, const auto* values) {
      double* const to = probabilities.row(i);
      for (std::size_t j = 0; j < samples_.columns; ++j) to[j] = static_cast<double>(values[j]) / samples_.scale;
    });
  }

  void draw(Shard rows, Shard units, ProbabilityRounding rounding, const Draws& draws, Phase phase,
            MatrixView probabilities, BitMatrixView states) const override {
    if (units.count == 0) return;
    for_each(rows, units, [&](std::uint64_t i, const auto* values) {
      scale_and_sample(values, samples_.scale, units.count, rounding, draws.stream(phase, i).from_unit(units.first),
                       probabilities.row(i), states.row(i));
    });
  }

 private:
  /// Calls body(i, values) with these units of row i of `rows`.
  template <typename Body>
  void for_each(Shard rows, Shard units, const Body& body) const {
    const std::size_t value_bytes = element_size(samples_.type);
    with_type(samples_.type, [&](const auto& values_at) {
      for_each_place(
          rows, units.count * value_bytes,
          [&](std::uint64_t row) { return samples_.row(row) + units.first * value_bytes; },
          [&](std::uint64_t i, const std::byte* place) { body(i, values_at(place)); });
    });
  }

  Samples samples_;
};

class SamplesSource final : public RowSource {
 public:
  explicit SamplesSource(const Samples& samples)
      : RowSource(samples.rows, samples.columns, samples.labels), samples_(samples) {}
  [[nodiscard]] std::unique_ptr<RowReader> reader(const Rows& rows, const ReaderShare& /*share*/,
                                                  Workspace& /*memory*/) const override {
    return std::make_unique<SamplesReader>(samples_, rows);
  }

 private:
  Samples samples_;
};

}  // namespace

Rows::Rows(const Samples& samples) : Rows(std::make_shared<SamplesSource>(samples)) {}

void row_probabilities(const Samples& samples, const std::byte* row, ProbabilityRounding rounding,
                       Real* probabilities) {
  with_type(samples.type, [&](const auto& values_at) {
    scale_to_probabilities(values_at(row), samples.scale, samples.columns, rounding, probabilities);
  });
}

}  // namespace rbmpi
