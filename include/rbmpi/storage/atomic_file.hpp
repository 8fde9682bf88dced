#pragma once

#include <filesystem>
#include <string_view>

#include "rbmpi/core/system.hpp"

namespace rbmpi {

/// A file that appears whole or not at all. Its content goes to `temporary()`, a hidden file in the same folder, until
/// `commit` flushes it to disk and renames it to `target`. A file of that name is replaced in the same instant.
/// Move-only; the destructor removes the temporary file if there was no commit.
///
/// The temporary file is `.<name>.partial-<16 random digits>`, so that nobody can have put anything in its place, and
/// is locked (flock) while the object lives, or a child process that was forked meanwhile. The next one for the same
/// target removes those that the dead left behind.
class AtomicFile {
 public:
  /// Local. A link is followed, but not one that another user made in a folder that is not theirs. Throws
  /// Error(Failure::file), naming the folder, if it does not exist or cannot be written, and for a target that is there
  /// and is no regular file.
  explicit AtomicFile(const std::filesystem::path& target);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  [[nodiscard]] const std::filesystem::path& target() const noexcept { return target_; }
  /// Libraries that want a name write to this one; they must find it, not make it, and follow no link.
  [[nodiscard]] const std::filesystem::path& temporary() const noexcept { return temporary_; }

  /// Local. Adds to what was written so. Throws Error(Failure::file).
  void write(std::string_view bytes);
  /// Local. fsync of the temporary file, rename to the target, fsync of the folder. Whoever else wrote to it must have
  /// closed it. Throws Error(Failure::file) and leaves the old target as it was.
  void commit();

 private:
  [[nodiscard]] bool make_temporary(const std::filesystem::path& folder);
  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once committed or moved from
  Descriptor file_;                  // the temporary file, locked
};

/// Local. The file that a link leads to, since a rename would replace the link. Throws Error(Failure::file) for a link
/// that AtomicFile does not follow.
[[nodiscard]] std::filesystem::path behind_link(const std::filesystem::path& target);

/// Local. Removes the temporary files for `target` (of a run folder: empty, for any) that dead writers left behind.
/// Only those of this user whose lock can be taken; with `sole_writer`, when it is known that no other process writes
/// here, all but those that are locked. Never throws for what it cannot remove.
void remove_partial_files(const std::filesystem::path& folder, std::string_view target, bool sole_writer = false);

}  // namespace rbmpi
