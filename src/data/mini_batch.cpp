#include "rbmpi/data/mini_batch.hpp"

#include "rbmpi/core/state_kernels.hpp"

namespace rbmpi {

namespace {

/// Calls body(values) with the values of a row in their own type.
template <typename Body>
void with_values(const Samples& samples, const std::byte* row, const Body& body) {
  switch (samples.type) {
    case ElementType::uint8:
      return body(reinterpret_cast<const std::uint8_t*>(row));
    case ElementType::float32:
      return body(reinterpret_cast<const float*>(row));
    case ElementType::float64:
      return body(reinterpret_cast<const double*>(row));
    case ElementType::int32:
    case ElementType::other:
      break;  // no samples are of these types
  }
}

}  // namespace

void row_probabilities(const Samples& samples, const std::byte* row, ProbabilityRounding rounding,
                       Real* probabilities) {
  with_values(samples, row, [&](const auto* values) {
    scale_to_probabilities(values, samples.scale, samples.columns, rounding, probabilities);
  });
}

void sample_row(const Samples& samples, const std::byte* row, ProbabilityRounding rounding, const RandomStream& stream,
                Real* probabilities, std::uint64_t* states) {
  with_values(samples, row, [&](const auto* values) {
    scale_and_sample(values, samples.scale, samples.columns, rounding, stream, probabilities, states);
  });
}

}  // namespace rbmpi
