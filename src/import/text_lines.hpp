#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/encoding.hpp"
#include "rbmpi/storage/byte_source.hpp"

namespace rbmpi {

/// The lines of a text file in UTF-8, plain or compressed, with any of the usual ends of lines. Every method is Local
/// and throws Error(Failure::file).
class TextLines {
 public:
  /// Without `encoding`, a name that iconv knows, that is found out: UTF-8, UTF-16 or UTF-32 (encoding_of), and lines
  /// that are none of them are Windows-1252.
  explicit TextLines(const std::filesystem::path& path, std::string encoding = {});

  /// As said or found: "UTF-8" also where lines turned out to be Windows-1252.
  [[nodiscard]] const std::string& encoding() const noexcept { return encoding_; }
  /// What a person should know of letters whose encoding nobody said, a sentence; empty if there are none so far.
  [[nodiscard]] std::string note_on_encoding() const;
  /// The file cannot hold more bytes than this, unpacked.
  [[nodiscard]] std::uint64_t most_bytes() const noexcept { return source_.most_bytes(); }

  /// Puts the next line, without its end, into `line`; false at the end of the file. Valid until the next call.
  [[nodiscard]] bool next(std::string_view& line);
  /// The number of that line, from 1.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  void rewind();

 private:
  [[nodiscard]] bool fill();
  void append(std::string_view bytes);
  [[nodiscard]] std::string_view from_usual_encoding(std::string_view line);

  ByteSource source_;
  bool encoding_said_ = false;
  std::string encoding_;
  std::optional<ToUtf8> converter_;  // none of UTF-8
  std::string converted_line_;
  std::uint64_t first_converted_ = 0;  // the number of the first line that was no UTF-8; 0 if none was
  char end_of_line_ = '\n';
  std::vector<std::byte> block_;
  std::string packed_;  // bytes of a character that the block before ended in
  std::string text_;    // what was read, from `begin_` on not yet given
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;  // where to look for the end of a line
  bool at_end_ = false;
  std::uint64_t number_ = 0;
};

}  // namespace rbmpi
