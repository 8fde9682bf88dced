#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include <zlib.h>

namespace rbmpi {

/// Unpacks the members of a gzip file (RFC 1952), one behind the other. zlib compares checksum and length of each.
/// Zeros behind the last member, as tapes and block devices have them, are its end; other bytes there are refused. (The
/// files of zlib pass over them in silence, and libarchive does not compare the checksum.) Local.
class GzipReader {
 public:
  /// Fills a block with the next bytes of the file and gives their number, which is smaller only at its end.
  using ReadPacked = std::function<std::size_t(std::span<std::byte>)>;

  /// `name` is for messages.
  GzipReader(std::filesystem::path name, ReadPacked read_packed);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// Fills `bytes` and gives their number, which is smaller only at the end. Throws Error(Failure::file).
  std::size_t read(std::span<std::byte> bytes);
  /// Begins again with the next byte that `read_packed` gives, which is the first of the file.
  void begin();

 private:
  enum class Place : std::uint8_t { in_member, behind_member, end };

  bool fill();
  void look_behind_member();

  std::filesystem::path name_;
  ReadPacked read_packed_;
  std::vector<std::byte> block_;
  z_stream stream_ = {};
  Place place_ = Place::in_member;
};

}  // namespace rbmpi
