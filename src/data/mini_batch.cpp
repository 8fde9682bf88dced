#include "rbmpi/data/mini_batch.hpp"

namespace rbmpi {

void row_probabilities(const Samples& samples, const std::byte* row, ProbabilityRounding rounding,
                       Real* probabilities) {
  const auto scale_row = [&](const auto* values) {
    scale_to_probabilities(values, samples.scale, samples.columns, rounding, probabilities);
  };
  switch (samples.type) {
    case ElementType::uint8:
      return scale_row(reinterpret_cast<const std::uint8_t*>(row));
    case ElementType::float32:
      return scale_row(reinterpret_cast<const float*>(row));
    case ElementType::float64:
      return scale_row(reinterpret_cast<const double*>(row));
    case ElementType::int32:
    case ElementType::other:
      break;  // no samples are of these types
  }
}

}  // namespace rbmpi
