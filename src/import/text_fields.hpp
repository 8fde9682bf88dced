#pragma once

#include <cstddef>
#include <exception>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <csv.h>

#include "import/text_lines.hpp"

namespace rbmpi {

/// What is between the fields of a line.
inline constexpr char blanks = ' ';      ///< any number of blanks and tabs
inline constexpr char no_separator = 0;  ///< nothing: each character is a field
inline constexpr char one_column = 1;    ///< there is one field
inline constexpr char comma_blank = 2;   ///< a comma before a blank: one that is not may be a decimal mark
inline constexpr char marked = 3;        ///< what stands for a doubled separator while a line is split

/// Splits lines into fields: blanks around them are no part of them, and quotes hold separators and ends of lines
/// together (RFC 4180). Every method is Local.
class TextFields {
 public:
  TextFields(std::filesystem::path path, char separator);
  ~TextFields();
  TextFields(const TextFields&) = delete;
  TextFields& operator=(const TextFields&) = delete;

  /// The fields of a line that was just read from `lines`, from which it takes more as long as a quote is open. Valid
  /// until the next call. Throws Error(Failure::file) for quotes in a wrong place.
  [[nodiscard]] std::span<const std::string_view> split(std::string_view line, TextLines& lines);

 private:
  void split_plain(std::string_view line);
  void split_quoted(std::string_view line, TextLines& lines);
  void parse(std::string_view text, std::size_t line);
  [[nodiscard]] std::string with_separators(std::string_view line);
  [[nodiscard]] std::string without_runs(std::string_view line);
  [[nodiscard]] bool has_to_mark() const noexcept;
  [[nodiscard]] std::string with_separators_marked(std::string_view line);
  static void on_field(void* text, std::size_t length, void* self);
  static void on_row(int end, void* self);

  std::filesystem::path path_;
  char separator_;
  char mark_;  // the character that stands for it in a line that is split
  csv_parser parser_{};
  std::exception_ptr problem_;
  bool row_ended_ = false;
  bool in_quotes_ = false;
  std::string line_;                                        // with one character for each separator
  std::string text_;                                        // of quoted fields, one behind the other
  std::vector<std::pair<std::size_t, std::size_t>> parts_;  // where they lie in it: first byte and length
  std::vector<std::string_view> fields_;
};

/// Local. Without blanks and tabs at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

}  // namespace rbmpi
