#include "data/rows_in_memory.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/bit_matrix.hpp"

namespace rbmpi {
namespace {

/// Where the parts begin, in bytes: each on a cache line.
struct Parts {
  std::uint64_t values = 0;
  std::uint64_t ends = 0;
  std::uint64_t units = 0;
  std::uint64_t labels = 0;
  std::uint64_t weights = 0;
  std::uint64_t all = 0;
};

Parts parts_of(const DatasetInfo& info, RowStorage storage) {
  Parts parts;
  std::uint64_t bytes = 0;
  const auto part = [&](std::uint64_t size) {
    const std::uint64_t begin = bytes;
    bytes += whole_lines<std::byte>(size);
    return begin;
  };
  const std::size_t value = element_size(info.type);
  switch (storage) {
    case RowStorage::as_stored:
      parts.values = part(info.rows * info.columns * value);
      break;
    case RowStorage::bits:
      parts.values = part(info.rows * words_for(info.columns) * sizeof(std::uint64_t));
      break;
    case RowStorage::none:
      break;
    case RowStorage::sparse:
      parts.values = part(info.nonzeros * value);
      parts.ends = part(info.rows * sizeof(std::uint64_t));
      parts.units = part(info.nonzeros * sizeof(std::int32_t));
      break;
  }
  parts.labels = part(info.has_labels ? info.rows * sizeof(std::int32_t) : 0);
  parts.weights = part(info.has_weights ? info.rows * sizeof(float) : 0);
  parts.all = bytes;
  return parts;
}

/// Calls body(first, count) for the runs of rows between those that are listed, which rise.
template <typename Body>
void for_runs_between(std::span<const std::uint64_t> listed, std::uint64_t rows, const Body& body) {
  std::uint64_t first = 0;
  for (const std::uint64_t row : listed) {
    if (row > first) body(first, row - first);
    first = row + 1;
  }
  if (rows > first) body(first, rows - first);
}

/// Puts some of `rows` records of `bytes` each behind all others.
void move_records(std::byte* records, std::size_t bytes, std::uint64_t rows, std::span<const std::uint64_t> moved) {
  std::vector<std::byte> aside(moved.size() * bytes);
  for (std::size_t i = 0; i < moved.size(); ++i) std::memcpy(&aside[i * bytes], records + moved[i] * bytes, bytes);
  std::byte* to = records;
  for_runs_between(moved, rows, [&](std::uint64_t first, std::uint64_t count) {
    std::memmove(to, records + first * bytes, count * bytes);
    to += count * bytes;
  });
  std::ranges::copy(aside, to);
}

}  // namespace

std::uint64_t RowsInMemory::bytes(const DatasetInfo& info, RowStorage storage) {
  return parts_of(info, storage).all;
}

RowsInMemory::RowsInMemory(const DatasetInfo& info, RowStorage storage, std::byte* memory)
    : storage_(storage), samples_{info.type, nullptr, info.rows, info.columns, info.scale} {
  const Parts parts = parts_of(info, storage);
  values_ = memory + parts.values;
  ends_ = reinterpret_cast<std::uint64_t*>(memory + parts.ends);
  units_ = reinterpret_cast<std::int32_t*>(memory + parts.units);
  labels_ = info.has_labels ? reinterpret_cast<std::int32_t*>(memory + parts.labels) : nullptr;
  weights_ = info.has_weights ? reinterpret_cast<float*>(memory + parts.weights) : nullptr;
  samples_.values = values_;
  samples_.labels = labels_;
  bits_ = {.type = info.type,
           .scale = info.scale,
           .bits = {reinterpret_cast<const std::uint64_t*>(values_), info.rows, info.columns},
           .labels = labels_};
  sparse_ = {.type = info.type,
             .scale = info.scale,
             .rows = info.rows,
             .columns = info.columns,
             .ends = ends_,
             .units = units_,
             .values = values_,
             .labels = labels_};
}

bool RowsInMemory::read(const DatasetReader& reader, Shard rows) const {
  switch (storage_) {
    case RowStorage::none:
      return true;
    case RowStorage::as_stored:
      reader.read_samples(rows.first, rows.count, values_ + rows.first * samples_.row_bytes());
      return true;
    case RowStorage::bits: {
      std::vector<std::byte> buffer(rows.count * samples_.row_bytes());
      reader.read_samples(rows.first, rows.count, buffer.data());
      Samples some = samples_;
      some.values = buffer.data();
      some.rows = rows.count;
      auto* const words = reinterpret_cast<std::uint64_t*>(values_) + rows.first * bits_.bits.row_words();
      return to_bits(some, {words, some.rows, some.columns});
    }
    case RowStorage::sparse: {
      const SparseRows some = reader.read_sparse(rows.first, rows.count);
      std::ranges::transform(some.ends, ends_ + rows.first, [&](std::uint64_t end) { return some.before + end; });
      std::ranges::copy(some.columns, units_ + some.before);
      std::ranges::copy(some.values, values_ + some.before * element_size(sparse_.type));
      return true;
    }
  }
  return true;
}

void RowsInMemory::read_labels(const DatasetReader& reader, Shard rows) const {
  reader.read_labels(rows.first, rows.count, labels_ + rows.first);
}

void RowsInMemory::read_weights(const DatasetReader& reader, Shard rows) const {
  reader.read_weights(rows.first, rows.count, weights_ + rows.first);
}

void RowsInMemory::move_to_end(std::span<const std::uint64_t> rows) const {
  const std::uint64_t all = samples_.rows;
  if (labels_ != nullptr) move_records(reinterpret_cast<std::byte*>(labels_), sizeof *labels_, all, rows);
  if (weights_ != nullptr) move_records(reinterpret_cast<std::byte*>(weights_), sizeof *weights_, all, rows);
  switch (storage_) {
    case RowStorage::none:
      return;
    case RowStorage::as_stored:
      return move_records(values_, samples_.row_bytes(), all, rows);
    case RowStorage::bits:
      return move_records(values_, bits_.bits.row_words() * sizeof(std::uint64_t), all, rows);
    case RowStorage::sparse:
      return move_sparse_rows(rows);
  }
}

void RowsInMemory::move_sparse_rows(std::span<const std::uint64_t> rows) const {
  const std::size_t bytes = element_size(sparse_.type);
  std::vector<std::uint64_t> lengths(sparse_.rows);
  for (std::uint64_t row = 0; row < sparse_.rows; ++row) lengths[row] = ends_[row] - sparse_.begin(row);
  std::vector<std::int32_t> units;
  std::vector<std::byte> values;
  for (const std::uint64_t row : rows) {
    units.insert(units.end(), units_ + sparse_.begin(row), units_ + ends_[row]);
    values.insert(values.end(), values_ + sparse_.begin(row) * bytes, values_ + ends_[row] * bytes);
  }
  std::uint64_t to = 0;
  for_runs_between(rows, sparse_.rows, [&](std::uint64_t first, std::uint64_t count) {
    const std::uint64_t begin = sparse_.begin(first);
    const std::uint64_t some = ends_[first + count - 1] - begin;
    std::memmove(units_ + to, units_ + begin, some * sizeof *units_);
    std::memmove(values_ + to * bytes, values_ + begin * bytes, some * bytes);
    to += some;
  });
  std::ranges::copy(units, units_ + to);
  std::ranges::copy(values, values_ + to * bytes);
  move_records(reinterpret_cast<std::byte*>(lengths.data()), sizeof(std::uint64_t), sparse_.rows, rows);
  std::partial_sum(lengths.begin(), lengths.end(), ends_);
}

Rows RowsInMemory::rows() const {
  Rows rows = samples_;
  if (storage_ == RowStorage::bits) rows = rows_of(bits_);
  if (storage_ == RowStorage::sparse) rows = rows_of(sparse_);
  rows.weights = weights_;
  return rows;
}

Samples RowsInMemory::stored(std::uint64_t first, std::uint64_t count, std::vector<std::byte>& buffer) const {
  Samples some = samples_.part(first, count);
  if (storage_ == RowStorage::as_stored) return some;
  buffer.resize(std::max(buffer.size(), count * some.row_bytes()));
  some.values = buffer.data();
  if (storage_ == RowStorage::bits) {
    to_stored(bits_, first, count, buffer.data());
  } else {
    to_stored(sparse_, first, count, buffer.data());
  }
  return some;
}

}  // namespace rbmpi
