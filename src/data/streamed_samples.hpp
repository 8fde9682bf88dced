#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "rbmpi/core/digest.hpp"
#include "rbmpi/data/data_look.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/storage/file_version.hpp"

namespace rbmpi {

/// Opens a dataset again. One that was replaced meanwhile might not fit the memory that is there for it.
[[nodiscard]] DatasetReader open_again(const std::filesystem::path& path, const DatasetInfo& info);

/// The rows that have a checksum together when they stay in their file: about a sixteenth of a block of the digest
/// each, 64 KiB of values, and at least one row. Local.
class CheckedRows {
 public:
  explicit CheckedRows(const DatasetInfo& info);

  /// How many checksums there are of all rows.
  [[nodiscard]] std::uint64_t count() const noexcept { return number(rows_ - 1) + 1; }
  /// The numbers of those of some blocks of the digest.
  [[nodiscard]] Shard of_blocks(Shard blocks) const noexcept;
  /// The number of that of a row.
  [[nodiscard]] std::uint64_t number(std::uint64_t row) const noexcept {
    return row / block_rows_ * in_block_ + row % block_rows_ / at_once_;
  }
  /// The rows of one.
  [[nodiscard]] Shard rows(std::uint64_t number) const noexcept;
  /// How many rows it has at most.
  [[nodiscard]] std::uint64_t most_rows() const noexcept { return at_once_; }
  /// The rows of all that `some` meet.
  [[nodiscard]] Shard whole(Shard some) const noexcept;

 private:
  std::uint64_t rows_;
  std::uint64_t block_rows_;  // of the digest
  std::uint64_t at_once_;
  std::uint64_t in_block_;  // checksums of a block
};

/// A dataset whose rows stay in their file.
struct StreamedFile {
  std::filesystem::path path;
  FileVersion version;  ///< as it was when its digest was formed
  DatasetInfo info;     ///< of as many rows as are used
  /// Checksums of the rows, in order: what is read later has to be what was read then, on every node.
  std::vector<std::uint64_t> checksums;
  const std::int32_t* labels = nullptr;
  std::uint64_t block_rows = 0;  ///< rows of a block of those that the ranks of a node share
};

/// Local. Bytes that a block of so many rows takes in memory: it is read with all rows that have checksums with its
/// own.
[[nodiscard]] std::uint64_t streamed_block_bytes(const DatasetInfo& info, std::uint64_t block_rows) noexcept;
/// Local. How many blocks readers have in memory whom at most `most_rows` are told at a time: those of these rows, and
/// the next one, which is read ahead.
[[nodiscard]] std::uint64_t streamed_blocks(std::uint64_t most_rows, std::uint64_t block_rows) noexcept;

/// What blocks of the digest are: their hashes, the checksums of their rows, in order, and the look at them.
struct StreamedBlocks {
  std::vector<Digest> digests;
  std::vector<std::uint64_t> checksums;
  DataLook look;
};
/// Local. Reads some blocks of the digest.
[[nodiscard]] StreamedBlocks read_blocks(const std::filesystem::path& path, const DatasetInfo& info, Shard blocks);

/// Local. The rows of a file that are read while they are used: block by block by a child process, which reads ahead.
/// Readers that all `ranks` of a node share, or that are told an order of blocks where there is but one, keep these in
/// `shared`, which all ranks of the node have, one reader at a time; others in memory of their own. What cannot be read
/// then is a plain Error of the rank that reads.
[[nodiscard]] Rows rows_of(const std::shared_ptr<const StreamedFile>& file, std::span<std::byte> shared,
                           std::size_t ranks);

}  // namespace rbmpi
