#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace rbmpi {

/// Whether a name means standard input: "-".
[[nodiscard]] bool is_standard_input(const std::filesystem::path& path);

/// The bytes of a file in order: as they are, or unpacked from gzip, bzip2, xz, zstd or the one member of a zip or tar
/// archive, which is found out from the content, not from the name. "-" is standard input, of which the first that
/// asks makes a temporary file without a name, so that others, and child processes made later, read it again. Every
/// method is Local and throws Error(Failure::file) with the file's name. Move-only.
class ByteSource {
 public:
  /// A missing file, a folder, one that may not be read, one that is not a regular file, and an archive of no or of
  /// several members each get their own message.
  explicit ByteSource(const std::filesystem::path& path);
  ~ByteSource();
  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// How messages call it.
  [[nodiscard]] const std::filesystem::path& path() const noexcept;
  /// Bytes read so far, unpacked.
  [[nodiscard]] std::uint64_t position() const noexcept;
  /// The file cannot hold more bytes than this, unpacked: its length, or what its format can make of it at best. A
  /// header that claims more is wrong. Reading ends with an error where there is more.
  [[nodiscard]] std::uint64_t most_bytes() const noexcept;
  /// Whether the bytes are not those of the file itself.
  [[nodiscard]] bool packed() const noexcept;

  /// Fills `bytes` and gives their number, which is smaller only at the end of the file. A truncated or damaged file
  /// throws.
  std::size_t read(std::span<std::byte> bytes);
  /// Goes back to the first byte.
  void rewind();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rbmpi
