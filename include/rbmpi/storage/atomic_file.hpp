#pragma once

#include <filesystem>

namespace rbmpi {

/// A file that appears whole or not at all. Its content goes to `temporary()`, a hidden name in the same folder, until
/// `commit` flushes it to disk and renames it to `target`. A file of that name is replaced in the same instant.
/// Move-only; the destructor removes the temporary file if there was no commit.
class AtomicFile {
 public:
  /// Local. A link is followed. Throws Error(Failure::file), naming the folder, if it does not exist or cannot be
  /// written, and for a target that is there and is no regular file.
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  [[nodiscard]] const std::filesystem::path& target() const noexcept { return target_; }
  [[nodiscard]] const std::filesystem::path& temporary() const noexcept { return temporary_; }

  /// Local. fsync of the temporary file, rename to the target, fsync of the folder. The file must be closed. Throws
  /// Error(Failure::file) and leaves the old target as it was.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once committed or moved from
};

}  // namespace rbmpi
