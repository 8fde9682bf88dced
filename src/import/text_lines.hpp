#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "rbmpi/storage/byte_source.hpp"

namespace rbmpi {

/// How the characters of a text are stored. Bytes that are no UTF-8 (Latin-1) stay as they are: numbers are ASCII.
enum class Encoding { utf8, utf16_little, utf16_big };

/// Local. By the mark that the text begins with; without one UTF-16 if most of every other byte are 0, else UTF-8.
[[nodiscard]] Encoding encoding_of(std::string_view beginning) noexcept;

/// Local. The text in UTF-8, without its mark; a half of a character at its end is left out.
[[nodiscard]] std::string to_utf8(std::string_view text, Encoding encoding);

/// Local. A name of a column, a class or a row in UTF-8: one that is none is taken for Latin-1.
[[nodiscard]] std::string name_in_utf8(std::string_view name);

/// The lines of a text file in UTF-8, plain or compressed, with any of the usual ends of lines. Every method is Local
/// and throws Error(Failure::file).
class TextLines {
 public:
  explicit TextLines(const std::filesystem::path& path);

  [[nodiscard]] Encoding encoding() const noexcept { return encoding_; }
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

  ByteSource source_;
  Encoding encoding_ = Encoding::utf8;
  char end_of_line_ = '\n';
  std::vector<std::byte> block_;
  std::string packed_;  // of UTF-16: bytes of a character that the block before ended in
  std::string text_;    // what was read, from `begin_` on not yet given
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;  // where to look for the end of a line
  bool at_end_ = false;
  std::uint64_t number_ = 0;
};

}  // namespace rbmpi
