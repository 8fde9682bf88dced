#pragma once

#include <filesystem>
#include <string>
#include <utility>

namespace rbmpi {

/// metrics.jsonl: one line an epoch. The lines are kept in memory as well, so that what could not be written today, for
/// want of space say, is written with the next line. Every method is Local and meant for the root.
class MetricsLog {
 public:
  /// `text`: the lines that the run has already. The file is not touched.
  explicit MetricsLog(std::filesystem::path file, std::string text = {})
      : file_(std::move(file)), text_(std::move(text)) {}

  /// Makes the file hold just the lines so far, in one instant. Throws Error(Failure::file).
  void restore() const;
  /// Adds a line, which is given without its end.
  void add(const std::string& line) { text_ += line + '\n'; }
  /// Writes the lines that the file lacks. Never leaves half a line at the end. Throws Error(Failure::file), and may be
  /// called again.
  void write() const;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::filesystem::path file_;
  std::string text_;
};

}  // namespace rbmpi
