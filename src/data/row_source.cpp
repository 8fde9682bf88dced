#include "rbmpi/data/row_source.hpp"

#include <utility>

#include "rbmpi/core/threads.hpp"

namespace rbmpi {

Rows::Rows() : Rows(Samples{}) {}

Rows::Rows(std::shared_ptr<const RowSource> source)
    : rows(source->rows()),
      columns(source->columns()),
      labels(source->labels()),
      weights(source->weights()),
      source_(std::move(source)) {}

// A source that is shared, but not owned.
Rows::Rows(const RowSource& source) : Rows(std::shared_ptr<const RowSource>(std::shared_ptr<void>(), &source)) {}

Rows Rows::part(std::uint64_t first, std::uint64_t count) const {
  Rows some = *this;
  some.rows = count;
  some.labels = labels == nullptr ? nullptr : labels + first;
  some.weights = weights == nullptr ? nullptr : weights + first;
  some.first_ += first;
  return some;
}

std::unique_ptr<RowReader> Rows::reader(const ReaderShare& share, Workspace& memory) const {
  return source_->reader(*this, share, memory);
}

RowReader::RowReader(Rows rows) : rows_(std::move(rows)), order_(rows_.rows, /*shuffled=*/false, 0, 0, 0) {}

void RowReader::next(const RowOrder& order, std::uint64_t first, std::uint64_t count) {
  order_ = order;
  position_ = first;
  count_ = count;
  fetch();
}

void RowReader::read_labels(Shard rows, std::span<std::int32_t> labels) const {
  for_numbers(rows, [&](std::span<const std::uint64_t> numbers, std::uint64_t done) {
    for (std::size_t i = 0; i < numbers.size(); ++i) labels[done + i] = rows_.labels[numbers[i]];
  });
}

void RowReader::read_weights(Shard rows, std::span<Real> weights) const {
  for_numbers(rows, [&](std::span<const std::uint64_t> numbers, std::uint64_t done) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      weights[done + i] = rows_.weights == nullptr ? 1 : rows_.weights[numbers[i]];
    }
  });
}

void RowReader::read_on_all_threads(Shard rows, ProbabilityRounding rounding, MatrixView probabilities) const {
  parallel_pieces(rows.count, [&](std::size_t first, std::size_t last) {
    read({rows.first + first, last - first}, rounding, {probabilities.row(first), last - first, probabilities.columns});
  });
}

}  // namespace rbmpi
