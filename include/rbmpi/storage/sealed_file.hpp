#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

/// The content of a file is not what was written: in contrast to a file that cannot be read just now.
class DamagedFile : public Error {
 public:
  DamagedFile(const std::filesystem::path& file, const std::string& why);
  /// What is wrong with it, without its name.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

 private:
  std::string why_;
};

/// A sealed file begins with 512 bytes of text, the seal: how many bytes follow, and their SHA-256. HDF5 calls such a
/// block at the front a user block and skips it, so a sealed HDF5 file opens everywhere as it is, and its bytes can be
/// trusted before HDF5 sees the first of them. Anyone can check it: tail --bytes=+513 FILE | sha256sum.
inline constexpr std::uint64_t seal_bytes = 512;

/// Local. Flushes the file to disk, reads all behind the first 512 bytes back (from the disk, where the system lets go
/// of its copy in memory) and writes the seal over those 512. `named` is how messages call the file. Throws
/// Error(Failure::file).
void seal_file(const std::filesystem::path& path, const std::filesystem::path& named);

/// Local. Whether a file begins as sealed ones do; no if it cannot be read.
[[nodiscard]] bool has_seal(const std::filesystem::path& path);

/// Local. Throws DamagedFile unless every byte of the file is as it was when it was sealed: the seal itself, the length
/// and the content; and a plain Error(Failure::file) if it cannot be read.
void check_seal(const std::filesystem::path& path);

}  // namespace rbmpi
