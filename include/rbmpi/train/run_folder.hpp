#pragma once

#include <filesystem>
#include <string>

namespace rbmpi {

/// The folder of one training run: `config.ini` (effective configuration), `metrics.jsonl` (one object an epoch) and,
/// at the end, `model.h5`. Every method is Local and meant for the root; errors are Error(Failure::file).
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Throws if the folder holds a run already or could not be created or written. Changes nothing.
  void check() const;
  /// Creates the folder, and the folders above it, and writes the configuration.
  void create(const std::string& configuration) const;
  /// Adds one line to metrics.jsonl, in one write.
  void append_metrics(const std::string& line) const;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path configuration() const { return path_ / "config.ini"; }
  [[nodiscard]] std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  [[nodiscard]] std::filesystem::path model() const { return path_ / "model.h5"; }

 private:
  std::filesystem::path path_;
};

}  // namespace rbmpi
