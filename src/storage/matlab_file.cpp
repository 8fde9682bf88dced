#include "rbmpi/storage/matlab_file.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <zlib.h>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/storage/plain_numbers.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "rbmpi/storage/temporary_file.hpp"
#include "storage/file_errors.hpp"

// The format is MathWorks' "MAT-File Format", Level 5: a header of 128 bytes, then elements, each a tag (type and
// number of bytes) with its bytes. A variable is an element of elements: flags, dimensions, name, numbers. (The library
// matio 1.5.23 takes truncated and damaged variables for sound ones, and brings an HDF5 of its own.)

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t header_bytes = 128;
constexpr std::uint64_t tag_bytes = 8;
constexpr std::uint32_t matrix_type = 14;
constexpr std::uint32_t compressed_type = 15;

/// Types of elements that have numbers.
std::optional<NumpyType> number_type(std::uint32_t type) {
  switch (type) {
    case 1:
      return NumpyType::int8;
    case 2:
      return NumpyType::uint8;
    case 3:
      return NumpyType::int16;
    case 4:
      return NumpyType::uint16;
    case 5:
      return NumpyType::int32;
    case 6:
      return NumpyType::uint32;
    case 7:
      return NumpyType::float32;
    case 9:
      return NumpyType::float64;
    case 12:
      return NumpyType::int64;
    case 13:
      return NumpyType::uint64;
    default:
      return std::nullopt;
  }
}

constexpr std::array<const char*, 18> class_names = {"unknown", "cell",   "struct", "object", "char",     "sparse",
                                                     "double",  "single", "int8",   "uint8",  "int16",    "uint16",
                                                     "int32",   "uint32", "int64",  "uint64", "function", "object"};
constexpr std::uint32_t char_class = 4;
constexpr std::uint32_t sparse_class = 5;
constexpr std::uint32_t first_number_class = 6;
constexpr std::uint32_t last_number_class = 15;

[[noreturn]] void refuse_damaged(const fs::path& path, const std::string& why) {
  fail_to_read(path, fmt::format("it is a MATLAB file that is truncated or damaged: {}", why));
}

/// Bytes in memory or in a file, from 0 on.
class Place {
 public:
  Place(const fs::path& path, bool big_endian, std::uint64_t length, BytesAt read)
      : path_(path), big_endian_(big_endian), length_(length), read_(std::move(read)) {}

  [[nodiscard]] std::uint32_t number(std::uint64_t place) const {
    std::array<std::byte, 4> bytes{};
    if (place > length_ || length_ - place < bytes.size()) refuse_damaged(path_, "a variable ends too early");
    read_(place, bytes);
    if (big_endian_) std::ranges::reverse(bytes);
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
  }
  [[nodiscard]] std::string text(std::uint64_t place, std::uint64_t count) const {
    std::string text(count, '\0');
    read_(place, std::as_writable_bytes(std::span(text)));
    return text;
  }

  /// An element within it: where its bytes begin, and where the next element does.
  struct Element {
    std::uint32_t type = 0;
    std::uint64_t place = 0;
    std::uint64_t bytes = 0;
    std::uint64_t next = 0;
  };
  [[nodiscard]] Element element(std::uint64_t place) const {
    const std::uint32_t first = number(place);
    Element found;
    if (first >> 16U != 0) {  // few bytes are in the tag itself
      found = {.type = first & 0xffffU, .place = place + 4, .bytes = first >> 16U, .next = place + tag_bytes};
      if (found.bytes > 4) refuse_damaged(path_, "a short element has more than 4 bytes");
    } else {
      found = {.type = first, .place = place + tag_bytes, .bytes = number(place + 4), .next = 0};
      found.next = found.place + (found.bytes + 7) / 8 * 8;
    }
    if (found.place > length_ || found.bytes > length_ - found.place)
      refuse_damaged(path_, "a variable ends too early");
    return found;
  }

 private:
  const fs::path& path_;
  bool big_endian_;
  std::uint64_t length_;
  BytesAt read_;
};

/// The first bytes of a compressed variable, or all of them.
class Inflater {
 public:
  Inflater(const fs::path& path, const Descriptor& file, std::uint64_t place, std::uint64_t bytes)
      : path_(path), file_(file), place_(place), left_(bytes) {
    if (inflateInit(&stream_) != Z_OK) fail_to_read(path, "zlib cannot start");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `bytes` and gives their number, which is smaller only at the end.
  std::size_t read(std::span<std::byte> bytes) {
    stream_.next_out = reinterpret_cast<unsigned char*>(bytes.data());
    stream_.avail_out = static_cast<unsigned>(bytes.size());
    while (stream_.avail_out > 0 && !ended_) {
      if (stream_.avail_in == 0) refill();
      const int status = inflate(&stream_, Z_NO_FLUSH);
      ended_ = status == Z_STREAM_END;
      if (status != Z_OK && !ended_) refuse_damaged(path_, "a compressed variable cannot be unpacked");
    }
    return bytes.size() - stream_.avail_out;
  }

 private:
  void refill() {
    const std::size_t some = std::min<std::uint64_t>(left_, block_.size());
    if (some == 0 || !read_at(file_, place_, std::span(block_).first(some))) {
      refuse_damaged(path_, "a compressed variable ends too early");
    }
    place_ += some;
    left_ -= some;
    stream_.next_in = reinterpret_cast<unsigned char*>(block_.data());
    stream_.avail_in = static_cast<unsigned>(some);
  }

  const fs::path& path_;
  const Descriptor& file_;
  std::uint64_t place_;
  std::uint64_t left_;
  std::vector<std::byte> block_ = std::vector<std::byte>(std::size_t{1} << 16U);
  z_stream stream_{};
  bool ended_ = false;
};

/// What a variable begins with; where its numbers begin.
std::uint64_t read_front(const Place& place, MatlabVariable& variable, const fs::path& path) {
  constexpr std::uint64_t most_dimensions = 32;
  constexpr std::uint64_t longest_name = 1024;
  constexpr std::uint32_t complex_flag = 0x800;
  constexpr std::uint32_t logical_flag = 0x200;
  const Place::Element flags = place.element(0);
  if (flags.bytes != 8) refuse_damaged(path, "a variable has no flags");
  const std::uint32_t word = place.number(flags.place);
  const std::uint32_t kind = word & 0xffU;
  variable.class_name = class_names[kind < class_names.size() ? kind : 0];
  variable.sparse = kind == sparse_class;
  variable.truths = (word & logical_flag) != 0 && kind != char_class;
  variable.numbers = variable.sparse || (kind >= first_number_class && kind <= last_number_class);
  if (variable.truths) variable.class_name = variable.sparse ? "sparse logical" : "logical";
  if ((word & complex_flag) != 0) {
    variable.numbers = false;
    variable.class_name = "complex " + variable.class_name;
  }
  if (kind + 1 == class_names.size()) {  // of another form from here on
    variable.name = "?";
    return 0;
  }
  const Place::Element dimensions = place.element(flags.next);
  const std::uint64_t count = dimensions.bytes / 4;
  if (count < 2 || count > most_dimensions) refuse_damaged(path, fmt::format("a variable has {} dimensions", count));
  for (std::uint64_t i = 0; i < count; ++i) variable.dimensions.push_back(place.number(dimensions.place + 4 * i));
  const Place::Element name = place.element(dimensions.next);
  if (name.bytes > longest_name) refuse_damaged(path, fmt::format("a name has {} bytes", name.bytes));
  variable.name = place.text(name.place, name.bytes);
  return name.next;
}

}  // namespace

MatlabFile::MatlabFile(const fs::path& path) : unpacked_(path), file_(open_to_read(unpacked_.path())) {
  list();
}

void MatlabFile::read_header(std::uint64_t length) {
  std::array<std::byte, header_bytes> header{};
  if (length < header.size() || !read_at(file_, 0, header)) refuse_damaged(path(), "it ends within its header");
  // A text, the version, and the letters MI, which show the order of the bytes.
  const bool little = header[126] == std::byte{'I'} && header[127] == std::byte{'M'} && header[125] == std::byte{1};
  big_endian_ = header[126] == std::byte{'M'} && header[127] == std::byte{'I'} && header[124] == std::byte{1};
  if (!little && !big_endian_) fail_to_read(path(), "it is no MATLAB file of version 5 to 7");
}

void MatlabFile::describe(MatlabVariable& variable) const {
  constexpr std::uint64_t front_bytes = 4096;
  if (!variable.packed) {
    const auto read = [&](std::uint64_t place, std::span<std::byte> bytes) {
      if (!read_at(file_, variable.place + place, bytes)) refuse_damaged(path(), "a variable ends too early");
    };
    (void)read_front(Place(path(), big_endian_, variable.bytes, read), variable, path());
    return;
  }
  std::vector<std::byte> front(front_bytes);
  Inflater inflater(path(), file_, variable.place, variable.bytes);
  front.resize(inflater.read(front));
  if (front.size() < tag_bytes) refuse_damaged(path(), "a variable ends too early");
  const auto read = [&](std::uint64_t place, std::span<std::byte> bytes) {
    if (place > front.size() || bytes.size() > front.size() - place)
      refuse_damaged(path(), "a variable ends too early");
    std::memcpy(bytes.data(), front.data() + place, bytes.size());
  };
  if (Place(path(), big_endian_, front.size(), read).number(0) != matrix_type) {
    refuse_damaged(path(), "a compressed element is no variable");
  }
  const auto behind_tag = [&](std::uint64_t place, std::span<std::byte> bytes) { read(tag_bytes + place, bytes); };
  (void)read_front(Place(path(), big_endian_, front.size() - tag_bytes, behind_tag), variable, path());
}

void MatlabFile::list() {
  constexpr std::size_t most = 10000;
  struct stat status {};
  if (::fstat(file_.number(), &status) != 0) fail_to_read(path(), "it cannot be looked at");
  const auto length = static_cast<std::uint64_t>(status.st_size);
  read_header(length);
  const Place whole(path(), big_endian_, length, [&](std::uint64_t place, std::span<std::byte> bytes) {
    if (!read_at(file_, place, bytes)) refuse_damaged(path(), "a variable ends too early");
  });
  for (std::uint64_t place = header_bytes; place < length;) {
    throw_if_stopped("looking for the variables of a MATLAB file");
    if (variables_.size() == most) fail_to_read(path(), fmt::format("it has more than {} variables", most));
    const Place::Element element = whole.element(place);
    MatlabVariable variable;
    variable.place = element.place;
    variable.bytes = element.bytes;
    variable.packed = element.type == compressed_type;
    place = variable.packed ? element.place + element.bytes : element.next;
    if (!variable.packed && element.type != matrix_type) {
      refuse_damaged(path(), fmt::format("it has an element of type {}", element.type));
    }
    if (element.bytes == 0) continue;
    describe(variable);
    // What MATLAB keeps for itself has no name.
    if (!variable.name.empty()) variables_.push_back(std::move(variable));
  }
}

MatlabContent MatlabFile::content(const MatlabVariable& variable) const {
  MatlabContent content;
  std::uint64_t begin = 0;
  std::uint64_t bytes = variable.bytes;
  if (variable.packed) {
    Inflater inflater(path(), file_, variable.place, variable.bytes);
    std::uint64_t unpacked = 0;
    content.file = temporary_copy(path(), [&](std::span<std::byte> block) {
      const std::size_t some = inflater.read(block);
      unpacked += some;
      return some;
    });
    begin = tag_bytes;
    if (unpacked < begin) refuse_damaged(path(), fmt::format("'{}' is empty", variable.name));
    bytes = unpacked - begin;
  } else {
    begin = variable.place;
    content.file = Descriptor(::fcntl(file_.number(), F_DUPFD_CLOEXEC, 0));
    if (content.file.number() < 0) fail_to_read(path(), "too many files are open");
  }
  const Place place(path(), big_endian_, bytes, [&](std::uint64_t from, std::span<std::byte> some) {
    if (!read_at(content.file, begin + from, some)) {
      refuse_damaged(path(), fmt::format("'{}' ends too early", variable.name));
    }
  });
  MatlabVariable again;
  std::uint64_t next = read_front(place, again, path());
  std::vector<Place::Element> elements;
  for (int i = 0; i < (variable.sparse ? 3 : 1); ++i) {
    elements.push_back(place.element(next));
    next = elements.back().next;
  }
  if (variable.sparse) std::rotate(elements.begin(), elements.begin() + 2, elements.end());  // values first
  for (const Place::Element& element : elements) {
    const std::optional<NumpyType> type = number_type(element.type);
    if (!type) refuse_damaged(path(), fmt::format("'{}' has numbers of type {}", variable.name, element.type));
    content.numbers.push_back({*type, begin + element.place, element.bytes / size_of(*type)});
  }
  std::uint64_t wanted = 1;
  for (const std::uint64_t extent : variable.dimensions) {
    if (__builtin_mul_overflow(wanted, extent, &wanted)) wanted = std::numeric_limits<std::uint64_t>::max();
  }
  if (!variable.sparse && content.numbers.front().count != wanted) {
    refuse_damaged(path(), fmt::format("'{}' is [{}] and has {} numbers", variable.name,
                                       fmt::join(variable.dimensions, " x "), content.numbers.front().count));
  }
  return content;
}

}  // namespace rbmpi
