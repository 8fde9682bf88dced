#pragma once

#include <filesystem>
#include <functional>

#include "rbmpi/core/system.hpp"

namespace rbmpi {

/// A regular file with what a ByteSource of `path` gives, for libraries that go back and forth in a file: the file
/// itself, or, if it is packed or standard input, a temporary one in the folder TMPDIR (or /tmp) that has no name and
/// so leaves nothing behind. Local. Throws Error(Failure::file), also if the folder is full. Move-only.
class UnpackedFile {
 public:
  explicit UnpackedFile(const std::filesystem::path& path);

  /// What this process, and children of it, open. It lives as long as this object.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Calls `use` with a name of it that is no link, for a library that follows links itself: the name of the file, or
  /// one that the temporary file has only so long.
  void by_name(const std::function<void(const std::filesystem::path&)>& use) const;
  /// How messages call it.
  [[nodiscard]] const std::filesystem::path& name() const noexcept { return name_; }

 private:
  std::filesystem::path name_;
  std::filesystem::path path_;
  Descriptor temporary_;
};

}  // namespace rbmpi
