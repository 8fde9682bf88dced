#include "rbmpi/data/samples.hpp"

#include <memory>

#include "data/stored_reader.hpp"
#include "rbmpi/data/row_source.hpp"

namespace rbmpi {
namespace {

/// Reads rows where they lie.
class SamplesReader final : public StoredReader<SamplesReader> {
 public:
  SamplesReader(const Samples& samples, const Rows& rows)
      : StoredReader(rows, samples.type, samples.scale), samples_(samples) {}
  [[nodiscard]] const std::byte* place(std::uint64_t row) const noexcept { return samples_.row(row); }

 private:
  Samples samples_;
};

}  // namespace

Rows::Rows(const Samples& samples)
    : Rows(std::make_shared<MemorySource<SamplesReader, Samples>>(samples, samples.rows, samples.columns)) {}

void row_probabilities(const Samples& samples, const std::byte* row, ProbabilityRounding rounding,
                       Real* probabilities) {
  with_type(samples.type, [&](const auto& values_at) {
    scale_to_probabilities(values_at(row), samples.scale, samples.columns, rounding, probabilities);
  });
}

}  // namespace rbmpi
