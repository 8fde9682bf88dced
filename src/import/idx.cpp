#include "import/idx.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "import/formats.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/import/table.hpp"
#include "rbmpi/storage/byte_source.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t images_magic = 0x00000803;
constexpr std::uint32_t labels_magic = 0x00000801;
constexpr std::uint32_t byte_values = 0x00000800;  // a magic number is a type, here unsigned bytes, and the dimensions

std::uint32_t read_number(ByteSource& source) {
  std::array<std::byte, 4> bytes{};
  if (source.read(bytes) < bytes.size())
    refuse_import(source.path(), source.position() == 0 ? "it is empty; an IDX file would be right"
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
    if (size != 0 && header.columns > most / size) refuse_import(source.path(), "its sizes overflow 64 bits");
    header.columns *= size;
  }
  if (header.rows == 0) refuse_import(source.path(), "it has no rows");
  if (header.columns == 0) refuse_import(source.path(), "its rows are empty");
  if (header.rows > most / header.columns) refuse_import(source.path(), "its sizes overflow 64 bits");
  const std::uint64_t claimed = header.rows * header.columns;
  const std::uint64_t possible = source.most_bytes() - std::min(source.most_bytes(), source.position());
  if (claimed > possible)
    refuse_import(source.path(),
                  fmt::format("its header claims {} x {} bytes, more than the file holds; it is truncated or damaged",
                              header.rows, header.columns));
  return header;
}

IdxHeader read_images_header(ByteSource& source) {
  const std::uint32_t magic = read_number(source);
  const std::uint32_t dimensions = magic & 0xffU;
  if ((magic & ~0xffU) != byte_values || dimensions < 2)
    refuse_import(source.path(), wrong_magic(magic, "images", images_magic));
  return read_sizes(source, dimensions);
}

IdxHeader read_labels_header(ByteSource& source) {
  const std::uint32_t magic = read_number(source);
  if (magic != labels_magic) refuse_import(source.path(), wrong_magic(magic, "labels", labels_magic));
  return read_sizes(source, 1);
}

void read_rows(ByteSource& source, const IdxHeader& header, std::span<std::byte> bytes) {
  if (source.read(bytes) < bytes.size())
    refuse_import(source.path(),
                  fmt::format("it ends after {}; its header promises {} of {}", plural(source.position(), "byte"),
                              plural(header.rows, "row"), header.columns));
}

void check_end(ByteSource& source, const IdxHeader& header) {
  std::array<std::byte, 1> byte{};
  if (source.read(byte) != 0)
    refuse_import(source.path(), fmt::format("it goes on after the {} of {} that its header promises",
                                             plural(header.rows, "row"), plural(header.columns, "byte")));
}

class IdxTable : public Table {
 public:
  IdxTable(const fs::path& images, const std::optional<fs::path>& labels) : images_(images) {
    header_ = read_images_header(images_);
    if (labels) {
      labels_.emplace(*labels);
      labels_header_ = read_labels_header(*labels_);
      if (labels_header_.rows != header_.rows)
        refuse_import(*labels, fmt::format("it has {} for the {} of '{}'", plural(labels_header_.rows, "label"),
                                           plural(header_.rows, "image"), images.string()));
    }
    info_.kind = "images in IDX, MNIST's format";
    info_.rows = header_.rows;
    info_.columns = header_.columns;
    info_.picture = header_.picture;
    info_.type = ElementType::uint8;
    info_.scale = 255.0;
    info_.has_labels = labels.has_value();
  }

  [[nodiscard]] const TableInfo& info() const override { return info_; }

  void read(const std::function<void(const TableRow&)>& on_row) override {
    images_.rewind();
    (void)read_images_header(images_);
    if (labels_) {
      labels_->rewind();
      (void)read_labels_header(*labels_);
    }
    std::vector<std::byte> bytes(header_.columns);
    std::vector<double> values(header_.columns);
    std::array<std::byte, 1> label{};
    TableRow row;
    for (; row.number < header_.rows; ++row.number) {
      read_rows(images_, header_, bytes);
      std::ranges::transform(bytes, values.begin(), [](std::byte byte) { return std::to_integer<int>(byte); });
      row.values = values;
      if (labels_) {
        read_rows(*labels_, labels_header_, label);
        row.label = std::to_integer<int>(label[0]);
      }
      on_row(row);
    }
    check_end(images_, header_);
    if (labels_) check_end(*labels_, labels_header_);
  }

 private:
  ByteSource images_;
  std::optional<ByteSource> labels_;
  IdxHeader header_;
  IdxHeader labels_header_;
  TableInfo info_;
};

}  // namespace

bool is_idx(std::string_view front) {
  return front.size() >= 4 && front[0] == 0 && front[1] == 0 && front[2] == 8 && front[3] >= 1 && front[3] <= 8;
}

std::unique_ptr<Table> open_idx(const fs::path& images, const std::optional<fs::path>& labels) {
  return std::make_unique<IdxTable>(images, labels);
}

}  // namespace rbmpi
