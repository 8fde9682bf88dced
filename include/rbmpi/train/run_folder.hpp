#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace rbmpi {

/// The folder of one training run (docs/formats.md): `config.ini` (effective configuration), `metrics.jsonl` (one
/// object an epoch), `jobs.jsonl` (one object a job), `checkpoint-<steps>.h5`, `snapshot-<steps>.h5`, `best.h5` with
/// early stopping, at the end `model.h5`, and `lock` while a run is alive. Every method is Local and meant for the
/// root; errors are Error(Failure::file).
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Throws if the folder, or one above it, could not be created or written. Changes nothing.
  void check() const;
  /// Creates the folder, and the folders above it, if they are not there.
  void create() const;
  /// Writes config.ini; the old one, if any, is replaced in one instant.
  void write_configuration(const std::string& text) const;
  /// The same if there is none any more.
  void restore_configuration(const std::string& text) const;
  /// Removes half-written files that a run left behind when it was killed. Only for who holds the lock.
  void remove_partial_files() const;
  /// Renames the folder to the first free of `<path>.old-1`, `<path>.old-2`, ..., and makes a new one in its place.
  /// Gives the new name of the old one.
  [[nodiscard]] std::filesystem::path move_aside() const;
  /// Where a folder was before `move_aside`, by its name: "runs/a" of "runs/a.old-2". Of others the same.
  [[nodiscard]] static std::filesystem::path before_move(const std::filesystem::path& folder);

  /// The steps of all checkpoints, the newest first, whatever is in them.
  [[nodiscard]] std::vector<std::uint64_t> checkpoints() const;
  /// Renames a checkpoint that cannot be used to `checkpoint-<steps>.h5.<why>`, or `...-2`, out of the way of a new
  /// one.
  [[nodiscard]] std::filesystem::path set_aside(std::uint64_t steps, const std::string& why) const;
  /// Removes all checkpoints up to `steps` but the newest `keep` of them.
  void remove_old_checkpoints(std::uint64_t steps, std::uint64_t keep) const;

  /// Whether `file` is, by its name and place, one that a run keeps for itself: in a folder with a config.ini.
  [[nodiscard]] static bool has_file(const std::filesystem::path& file);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path configuration() const { return path_ / "config.ini"; }
  [[nodiscard]] std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  [[nodiscard]] std::filesystem::path jobs() const { return path_ / "jobs.jsonl"; }
  [[nodiscard]] std::filesystem::path model() const { return path_ / "model.h5"; }
  [[nodiscard]] std::filesystem::path best() const { return path_ / "best.h5"; }
  [[nodiscard]] std::filesystem::path lock() const { return path_ / "lock"; }
  [[nodiscard]] std::filesystem::path checkpoint(std::uint64_t steps) const;
  [[nodiscard]] std::filesystem::path snapshot(std::uint64_t steps) const;

 private:
  std::filesystem::path path_;
};

}  // namespace rbmpi
