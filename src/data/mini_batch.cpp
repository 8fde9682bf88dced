#include "rbmpi/data/mini_batch.hpp"

#include <algorithm>
#include <array>

#include "rbmpi/core/state_kernels.hpp"

namespace rbmpi {

void MiniBatch::find_rows(std::uint64_t begin, std::span<const std::byte*> rows) const noexcept {
  constexpr std::size_t at_once = 128;
  std::array<std::uint64_t, at_once> numbers;  // NOLINT(cppcoreguidelines-pro-type-member-init): written at once
  for (std::size_t done = 0; done < rows.size(); done += at_once) {
    const std::span<std::uint64_t> some = std::span(numbers).first(std::min(at_once, rows.size() - done));
    order->rows(first + begin + done, some);
    for (std::size_t i = 0; i < some.size(); ++i) rows[done + i] = samples->row(some[i]);
  }
}

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

void sample_row(const Samples& samples, const std::byte* row, Shard units, ProbabilityRounding rounding,
                const RandomStream& stream, Real* probabilities, std::uint64_t* states) {
  if (units.count == 0) return;
  with_values(samples, row, [&](const auto* values) {
    scale_and_sample(values + units.first, samples.scale, units.count, rounding, stream.from_unit(units.first),
                     probabilities, states);
  });
}

}  // namespace rbmpi
