#include "rbmpi/storage/npz_file.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zip.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/numpy_header.hpp"
#include "rbmpi/storage/plain_numbers.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "storage/file_errors.hpp"
#include "storage/read_account.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "values are written as they are in memory");

zip_t* zip(void* archive) noexcept {
  return static_cast<zip_t*>(archive);
}

std::string text_of(int problem) {
  zip_error_t error{};
  zip_error_init_with_code(&error, problem);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

std::string file_name(const std::string& array) {
  return array + ".npy";
}

/// One array of an archive, read from its front to its end.
class Member {
 public:
  Member(zip_t* archive, std::string name, fs::path path) : name_(std::move(name)), path_(std::move(path)) {
    const std::string file = file_name(name_);
    zip_stat_t status{};
    if (zip_stat(archive, file.c_str(), ZIP_FL_UNCHANGED, &status) != 0) {
      refuse(zip_strerror(archive));
    }
    constexpr zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((status.valid & wanted) != wanted) refuse("the archive does not say how long it is");
    if ((status.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && status.encryption_method != ZIP_EM_NONE) {
      refuse("it is encrypted");
    }
    if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
      refuse("it is compressed by another method than deflate");
    }
    // What 258 bytes from two bits make of it at best; and none is longer than the file that has it.
    constexpr zip_uint64_t best_compression = 1032;
    std::error_code ignored;
    const zip_uint64_t packed = std::min<zip_uint64_t>(status.comp_size, fs::file_size(path_, ignored));
    if (status.size / best_compression > packed) {
      refuse(fmt::format("it claims {}, which the archive cannot hold", human_bytes(status.size)));
    }
    size_ = status.size;
    packed_ = packed;
    file_.reset(zip_fopen_index(archive, status.index, ZIP_FL_UNCHANGED));
    if (!file_) refuse(zip_strerror(archive));
  }

  /// Bytes of the archive.
  [[nodiscard]] std::uint64_t packed() const noexcept { return packed_; }
  /// Bytes that are not read yet.
  [[nodiscard]] std::uint64_t left() const noexcept { return size_ - position_; }

  void read(void* bytes, std::uint64_t count) {
    if (count > left()) refuse("it ends too early");
    for (std::uint64_t done = 0; done < count;) {
      const zip_int64_t got = zip_fread(file_.get(), static_cast<char*>(bytes) + done, count - done);
      if (got < 0) refuse(zip_file_strerror(file_.get()));
      if (got == 0) refuse("it ends too early");
      done += static_cast<std::uint64_t>(got);
    }
    position_ += count;
  }
  /// Has the library compare the checksum.
  void expect_end() {
    char byte = 0;
    const zip_int64_t got = zip_fread(file_.get(), &byte, 1);
    if (got < 0) refuse(zip_file_strerror(file_.get()));
    if (got > 0) refuse("it is longer than the archive says");
  }
  [[noreturn]] void refuse(const std::string& why) const {
    fail_to_read(path_, fmt::format("array '{}': {}", name_, why));
  }

 private:
  struct Close {
    void operator()(zip_file_t* file) const noexcept { zip_fclose(file); }
  };
  std::string name_;
  fs::path path_;
  std::unique_ptr<zip_file_t, Close> file_;
  std::uint64_t size_ = 0;
  std::uint64_t packed_ = 0;
  std::uint64_t position_ = 0;
};

NumpyHeader read_header(Member& member) {
  try {
    return read_numpy_header([&](std::span<std::byte> bytes) { member.read(bytes.data(), bytes.size()); });
  } catch (const std::invalid_argument& problem) {
    member.refuse(problem.what());
  }
}

/// Numbers that the member must hold, to the byte.
std::uint64_t checked_count(const NumpyHeader& header, const Member& member) {
  if (!header.numbers) member.refuse(no_numbers(header));
  if (header.shape.empty() || header.shape.size() > 2) {
    member.refuse(fmt::format("it has {}; 1 or 2 would be right", plural(header.shape.size(), "dimension")));
  }
  try {
    return checked_elements(header, member.left());
  } catch (const std::invalid_argument& problem) {
    member.refuse(problem.what());
  }
}

template <typename Value>
Value from_bytes(const char* bytes, bool big_endian) {
  std::array<char, sizeof(Value)> ordered{};
  std::memcpy(ordered.data(), bytes, sizeof(Value));
  if (big_endian) std::ranges::reverse(ordered);
  return std::bit_cast<Value>(ordered);
}

template <typename Value>
float number(const char* bytes, bool big_endian) {
  return static_cast<float>(from_bytes<Value>(bytes, big_endian));
}

float half(const char* bytes, bool big_endian) {
  return from_half(from_bytes<std::uint16_t>(bytes, big_endian));
}

/// How to read an element of this type.
using FromBytes = float (*)(const char* bytes, bool big_endian);
FromBytes reader_of(NumpyType type) {
  switch (type) {
    case NumpyType::boolean:
      return number<std::uint8_t>;
    case NumpyType::float16:
      return half;
    case NumpyType::float32:
      return number<float>;
    case NumpyType::float64:
      return number<double>;
    case NumpyType::int8:
      return number<std::int8_t>;
    case NumpyType::int16:
      return number<std::int16_t>;
    case NumpyType::int32:
      return number<std::int32_t>;
    case NumpyType::int64:
      return number<std::int64_t>;
    case NumpyType::uint8:
      return number<std::uint8_t>;
    case NumpyType::uint16:
      return number<std::uint16_t>;
    case NumpyType::uint32:
      return number<std::uint32_t>;
    case NumpyType::uint64:
      return number<std::uint64_t>;
  }
  throw std::logic_error("a type without a reader");
}

std::vector<float> read_values(Member& member, const NumpyHeader& header, std::uint64_t count) {
  constexpr std::uint64_t at_once = std::uint64_t{1} << 16U;
  const FromBytes value_of = reader_of(header.type);
  std::vector<float> values(count);
  std::vector<char> bytes(std::min(count, at_once) * header.element_bytes);
  for (std::uint64_t first = 0; first < count; first += at_once) {
    const std::uint64_t some = std::min(at_once, count - first);
    member.read(bytes.data(), some * header.element_bytes);
    for (std::uint64_t i = 0; i < some; ++i) {
      values[first + i] = value_of(bytes.data() + i * header.element_bytes, header.big_endian);
    }
  }
  return values;
}

/// A finished archive, as the library has it in memory.
void write_archive(AtomicFile& atomic, zip_source_t* archive) {
  if (zip_source_open(archive) != 0) fail_to_write(atomic.target(), zip_error_strerror(zip_source_error(archive)));
  std::vector<char> piece(std::size_t{1} << 20U);
  for (;;) {
    const zip_int64_t count = zip_source_read(archive, piece.data(), piece.size());
    if (count < 0) fail_to_write(atomic.target(), zip_error_strerror(zip_source_error(archive)));
    if (count == 0) break;
    atomic.write({piece.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace

void NpzFile::Close::operator()(void* archive) const noexcept {
  zip_discard(zip(archive));
}

NpzFile::NpzFile(fs::path path) : path_(std::move(path)) {
  Descriptor file = open_to_read(path_);
  int problem = 0;
  archive_.reset(zip_fdopen(file.number(), ZIP_CHECKCONS, &problem));
  if (!archive_) fail_to_read(path_, fmt::format("it is no sound .npz file (a zip archive): {}", text_of(problem)));
  file.release();
  std::error_code gone;
  const std::uintmax_t length = fs::file_size(path_, gone);
  if (gone) fail_to_read(path_, gone.message());
  account_ = std::make_unique<ReadAccount>(path_, length, Reading::whole);
}

NpzFile::~NpzFile() = default;
NpzFile::NpzFile(NpzFile&&) noexcept = default;
NpzFile& NpzFile::operator=(NpzFile&&) noexcept = default;

std::vector<std::string> NpzFile::names() const {
  constexpr zip_int64_t most = 100;
  std::vector<std::string> names;
  const zip_int64_t count = std::min(most, zip_get_num_entries(zip(archive_.get()), ZIP_FL_UNCHANGED));
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* const name = zip_get_name(zip(archive_.get()), static_cast<zip_uint64_t>(i), ZIP_FL_UNCHANGED);
    std::string text = name == nullptr ? "" : name;
    if (text.ends_with(".npy")) names.push_back(text.substr(0, text.size() - 4));
  }
  return names;
}

bool NpzFile::has(const std::string& name) const {
  return zip_name_locate(zip(archive_.get()), file_name(name).c_str(), ZIP_FL_UNCHANGED) >= 0;
}

NumpyArray NpzFile::read(const std::string& name) const {
  Member member(zip(archive_.get()), name, path_);
  const NumpyHeader header = read_header(member);
  const std::uint64_t count = checked_count(header, member);
  account_->add(name, member.packed(), count * sizeof(float));
  if (count > available_memory() / (3 * sizeof(float))) {  // read, put in order, in a model
    throw Error(Failure::other, fmt::format("not enough memory for the array '{}' [{}] of '{}'", name,
                                            fmt::join(header.shape, " x "), path_.string()));
  }
  NumpyArray array{name, header.shape, read_values(member, header, count)};
  member.expect_end();
  if (header.column_major && header.shape.size() == 2) {
    array.values = transposed({array.values.data(), header.shape[1], header.shape[0]});
  }
  return array;
}

struct NpzStream::State {
  Member member;
  NumpyHeader header;
};

NpzStream::NpzStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
NpzStream::~NpzStream() = default;
NpzStream::NpzStream(NpzStream&&) noexcept = default;
NpzStream& NpzStream::operator=(NpzStream&&) noexcept = default;

const NumpyHeader& NpzStream::header() const noexcept {
  return state_->header;
}

std::uint64_t NpzStream::left() const noexcept {
  return state_->member.left();
}

void NpzStream::read(std::span<std::byte> bytes) {
  state_->member.read(bytes.data(), bytes.size());
  if (state_->member.left() == 0) state_->member.expect_end();
}

NpzStream NpzFile::stream(const std::string& name) const {
  Member member(zip(archive_.get()), name, path_);
  NumpyHeader header = read_header(member);
  if (header.element_bytes > 0 && std::ranges::find(header.shape, 0U) == header.shape.end()) {
    try {
      (void)checked_elements(header, member.left());
    } catch (const std::invalid_argument& problem) {
      member.refuse(problem.what());
    }
  }
  return NpzStream(std::make_unique<NpzStream::State>(NpzStream::State{std::move(member), std::move(header)}));
}

void write_npz(const fs::path& path, std::span<const NumpyArray> arrays) {
  AtomicFile atomic(path);
  // Into memory: with a name, the library makes a temporary file of its own and renames it.
  zip_error_t problem{};
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> whole(
      zip_source_buffer_create(nullptr, 0, 0, &problem), zip_source_free);
  std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      whole ? zip_open_from_source(whole.get(), ZIP_TRUNCATE, &problem) : nullptr, zip_discard);
  if (!archive) fail_to_write(path, zip_error_strerror(&problem));
  zip_source_keep(whole.get());  // the archive gives back its own share

  std::vector<std::string> headers;  // that the library reads when the archive is closed, as it does the values
  for (const NumpyArray& array : arrays) headers.push_back(numpy_header(array.shape));
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the library only reads them, but wants no const
    auto* const values = const_cast<float*>(arrays[i].values.data());
    std::array<zip_buffer_fragment_t, 2> parts{
        {{reinterpret_cast<zip_uint8_t*>(headers[i].data()), headers[i].size()},
         {reinterpret_cast<zip_uint8_t*>(values), arrays[i].values.size() * sizeof(float)}}};
    zip_source_t* const source = zip_source_buffer_fragment(archive.get(), parts.data(), parts.size(), 0);
    const zip_int64_t index =
        source == nullptr ? -1
                          : zip_file_add(archive.get(), file_name(arrays[i].name).c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      fail_to_write(path, zip_strerror(archive.get()));
    }
    const auto place = static_cast<zip_uint64_t>(index);
    // No compression, and no time: the first one that zip knows, 1980.
    if (zip_set_file_compression(archive.get(), place, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive.get(), place, 0, (1U << 5U) | 1U, 0) != 0) {
      fail_to_write(path, zip_strerror(archive.get()));
    }
  }
  if (zip_close(archive.get()) != 0) fail_to_write(path, zip_strerror(archive.get()));
  static_cast<void>(archive.release());
  write_archive(atomic, whole.get());
  atomic.commit();
}

}  // namespace rbmpi
