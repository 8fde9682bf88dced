#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rbmpi/core/digest.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/samples.hpp"

namespace rbmpi {

// The digest of a dataset, a number for its content alone: two files with the same samples, scale and labels have the
// same digest, however they are chunked or compressed and whatever their source says. It is the SHA-256 of
//   - the line "rbmpi-dataset 1\n" and the line "<type> <rows> <columns> <scale, %.17g>\n";
//   - the SHA-256 (32 bytes) of each block of consecutive rows, in order: the values in the stored type, little-endian;
//     every block has `digest_block_rows` rows, the last one what is left;
//   - if there are labels, the line "labels\n" and the SHA-256 of all labels as little-endian int32;
//   - if values are colours, the line "colours <number> <alphabet>\n", without the last blank if that is empty;
//   - if rows have weights, the line "weights\n" and the SHA-256 of all weights as little-endian float32.
// Blocks can be hashed in any order and by anyone, so that several ranks share the work.

/// Local. Rows in one block: about 1 MiB of values, at least one row.
[[nodiscard]] std::uint64_t digest_block_rows(std::uint64_t columns, ElementType type) noexcept;
/// Local. Number of blocks of a dataset: the rows divided by `digest_block_rows`, rounded up.
[[nodiscard]] std::uint64_t digest_blocks(std::uint64_t rows, std::uint64_t columns, ElementType type) noexcept;

/// Local. Hash of one block: all the rows of the view.
[[nodiscard]] Digest block_digest(const Samples& block);

/// What a digest is made of.
struct DatasetDigests {
  std::vector<Digest> blocks;
  std::optional<Digest> labels;   ///< if there are labels
  std::optional<Digest> weights;  ///< if rows have weights
  std::string colours = {};       ///< if values are colours: their number and alphabet
};

/// Local. What the digest says of the colours of a dataset; empty if it has none.
[[nodiscard]] std::string colours_text(const DatasetInfo& info);

/// Local. The digest of a dataset, 64 hexadecimal digits. Of `shape`, type, rows, columns and scale are used.
[[nodiscard]] std::string dataset_digest(const Samples& shape, const DatasetDigests& digests);

}  // namespace rbmpi
