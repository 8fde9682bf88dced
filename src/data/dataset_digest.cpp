#include "rbmpi/data/dataset_digest.hpp"

#include <algorithm>
#include <bit>
#include <string_view>

#include <fmt/format.h>

namespace rbmpi {

static_assert(std::endian::native == std::endian::little, "the digest is over little-endian bytes");

namespace {

void update(Sha256& stream, std::string_view text) {
  stream.update(std::as_bytes(std::span(text)));
}

}  // namespace

std::uint64_t digest_block_rows(std::uint64_t columns, ElementType type) noexcept {
  constexpr std::uint64_t block_bytes = 1U << 20U;
  return std::max<std::uint64_t>(1, block_bytes / (columns * element_size(type)));
}

std::uint64_t digest_blocks(std::uint64_t rows, std::uint64_t columns, ElementType type) noexcept {
  const std::uint64_t block_rows = digest_block_rows(columns, type);
  return rows / block_rows + (rows % block_rows != 0 ? 1 : 0);
}

Digest block_digest(const Samples& block) {
  return sha256({block.values, block.rows * block.row_bytes()});
}

std::string colours_text(const DatasetInfo& info) {
  if (info.kind != ValueKind::colours) return {};
  const auto& [count, alphabet] = info.colours;
  return alphabet.empty() ? fmt::format("{}", count) : fmt::format("{} {}", count, alphabet);
}

std::string dataset_digest(const Samples& shape, const DatasetDigests& digests) {
  Sha256 stream;
  update(stream, fmt::format("rbmpi-dataset 1\n{} {} {} {:.17g}\n", element_name(shape.type), shape.rows, shape.columns,
                             shape.scale));
  for (const Digest& block : digests.blocks) stream.update(block);
  const auto add = [&](const char* line, const std::optional<Digest>& digest) {
    if (!digest) return;
    update(stream, line);
    stream.update(*digest);
  };
  add("labels\n", digests.labels);
  if (!digests.colours.empty()) update(stream, fmt::format("colours {}\n", digests.colours));
  add("weights\n", digests.weights);
  return hexadecimal(stream.finish());
}

}  // namespace rbmpi
