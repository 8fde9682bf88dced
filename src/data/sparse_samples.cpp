#include "rbmpi/data/sparse_samples.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "data/stored_reader.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/state_kernels.hpp"

namespace rbmpi {
namespace {

class SparseSamplesReader final : public MemoryReader {
 public:
  SparseSamplesReader(const SparseSamples& samples, const Rows& rows) : MemoryReader(rows), samples_(samples) {}

  void read(Shard rows, ProbabilityRounding rounding, MatrixView probabilities) const override {
    for_each_value(rows, {0, samples_.columns}, rounding, probabilities, [](std::size_t, std::size_t, Real) {});
  }

  void read(Shard rows, BasicMatrixView<double> probabilities) const override {
    with_type(samples_.type, [&](const auto& values_at) {
      const auto* const values = values_at(samples_.values);
      for_each(rows, {0, samples_.columns}, [&](std::uint64_t i, Shard some) {
        double* const to = probabilities.row(i);
        std::fill_n(to, samples_.columns, 0.0);
        for (std::uint64_t at = some.first; at < some.first + some.count; ++at) {
          to[samples_.units[at]] = static_cast<double>(values[at]) / samples_.scale;
        }
      });
    });
  }

  // Only what is between 0 and 1 has to be drawn.
  void draw(Shard rows, Shard units, ProbabilityRounding rounding, const Draws& draws, Phase phase,
            MatrixView probabilities, BitMatrixView states) const override {
    if (units.count == 0) return;
    std::fill_n(states.words, rows.count * states.row_words(), std::uint64_t{0});
    std::array<bool, at_once> grey{};
    for (std::uint64_t done = 0; done < rows.count; done += at_once) {
      const std::uint64_t count = std::min<std::uint64_t>(at_once, rows.count - done);
      grey.fill(false);
      const MatrixView some{probabilities.row(done), count, units.count};
      for_each_value({rows.first + done, count}, units, rounding, some, [&](std::size_t i, std::size_t unit, Real p) {
        if (p == 1) states.turn_on(done + i, unit);
        grey[i] = grey[i] || (p > 0 && p < 1);
      });
      for (std::size_t i = 0; i < count; ++i) {
        if (!grey[i]) continue;
        scale_and_sample(some.row(i), 1.0, units.count, rounding, draws.stream(phase, done + i).from_unit(units.first),
                         some.row(i), states.row(done + i));
      }
    }
  }

 private:
  static constexpr std::size_t at_once = 64;

  /// Calls body(i, places of the values that are of these units) for row i of `rows`.
  template <typename Body>
  void for_each(Shard rows, Shard units, const Body& body) const {
    for_each_place(
        rows, sizeof(std::uint64_t), [this](std::uint64_t row) { return samples_.ends + row; },
        [&](std::uint64_t i, const std::uint64_t* end) {
          const std::int32_t* const first =
              samples_.units + samples_.begin(static_cast<std::uint64_t>(end - samples_.ends));
          const std::int32_t* const last = samples_.units + *end;
          const std::int32_t* const from =
              units.first == 0 ? first : std::lower_bound(first, last, static_cast<std::int32_t>(units.first));
          const std::int32_t* const to =
              std::lower_bound(from, last, static_cast<std::int64_t>(units.first + units.count));
          body(i, Shard{static_cast<std::uint64_t>(from - samples_.units), static_cast<std::uint64_t>(to - from)});
        });
  }

  /// The probabilities of these units of the rows, and body(i, unit, probability) for those that are stored, `unit`
  /// counted from the first of these units.
  template <typename Body>
  void for_each_value(Shard rows, Shard units, ProbabilityRounding rounding, MatrixView probabilities,
                      const Body& body) const {
    with_type(samples_.type, [&](const auto& values_at) {
      const auto* const values = values_at(samples_.values);
      for_each(rows, units, [&](std::uint64_t i, Shard some) {
        Real* const to = probabilities.row(i);
        std::fill_n(to, units.count, Real{0});
        std::array<Real, at_once> scaled{};
        for (std::uint64_t done = 0; done < some.count; done += at_once) {
          const std::uint64_t at = some.first + done;
          const std::size_t count = std::min<std::uint64_t>(at_once, some.count - done);
          scale_to_probabilities(values + at, samples_.scale, count, rounding, scaled.data());
          for (std::size_t k = 0; k < count; ++k) {
            const auto unit = static_cast<std::size_t>(samples_.units[at + k]) - units.first;
            to[unit] = scaled[k];
            body(i, unit, scaled[k]);
          }
        }
      });
    });
  }

  SparseSamples samples_;
};

}  // namespace

void to_stored(const SparseSamples& samples, std::uint64_t first, std::uint64_t count, std::byte* values) noexcept {
  const std::size_t bytes = element_size(samples.type);
  std::fill_n(values, count * samples.columns * bytes, std::byte{0});
  for (std::uint64_t row = first; row < first + count; ++row, values += samples.columns * bytes) {
    for (std::uint64_t at = samples.begin(row); at < samples.ends[row]; ++at) {
      std::memcpy(values + static_cast<std::size_t>(samples.units[at]) * bytes, samples.values + at * bytes, bytes);
    }
  }
}

Rows rows_of(const SparseSamples& samples) {
  return Rows(
      std::make_shared<MemorySource<SparseSamplesReader, SparseSamples>>(samples, samples.rows, samples.columns));
}

}  // namespace rbmpi
