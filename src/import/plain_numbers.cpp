#include "import/plain_numbers.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/plural.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "rbmpi/storage/unpacked_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

class PlainNumbers : public NumberReader {
 public:
  PlainNumbers(PlainArray array, std::function<BytesAt()> in_order, std::function<BytesAt()> anywhere)
      : array_(std::move(array)),
        size_(size_of(array_.type)),
        in_order_(std::move(in_order)),
        anywhere_(std::move(anywhere)) {}

  void read(std::uint64_t first, std::uint64_t count, double* values) override {
    const std::uint64_t row = array_.elements / array_.slowest;
    if (!bytes_at_) bytes_at_ = in_order_();
    copy(first * row, {values, count * row});
  }

  void read_across(std::uint64_t first, std::uint64_t count, double* values) override {
    if (!bytes_at_) bytes_at_ = anywhere_();
    for (std::uint64_t place = first; place < array_.elements; place += array_.fastest, values += count) {
      copy(place, {values, count});
    }
  }

 private:
  /// Elements from the one with this number on.
  void copy(std::uint64_t element, std::span<double> values) {
    constexpr std::size_t at_once = std::size_t{1} << 18U;
    for (std::size_t done = 0; done < values.size(); done += at_once) {
      const std::span<double> some = values.subspan(done, std::min(at_once, values.size() - done));
      bytes_.resize(some.size() * size_);
      bytes_at_((element + done) * size_, bytes_);
      try {
        to_doubles(bytes_.data(), array_.type, array_.big_endian, some);
      } catch (const std::invalid_argument& problem) {
        refuse_import(array_.file, fmt::format("'{}' {}", array_.name, problem.what()));
      }
    }
  }

  PlainArray array_;
  std::size_t size_;
  std::function<BytesAt()> in_order_;
  std::function<BytesAt()> anywhere_;
  BytesAt bytes_at_;
  std::vector<std::byte> bytes_;
};

[[noreturn]] void ends_too_early(const fs::path& path, std::uint64_t bytes) {
  refuse_import(path, fmt::format("it ends after {}, within its array; it is truncated", plural(bytes, "byte")));
}

}  // namespace

std::unique_ptr<NumberReader> read_plain(PlainArray array, const std::function<BytesAt()>& in_order,
                                         const std::function<BytesAt()>& anywhere) {
  return std::make_unique<PlainNumbers>(std::move(array), in_order, anywhere);
}

void set_extents(PlainArray& plain, const StoredArray& array) {
  plain.elements = 1;
  for (const std::uint64_t extent : array.shape) plain.elements *= extent;
  plain.slowest = array.column_major ? array.shape.back() : array.shape.front();
  plain.fastest = array.column_major ? array.shape.front() : array.shape.back();
}

ElementType element_of(NumpyType type) noexcept {
  switch (type) {
    case NumpyType::uint8:
      return ElementType::uint8;
    case NumpyType::float32:
      return ElementType::float32;
    case NumpyType::float64:
      return ElementType::float64;
    default:
      return ElementType::other;
  }
}

BytesAt array_in_order(const fs::path& path, std::uint64_t front, std::uint64_t bytes) {
  const auto source = std::make_shared<ByteSource>(path);
  return [=](std::uint64_t place, std::span<std::byte> wanted) {
    const std::uint64_t from = front + place;
    if (from < source->position()) source->rewind();
    std::vector<std::byte> skipped(std::min<std::uint64_t>(from - source->position(), std::uint64_t{1} << 16U));
    while (source->position() < from) {
      const std::size_t some = std::min<std::uint64_t>(from - source->position(), skipped.size());
      if (source->read(std::span(skipped).first(some)) < some) ends_too_early(source->path(), source->position());
    }
    if (source->read(wanted) < wanted.size()) ends_too_early(source->path(), source->position());
    std::byte more{};
    if (place + wanted.size() == bytes && source->read({&more, 1}) > 0) {
      refuse_import(source->path(), fmt::format("it goes on behind the {} of its array", plural(bytes, "byte")));
    }
  };
}

BytesAt array_anywhere(const fs::path& path, std::uint64_t front) {
  const auto unpacked = std::make_shared<UnpackedFile>(path);
  const auto file = std::make_shared<Descriptor>(open_to_read(unpacked->path()));
  return [=](std::uint64_t place, std::span<std::byte> wanted) {
    if (!read_at(*file, front + place, wanted)) ends_too_early(unpacked->name(), front + place);
  };
}

}  // namespace rbmpi
