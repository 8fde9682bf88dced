#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace rbmpi {

/// Which state of a file is read. Whoever reads in several steps makes one before the first and asks it after the last,
/// and so takes no mixture of two contents, or of one and zeros, for a file. Any write, by whatever program, counts
/// that a file system gives the time of: what is written through a mapping of the file (mmap) may have none.
class FileVersion {
 public:
  /// Local. The state that the file is in. Waits for the end of a write that goes on, and until another one would have
  /// another time: for milliseconds, and only if the file has just been changed. Throws Error(Failure::file) if it
  /// cannot be looked at, or does not come to rest.
  explicit FileVersion(std::filesystem::path path);

  /// Local. Throws Error(Failure::file), "'a.h5' changed while it was read", if another file has the name by now, or
  /// the same was written to, cut or removed, even if its length and its time of modification are as they were.
  void throw_if_changed() const;
  /// Local. Runs `read` and throws if the file has changed by then, also in place of an Error(Failure::file) of `read`,
  /// which may have stumbled over just that.
  void guard(const std::function<void()>& read) const;

 private:
  struct State {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified = 0;  ///< nanoseconds, as users may set it
    std::int64_t changed = 0;   ///< nanoseconds, as only the system sets it
    bool operator==(const State&) const = default;
  };
  [[nodiscard]] static State state_of(const std::filesystem::path& path);

  std::filesystem::path path_;
  State state_;
};

}  // namespace rbmpi
