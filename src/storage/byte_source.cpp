#include "rbmpi/storage/byte_source.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/system.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "rbmpi/storage/temporary_file.hpp"
#include "storage/file_errors.hpp"
#include "storage/gzip_reader.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr const char* input_name = "standard input";

/// How many bytes a format makes of one at best.
constexpr std::uint64_t best_deflate = 1032;   // 258 bytes from two bits
constexpr std::uint64_t best_xz = 7100;        // 273 bytes from 14 bits that cost 0.022 bits each
constexpr std::uint64_t best_zstd = 32768;     // a block of 128 KiB from 4 bytes
constexpr std::uint64_t best_bzip2 = 2000000;  // a block of 900,000 / 5 * 259 bytes from some 30

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? std::numeric_limits<std::uint64_t>::max() : result;
}

/// Fills `bytes` from an open file and gives their number, which is smaller only at its end.
std::size_t read_from(int file, const fs::path& name, std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t some = ::read(file, bytes.data() + done, bytes.size() - done);
    if (some < 0 && errno == EINTR) {
      throw_if_stopped("reading a file");
      continue;
    }
    if (some < 0) fail_to_read(name, error_text(errno));
    if (some == 0) break;
    done += static_cast<std::size_t>(some);
  }
  return done;
}

std::size_t read_input(std::span<std::byte> bytes) {
  return read_from(STDIN_FILENO, input_name, bytes);
}

Descriptor copy_of_input() {
  struct stat status {};
  if (::fstat(STDIN_FILENO, &status) != 0) fail_to_read(input_name, error_text(errno));
  if (::isatty(STDIN_FILENO) == 1) fail_to_read(input_name, "it is a terminal; a file or a pipe would be right");
  if (S_ISREG(status.st_mode) && ::lseek(STDIN_FILENO, 0, SEEK_CUR) == 0) {
    Descriptor same(::open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC));
    if (same.number() >= 0) return same;
  }
  return temporary_copy(input_name, read_input);
}

/// Standard input as a file that can be read from its beginning as often as wanted.
const Descriptor& standard_input() {
  static const Descriptor file = copy_of_input();
  return file;
}

/// A file, plain or gzip.
class GzipFile {
 public:
  explicit GzipFile(const fs::path& path) : name_(is_standard_input(path) ? input_name : path) {
    const bool from_input = is_standard_input(path);
    file_ = open_to_read(from_input ? path_of(standard_input()) : path);
    struct stat status {};
    if (::fstat(file_.number(), &status) != 0) fail_to_read(name_, error_text(errno));
    length_ = static_cast<std::uint64_t>(status.st_size);
    std::array<std::byte, 2> front = {};
    if (read_plain(front) == front.size() && front == gzip_mark) {
      gzip_ = std::make_unique<GzipReader>(name_, [this](std::span<std::byte> block) { return read_plain(block); });
    }
    rewind();
  }
  ~GzipFile() = default;
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  [[nodiscard]] const fs::path& name() const noexcept { return name_; }
  [[nodiscard]] bool packed() const noexcept { return gzip_ != nullptr; }
  [[nodiscard]] std::uint64_t most_bytes() const { return packed() ? product(length_, best_deflate) : length_; }

  /// Fills `bytes` and gives their number, which is smaller only at the end.
  std::size_t read(std::span<std::byte> bytes) {
    if (!packed()) return read_plain(bytes);
    return gzip_->read(bytes);
  }
  /// Only of a plain file. Gives the new place; negative if there is no such.
  std::int64_t seek(std::int64_t offset, int whence) { return ::lseek(file_.number(), offset, whence); }
  /// Also behind an error.
  void rewind() {
    if (::lseek(file_.number(), 0, SEEK_SET) != 0) fail_to_read(name_, "its beginning cannot be read a second time");
    if (packed()) gzip_->begin();
  }

 private:
  static constexpr std::array<std::byte, 2> gzip_mark = {std::byte{0x1f}, std::byte{0x8b}};

  /// Fills `bytes` from the file as it is.
  std::size_t read_plain(std::span<std::byte> bytes) { return read_from(file_.number(), name_, bytes); }

  fs::path name_;
  Descriptor file_;
  std::uint64_t length_ = 0;
  std::unique_ptr<GzipReader> gzip_;  ///< of a gzip file
};

bool begins_as_zip(std::string_view front) {
  return front.starts_with("PK\x03\x04") || front.starts_with("PK\x05\x06");
}

bool begins_as_tar(std::string_view front) {
  constexpr std::size_t mark = 257;
  return front.size() > mark && front.substr(mark).starts_with("ustar");
}

/// Whether a file that begins so is for libarchive. What only looks like it comes out of it as it is.
bool begins_as_archive(std::string_view front) {
  using namespace std::string_view_literals;
  constexpr std::string_view xz = "\xfd\x37zXZ\0"sv;
  constexpr std::string_view zstd = "\x28\xb5\x2f\xfd"sv;
  return front.starts_with("BZh") || front.starts_with(xz) || front.starts_with(zstd) || begins_as_zip(front) ||
         begins_as_tar(front);
}

/// What a file begins with.
template <typename File>
std::string front_of(File& file) {
  std::string front(512, '\0');
  front.resize(file.read(std::as_writable_bytes(std::span(front))));
  return front;
}

/// What libarchive makes of a file: bzip2, xz or zstd unpacked, or the one member of a zip or tar archive.
class Archive {
 public:
  Archive(GzipFile& file, std::string_view front) : file_(file), block_(std::size_t{1} << 18U) {
    if (begins_as_zip(front)) {
      add_format_ = archive_read_support_format_zip;
    } else {
      rewind();
      if (begins_as_tar(front_of(*this))) add_format_ = archive_read_support_format_tar;
    }
    if (add_format_ != archive_read_support_format_raw) want_one_member();
    rewind();
  }

  [[nodiscard]] std::uint64_t most_bytes() const noexcept { return most_bytes_; }

  std::size_t read(std::span<std::byte> bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const la_ssize_t some = archive_read_data(archive_.get(), bytes.data() + done, bytes.size() - done);
      if (some < 0) fail();
      if (some == 0) {
        want_no_more();
        break;
      }
      done += static_cast<std::size_t>(some);
    }
    return done;
  }
  void rewind() {
    open();
    if (!next_member()) refuse("its beginning cannot be read a second time");
  }

 private:
  struct Close {
    void operator()(archive* opened) const noexcept { archive_read_free(opened); }
  };

  [[noreturn]] void refuse(const std::string& why) const { fail_to_read(file_.name(), why); }

  void want_one_member() {
    constexpr std::size_t shown = 5;
    std::vector<std::string> names;
    if (add_format_ == archive_read_support_format_zip) want_zip_alone();
    open();
    while (names.size() <= shown && next_member()) names.push_back(member_);
    if (names.empty()) refuse(fmt::format("it is {} without a file in it", kind_));
    if (names.size() == 1) return;
    const bool more = names.size() > shown;
    names.resize(std::min(names.size(), shown));
    refuse(fmt::format("it is {} of several files: '{}'{}; one of them, unpacked, would be right", kind_,
                       fmt::join(names, "', '"), more ? " and more" : ""));
  }

  /// Behind the end of a packed file: the library passes over what stands there.
  void want_no_more() {
    if (add_format_ != archive_read_support_format_raw) return;
    while (const std::size_t count = file_.read(block_)) bytes_given_ += count;
    if (std::cmp_less(archive_filter_bytes(archive_.get(), -1), bytes_given_)) {
      refuse(fmt::format("it is {} with more behind its end; the file without that would be right", kind_));
    }
  }

  /// The library takes the last of several zip archives in a file, and passes over what stands around it. An archive
  /// ends with its directory and a record of 22 bytes, which has the length and the place of the directory, and the
  /// length of a comment behind the record.
  void want_zip_alone() {
    constexpr std::uint64_t record_bytes = 22;
    constexpr std::uint64_t most = record_bytes + 65535;
    if (file_.packed()) return;  // which is read in order, to the end of the first
    const auto end = static_cast<std::uint64_t>(file_.seek(0, SEEK_END));
    std::string last(std::min(end, most), '\0');
    file_.seek(static_cast<std::int64_t>(end - last.size()), SEEK_SET);
    last.resize(file_.read(std::as_writable_bytes(std::span(last))));
    const std::size_t record = last.rfind("PK\x05\x06");
    if (record == std::string::npos || record + record_bytes > last.size()) return;  // the library says what is wrong
    const auto number = [&](std::size_t place, std::size_t bytes) {
      std::uint64_t value = 0;
      while (bytes-- > 0) value = value << 8U | static_cast<unsigned char>(last[record + place + bytes]);
      return value;
    };
    if (record + record_bytes + number(20, 2) != last.size())
      refuse("it is a zip archive with more behind its end; the archive without that would be right");
    // Archives beyond 4 GiB, or made for a pipe, have records of other sizes before this one.
    if (record >= 20 && last.compare(record - 20, 4, "PK\x06\x07") == 0) return;
    const std::uint64_t directory_end = number(12, 4) + number(16, 4);
    if (directory_end != end - last.size() + record)
      refuse("it is several zip archives, or a zip archive behind something else; one archive would be right");
  }

  /// With what the library, or the file below it, has said.
  [[noreturn]] void fail() const {
    if (!problem_.empty()) throw Error(Failure::file, problem_);
    const char* const words = archive_error_string(archive_.get());
    refuse(fmt::format("it is {} that is truncated or damaged ({})", kind_,
                       words == nullptr ? "no more is known" : words));
  }

  void open() {
    file_.rewind();
    bytes_given_ = 0;
    archive_.reset(archive_read_new());
    archive* const opened = archive_.get();
    if (opened == nullptr) refuse("out of memory");
    archive_read_support_filter_bzip2(opened);
    archive_read_support_filter_xz(opened);
    archive_read_support_filter_zstd(opened);
    add_format_(opened);
    archive_read_set_option(opened, "tar", "read_concatenated_archives", "1");
    archive_read_set_read_callback(opened, [](archive* self, void* data, const void** block) -> la_ssize_t {
      auto& source = *static_cast<Archive*>(data);
      try {
        const std::size_t count = source.file_.read(source.block_);
        *block = source.block_.data();
        source.bytes_given_ += count;
        return static_cast<la_ssize_t>(count);
      } catch (const Error& error) {  // through a library of C
        source.problem_ = error.what();
        archive_set_error(self, EIO, "it cannot be read");
        return ARCHIVE_FATAL;
      }
    });
    if (!file_.packed()) {
      archive_read_set_seek_callback(opened, [](archive*, void* data, la_int64_t offset, int whence) -> la_int64_t {
        const std::int64_t place = static_cast<Archive*>(data)->file_.seek(offset, whence);
        return place < 0 ? la_int64_t{ARCHIVE_FATAL} : place;
      });
    }
    archive_read_set_callback_data(opened, this);
    if (archive_read_open1(opened) != ARCHIVE_OK) fail();
  }

  /// Goes to the next regular file. False if there is no more.
  bool next_member() {
    for (;;) {
      throw_if_stopped("looking for the file in an archive");
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(archive_.get(), &entry);
      name_kind();
      if (status == ARCHIVE_EOF) return false;
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN) fail();
      const char* const name = archive_entry_pathname(entry);
      member_ = name == nullptr ? "?" : name;
      // What macOS adds to each file is no file of its own.
      if (archive_entry_filetype(entry) != AE_IFREG || member_.starts_with("__MACOSX/")) continue;
      if (archive_entry_size_is_set(entry) != 0 && archive_entry_size(entry) >= 0) {
        most_bytes_ = std::min(most_bytes_, static_cast<std::uint64_t>(archive_entry_size(entry)));
      }
      return true;
    }
  }

  /// What it is, in words, and what can be in it at most.
  void name_kind() {
    archive* const opened = archive_.get();
    const int format = archive_format(opened) & ARCHIVE_FORMAT_BASE_MASK;
    const int filters = archive_filter_count(opened) - 1;  // the last one is the file itself
    const int filter = filters == 0 ? ARCHIVE_FILTER_NONE : archive_filter_code(opened, 0);
    if (filters > 1 || (filters == 1 && format == ARCHIVE_FORMAT_ZIP)) {
      refuse("it is packed more than once; packed once it can be read");
    }
    std::uint64_t best = 1;
    kind_ = "a file";
    if (filter == ARCHIVE_FILTER_BZIP2) best = best_bzip2, kind_ = "a bzip2 file";
    if (filter == ARCHIVE_FILTER_XZ) best = best_xz, kind_ = "an xz file";
    if (filter == ARCHIVE_FILTER_ZSTD) best = best_zstd, kind_ = "a zstd file";
    if (format == ARCHIVE_FORMAT_TAR) kind_ = "a tar archive";
    if (format == ARCHIVE_FORMAT_ZIP) best = best_bzip2, kind_ = "a zip archive";  // which may use any method
    most_bytes_ = product(file_.most_bytes(), best);
  }

  GzipFile& file_;
  int (*add_format_)(archive*) = archive_read_support_format_raw;
  std::vector<std::byte> block_;
  std::unique_ptr<archive, Close> archive_;
  std::uint64_t bytes_given_ = 0;  ///< of the file, to the library
  std::string problem_;            ///< what the file below has thrown
  std::string kind_ = "an archive";
  std::string member_;
  std::uint64_t most_bytes_ = 0;
};

}  // namespace

bool is_standard_input(const fs::path& path) {
  return path == "-";
}

struct ByteSource::State {
  explicit State(const fs::path& path) : file(path), most_bytes(file.most_bytes()) {
    std::string front;
    try {
      front = front_of(file);
    } catch (const Error&) {  // which the first that reads will hear of
    }
    file.rewind();
    if (!begins_as_archive(front)) return;
    archive = std::make_unique<Archive>(file, front);
    most_bytes = archive->most_bytes();
  }

  GzipFile file;
  std::unique_ptr<Archive> archive;  ///< if what is in the file is packed in another way, too
  std::uint64_t position = 0;
  std::uint64_t most_bytes = 0;
};

ByteSource::ByteSource(const fs::path& path) : state_(std::make_unique<State>(path)) {}
ByteSource::~ByteSource() = default;
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;

const fs::path& ByteSource::path() const noexcept {
  return state_->file.name();
}

std::uint64_t ByteSource::position() const noexcept {
  return state_->position;
}

std::uint64_t ByteSource::most_bytes() const noexcept {
  return state_->most_bytes;
}

bool ByteSource::packed() const noexcept {
  return state_->archive != nullptr || state_->file.packed();
}

std::size_t ByteSource::read(std::span<std::byte> bytes) {
  const std::size_t count = state_->archive ? state_->archive->read(bytes) : state_->file.read(bytes);
  state_->position += count;
  if (packed() && state_->position > state_->most_bytes) {
    fail_to_read(path(), fmt::format("there is more in it than the {} that it says, or can hold; it is damaged",
                                     human_bytes(state_->most_bytes)));
  }
  return count;
}

void ByteSource::rewind() {
  if (state_->archive) {
    state_->archive->rewind();
  } else {
    state_->file.rewind();
  }
  state_->position = 0;
}

}  // namespace rbmpi
