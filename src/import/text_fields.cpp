#include "import/text_fields.hpp"

#include <algorithm>
#include <iterator>
#include <new>

#include "import/formats.hpp"

namespace rbmpi {

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view around = " \t";
  while (!text.empty() && around.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
  while (!text.empty() && around.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  return text;
}

TextFields::TextFields(std::filesystem::path path, char separator)
    : path_(std::move(path)), separator_(separator), mark_(is_doubled(separator) ? marked : separator) {
  if (csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) != 0) throw std::bad_alloc();
  csv_set_delim(&parser_, static_cast<unsigned char>(mark_));
  // Its buffer is copied each time that it grows, by itself by 128 bytes: a field of megabytes thousands of times.
  csv_set_blk_size(&parser_, std::size_t{1} << 16U);
}

TextFields::~TextFields() {
  csv_free(&parser_);
}

std::span<const std::string_view> TextFields::split(std::string_view line, TextLines& lines) {
  fields_.clear();
  in_quotes_ = false;
  const bool characters = separator_ == no_separator;
  if (characters || line.find('"') == std::string_view::npos)
    split_plain(line);
  else
    split_quoted(line, lines);
  return fields_;
}

void TextFields::split_plain(std::string_view line) {
  if (separator_ == blanks || separator_ == no_separator) line = trimmed(line);
  if (has_to_mark()) line = line_ = with_separators_marked(line);
  if (separator_ == no_separator) {
    for (std::size_t i = 0; i < line.size(); ++i) fields_.push_back(line.substr(i, 1));
    return;
  }
  for (;;) {
    const std::size_t end = separator_ == blanks ? line.find_first_of(" \t") : line.find(mark_);
    fields_.push_back(trimmed(line.substr(0, end)));
    if (end == std::string_view::npos) return;
    line.remove_prefix(end + 1);
    if (separator_ == blanks) line = trimmed(line);
  }
}

void TextFields::split_quoted(std::string_view line, TextLines& lines) {
  constexpr std::size_t longest_field = 1U << 20U;
  const std::uint64_t first = lines.number();
  const auto unclosed = [&] { refuse_import(path_, fmt::format("a quote in line {} is not closed", first)); };
  text_.clear();
  parts_.clear();
  row_ended_ = false;
  for (;;) {
    const std::string text = with_separators(line);
    parse(text, lines.number());
    parse("\n", lines.number());
    if (row_ended_) break;
    if (csv_get_buffer_size(&parser_) > longest_field || !lines.next(line)) unclosed();
  }
  std::ranges::transform(parts_, std::back_inserter(fields_), [this](const auto& part) {
    return trimmed(std::string_view(text_).substr(part.first, part.second));
  });
}

// The library takes each character that is a separator for one.
std::string TextFields::with_separators(std::string_view line) {
  if (separator_ == blanks) return without_runs(line);
  return has_to_mark() ? with_separators_marked(line) : std::string(line);
}

bool TextFields::has_to_mark() const noexcept {
  return separator_ == comma_blank || is_doubled(separator_);
}

std::string TextFields::with_separators_marked(std::string_view line) {
  const bool twice = is_doubled(separator_);
  std::string result;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') in_quotes_ = !in_quotes_;
    const char next = i + 1 < line.size() ? line[i + 1] : '\0';
    const bool separates = twice ? line[i] == separator_character(separator_) && next == line[i]
                                 : line[i] == ',' && (next == '\0' || next == ' ' || next == '\t');
    result += !in_quotes_ && separates ? mark_ : line[i];
    if (!in_quotes_ && separates && twice) ++i;
  }
  return result;
}

std::string TextFields::without_runs(std::string_view line) {
  std::string result;
  if (!in_quotes_) line = trimmed(line);
  for (const char c : line) {
    if (c == '"') in_quotes_ = !in_quotes_;
    const bool between = !in_quotes_ && (c == ' ' || c == '\t');
    if (!between)
      result += c;
    else if (!result.ends_with(blanks))
      result += blanks;
  }
  return result;
}

void TextFields::parse(std::string_view text, std::size_t line) {
  if (text.empty()) return;
  const std::size_t parsed = csv_parse(&parser_, text.data(), text.size(), on_field, on_row, this);
  if (problem_) std::rethrow_exception(problem_);
  if (parsed == text.size()) return;
  if (csv_error(&parser_) != CSV_EPARSE) throw std::bad_alloc();
  refuse_import(path_, fmt::format("line {} has a quote in a wrong place", line));
}

// Exceptions must not pass through the C library: they wait until it has returned.
void TextFields::on_field(void* text, std::size_t length, void* self) {
  auto& fields = *static_cast<TextFields*>(self);
  if (fields.problem_) return;
  try {
    fields.parts_.emplace_back(fields.text_.size(), length);
    fields.text_.append(static_cast<const char*>(text), length);
  } catch (...) {
    fields.problem_ = std::current_exception();
  }
}

void TextFields::on_row(int, void* self) {
  static_cast<TextFields*>(self)->row_ended_ = true;
}

}  // namespace rbmpi
