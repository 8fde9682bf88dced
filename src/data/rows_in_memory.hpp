#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/data/bit_samples.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/data/sparse_samples.hpp"

namespace rbmpi {

/// How rows of a dataset lie in memory: in the type and shape of the file, as bits, or by their values that are not 0.
/// Or not at all: only their labels and weights are.
enum class RowStorage { as_stored, bits, sparse, none };

/// The rows of a dataset, their labels and weights in memory that is given to it. Every method is Local.
class RowsInMemory {
 public:
  /// What `bytes` of memory the rows of a dataset take.
  [[nodiscard]] static std::uint64_t bytes(const DatasetInfo& info, RowStorage storage);

  RowsInMemory() = default;
  RowsInMemory(const DatasetInfo& info, RowStorage storage, std::byte* memory);

  /// Reads some of the rows of a file to where they belong. False if they are to be bits, and are not.
  [[nodiscard]] bool read(const DatasetReader& reader, Shard rows) const;
  void read_labels(const DatasetReader& reader, Shard rows) const;
  void read_weights(const DatasetReader& reader, Shard rows) const;
  [[nodiscard]] const std::int32_t* labels() const noexcept { return labels_; }
  [[nodiscard]] const float* weights() const noexcept { return weights_; }

  /// Puts these rows, which rise, behind all others, with their labels and weights: both keep their order.
  void move_to_end(std::span<const std::uint64_t> rows) const;

  /// All of them as data.
  [[nodiscard]] Rows rows() const;
  /// Rows [first, first + count) as they are stored in a dense file, in `buffer` if they are not so in memory.
  [[nodiscard]] Samples stored(std::uint64_t first, std::uint64_t count, std::vector<std::byte>& buffer) const;

 private:
  void move_sparse_rows(std::span<const std::uint64_t> rows) const;

  RowStorage storage_ = RowStorage::as_stored;
  // One of these has the rows; all have type, scale and labels.
  Samples samples_;
  BitSamples bits_;
  SparseSamples sparse_;
  std::byte* values_ = nullptr;
  std::uint64_t* ends_ = nullptr;
  std::int32_t* units_ = nullptr;
  std::int32_t* labels_ = nullptr;
  float* weights_ = nullptr;
};

}  // namespace rbmpi
