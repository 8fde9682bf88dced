#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/import/import.hpp"
#include "rbmpi/storage/byte_source.hpp"
#include "rbmpi/storage/file_version.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t images_magic = 0x00000803;
constexpr std::uint32_t labels_magic = 0x00000801;
constexpr std::uint32_t byte_values = 0x00000800;  // a magic number is a type, here unsigned bytes, and the dimensions

[[noreturn]] void refuse_idx(const fs::path& path, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot import '{}': {}", path.string(), why));
}

std::uint32_t read_number(ByteSource& source) {
  std::array<std::byte, 4> bytes{};
  if (source.read(bytes) < bytes.size())
    refuse_idx(source.path(), source.position() == 0 ? "it is empty; an IDX file would be right"
                                                     : fmt::format("it ends after {}, within the header",
                                                                   plural(source.position(), "byte")));
  std::uint32_t number = 0;
  for (const std::byte byte : bytes) number = number << 8U | std::to_integer<std::uint32_t>(byte);
  return number;
}

// What a wrong magic number is, as far as one can say.
std::string wrong_magic(std::uint32_t magic, std::string_view wanted, std::uint32_t right) {
  const std::uint32_t type = magic >> 8U;
  std::string guess;
  if (magic == labels_magic) guess = ", that of labels: images and labels may be swapped";
  if (magic == images_magic) guess = ", that of images: images and labels may be swapped";
  if (type >= 0x09 && type <= 0x0e) guess = ", that of numbers other than unsigned bytes";
  return fmt::format("its magic number is 0x{:08x}{}; IDX {} have 0x{:08x}", magic, guess, wanted, right);
}

struct IdxHeader {
  std::uint64_t rows = 0;
  std::uint64_t columns = 1;
  std::vector<std::uint64_t> picture;
};

// Reads the dimensions and compares what they promise with what the file can hold. Nothing is allocated before.
IdxHeader read_sizes(ByteSource& source, std::uint32_t dimensions) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  IdxHeader header;
  header.rows = read_number(source);
  for (std::uint32_t i = 1; i < dimensions; ++i) {
    const std::uint64_t size = read_number(source);
    if (dimensions == 3) header.picture.push_back(size);
    if (size != 0 && header.columns > most / size) refuse_idx(source.path(), "its sizes overflow 64 bits");
    header.columns *= size;
  }
  if (header.rows == 0) refuse_idx(source.path(), "it has no rows");
  if (header.columns == 0) refuse_idx(source.path(), "its rows are empty");
  if (header.rows > most / header.columns) refuse_idx(source.path(), "its sizes overflow 64 bits");
  const std::uint64_t claimed = header.rows * header.columns;
  const std::uint64_t possible = source.most_bytes() - std::min(source.most_bytes(), source.position());
  if (claimed > possible)
    refuse_idx(source.path(),
               fmt::format("its header claims {} x {} bytes, more than the file holds; it is truncated or damaged",
                           header.rows, header.columns));
  return header;
}

IdxHeader read_images_header(ByteSource& source) {
  const std::uint32_t magic = read_number(source);
  const std::uint32_t dimensions = magic & 0xffU;
  if ((magic & ~0xffU) != byte_values || dimensions < 2)
    refuse_idx(source.path(), wrong_magic(magic, "images", images_magic));
  return read_sizes(source, dimensions);
}

IdxHeader read_labels_header(ByteSource& source) {
  const std::uint32_t magic = read_number(source);
  if (magic != labels_magic) refuse_idx(source.path(), wrong_magic(magic, "labels", labels_magic));
  return read_sizes(source, 1);
}

void read_rows(ByteSource& source, const IdxHeader& header, std::span<std::byte> bytes) {
  if (source.read(bytes) < bytes.size())
    refuse_idx(source.path(),
               fmt::format("it ends after {}; its header promises {} of {}", plural(source.position(), "byte"),
                           plural(header.rows, "row"), header.columns));
}

void check_end(ByteSource& source, const IdxHeader& header) {
  std::array<std::byte, 1> byte{};
  if (source.read(byte) != 0)
    refuse_idx(source.path(), fmt::format("it goes on after the {} of {} that its header promises",
                                          plural(header.rows, "row"), plural(header.columns, "byte")));
}

}  // namespace

ImportResult import_idx(const IdxImport& import) {
  constexpr std::uint64_t block_bytes = 4U << 20U;
  std::vector<FileVersion> versions = {FileVersion(import.images)};
  if (import.labels) versions.emplace_back(*import.labels);
  ByteSource images(import.images);
  const IdxHeader header = read_images_header(images);
  std::optional<ByteSource> labels;
  IdxHeader labels_header;
  if (import.labels) {
    labels.emplace(*import.labels);
    labels_header = read_labels_header(*labels);
    if (labels_header.rows != header.rows)
      refuse_idx(*import.labels, fmt::format("it has {} for the {} of '{}'", plural(labels_header.rows, "label"),
                                             plural(header.rows, "image"), import.images.string()));
  }

  ImportResult result;
  result.info.type = ElementType::uint8;
  result.info.rows = header.rows;
  result.info.columns = header.columns;
  result.info.scale = 255.0;
  result.info.picture = header.picture;
  result.info.has_labels = labels.has_value();
  result.info.source = import.source.empty() ? import.images.filename().string() : import.source;

  DatasetWriter writer(import.output, result.info);
  const std::uint64_t block_rows = std::clamp<std::uint64_t>(block_bytes / header.columns, 1, header.rows);
  std::vector<std::byte> samples(block_rows * header.columns);
  std::vector<std::byte> label_bytes(labels ? block_rows : 0);
  std::vector<std::int32_t> label_values(label_bytes.size());
  for (std::uint64_t first = 0; first < header.rows; first += block_rows) {
    throw_if_stopped("importing IDX files");
    const std::uint64_t count = std::min(block_rows, header.rows - first);
    read_rows(images, header, std::span(samples).first(count * header.columns));
    if (labels) {
      read_rows(*labels, labels_header, std::span(label_bytes).first(count));
      std::transform(label_bytes.begin(), label_bytes.end(), label_values.begin(),
                     [](std::byte byte) { return std::to_integer<std::int32_t>(byte); });
    }
    writer.append({.count = count, .samples = samples.data(), .labels = label_values.data()});
  }
  check_end(images, header);
  if (labels) check_end(*labels, labels_header);
  for (const FileVersion& version : versions) version.throw_if_changed();
  writer.finish();
  return result;
}

}  // namespace rbmpi
