#include "support/toy_rows.hpp"

#include "rbmpi/core/state_kernels.hpp"

namespace rbmpi::test {
namespace {

class ToyReader final : public RowReader {
 public:
  explicit ToyReader(const Rows& rows) : RowReader(rows) {}

  void read(Shard rows, ProbabilityRounding /*rounding*/, MatrixView probabilities) const override {
    write(rows, 0, probabilities);
  }

  void read(Shard rows, BasicMatrixView<double> probabilities) const override { write(rows, 0, probabilities); }

  void draw(Shard rows, Shard units, ProbabilityRounding rounding, const Draws& draws, Phase phase,
            MatrixView probabilities, BitMatrixView states) const override {
    write(rows, units.first, probabilities);
    for (std::size_t i = 0; i < rows.count; ++i) {
      Real* const p = probabilities.row(i);
      scale_and_sample(p, 1, units.count, rounding, draws.stream(phase, i).from_unit(units.first), p, states.row(i));
    }
  }

 private:
  template <typename Value>
  void write(Shard some, std::uint64_t first_unit, BasicMatrixView<Value> to) const {
    for_numbers(some, [&](std::span<const std::uint64_t> numbers, std::uint64_t done) {
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        for (std::size_t j = 0; j < to.columns; ++j) {
          to.row(done + i)[j] = static_cast<Value>(ToyRows::value(rows().first() + numbers[i], first_unit + j));
        }
      }
    });
  }
};

}  // namespace

/// Stripes: units of a row are on in turns, the wider the larger the row's number is modulo 3.
Real ToyRows::value(std::uint64_t row, std::uint64_t unit) {
  return static_cast<Real>((unit / (row % 3 + 1) + row / 3) % 2);
}

std::unique_ptr<RowReader> ToyRows::reader(const Rows& rows, const ReaderShare& /*share*/,
                                           Workspace& /*memory*/) const {
  return std::make_unique<ToyReader>(rows);
}

}  // namespace rbmpi::test
