#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace rbmpi {

/// The bytes of a file in order, plain or gzip (found out from the content, not from the name). Every method is Local
/// and throws Error(Failure::file) with the file's name. Move-only.
class ByteSource {
 public:
  /// A missing file, a folder, one that may not be read and one that is not a regular file each get their own message.
  explicit ByteSource(const std::filesystem::path& path);
  ~ByteSource();
  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Bytes read so far, unpacked.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  /// The file cannot hold more bytes than this, unpacked: its length, or what gzip can make of it at best. A header
  /// that claims more is wrong.
  [[nodiscard]] std::uint64_t most_bytes() const noexcept { return most_bytes_; }

  /// Fills `bytes` and gives their number, which is smaller only at the end of the file. A truncated or damaged gzip
  /// file throws.
  std::size_t read(std::span<std::byte> bytes);
  /// Goes back to the first byte.
  void rewind();

 private:
  struct Close {
    void operator()(void* file) const noexcept;
  };
  std::filesystem::path path_;
  std::unique_ptr<void, Close> file_;  // a gzFile, which only the .cpp may name
  std::uint64_t position_ = 0;
  std::uint64_t most_bytes_ = 0;
};

}  // namespace rbmpi
