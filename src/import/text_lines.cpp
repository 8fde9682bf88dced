#include "import/text_lines.hpp"

#include <algorithm>

#include "import/formats.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/utf8.hpp"

namespace rbmpi {
namespace {

constexpr std::string_view utf8_mark = "\xef\xbb\xbf";

bool has_utf16_mark(std::string_view text) {
  return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
}

/// Whether most of the bytes at odd places are 0 and those before them characters that tables are made of (Latin
/// letters, digits), or the other way round. Where they are not 0, letters of other scripts stand.
bool is_unmarked_utf16(std::string_view beginning, bool little) {
  constexpr std::size_t enough = 4096;
  const std::size_t units = std::min(enough, beginning.size()) / 2;
  std::size_t latin = 0;
  for (std::size_t i = 0; i < units; ++i) {
    const auto code = static_cast<unsigned char>(beginning[2 * i + (little ? 0 : 1)]);
    if (beginning[2 * i + (little ? 1 : 0)] != 0) continue;
    const bool character = (code >= ' ' && code <= '~') || code >= 0xa0 || code == '\t' || code == '\r' || code == '\n';
    if (!character) return false;
    ++latin;
  }
  return units > 1 && 2 * latin > units;
}

void append_character(std::string& text, char32_t code) {
  const auto byte = [&](char32_t bits) { text += static_cast<char>(static_cast<unsigned char>(bits)); };
  const auto rest = [&](char32_t bits) { byte(0x80U | (bits & 0x3fU)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0U | code >> 6U);
  } else if (code < 0x10000) {
    byte(0xe0U | code >> 12U);
    rest(code >> 6U);
  } else {
    byte(0xf0U | code >> 18U);
    rest(code >> 12U);
    rest(code >> 6U);
  }
  rest(code);
}

/// Appends what `bytes` of UTF-16 say and gives how many of them were whole characters.
std::size_t append_utf16(std::string& text, std::string_view bytes, bool little) {
  constexpr char32_t unknown = 0xfffd;  // for a half of a pair that has no other
  const auto unit = [&](std::size_t at) {
    const char32_t first = static_cast<unsigned char>(bytes[at]);
    const char32_t second = static_cast<unsigned char>(bytes[at + 1]);
    return little ? second << 8U | first : first << 8U | second;
  };
  const auto in = [](char32_t code, char32_t first) { return code >= first && code < first + 0x400; };
  std::size_t done = 0;
  while (done + 2 <= bytes.size()) {
    const char32_t first = unit(done);
    if (in(first, 0xd800)) {
      if (done + 4 > bytes.size()) break;
      const char32_t second = unit(done + 2);
      const bool pair = in(second, 0xdc00);
      append_character(text, pair ? 0x10000 + ((first - 0xd800) << 10U) + (second - 0xdc00) : unknown);
      done += pair ? 4 : 2;
      continue;
    }
    append_character(text, in(first, 0xdc00) ? unknown : first);
    done += 2;
  }
  return done;
}

}  // namespace

Encoding encoding_of(std::string_view beginning) noexcept {
  if (beginning.starts_with("\xff\xfe")) return Encoding::utf16_little;
  if (beginning.starts_with("\xfe\xff")) return Encoding::utf16_big;
  if (is_unmarked_utf16(beginning, true)) return Encoding::utf16_little;
  if (is_unmarked_utf16(beginning, false)) return Encoding::utf16_big;
  return Encoding::utf8;
}

std::string to_utf8(std::string_view text, Encoding encoding) {
  if (encoding == Encoding::utf8) return std::string(text.substr(text.starts_with(utf8_mark) ? utf8_mark.size() : 0));
  std::string result;
  (void)append_utf16(result, text.substr(has_utf16_mark(text) ? 2 : 0), encoding == Encoding::utf16_little);
  return result;
}

std::string name_in_utf8(std::string_view name) {
  std::size_t done = 0;
  while (done < name.size()) {
    const std::size_t bytes = first_character(name.substr(done)).bytes;
    if (bytes == 0) break;
    done += bytes;
  }
  if (done == name.size()) return std::string(name);
  std::string result;
  for (const char c : name) append_character(result, static_cast<unsigned char>(c));
  return result;
}

TextLines::TextLines(const std::filesystem::path& path) : source_(path), block_(std::size_t{1} << 20U) {
  (void)fill();
  // Old Macs, and Excel for them, end lines with a carriage return alone.
  if (text_.find('\n') == std::string::npos && text_.find('\r') != std::string::npos) end_of_line_ = '\r';
}

bool TextLines::fill() {
  throw_if_stopped("importing a text");
  const bool first = source_.position() == 0;
  const std::size_t count = source_.read(block_);
  std::string_view bytes(reinterpret_cast<const char*>(block_.data()), count);
  text_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  if (first) {
    encoding_ = encoding_of(bytes);
    if (has_utf16_mark(bytes)) bytes.remove_prefix(2);
    // A file that was saved twice may have its mark twice.
    while (encoding_ == Encoding::utf8 && bytes.starts_with(utf8_mark)) bytes.remove_prefix(utf8_mark.size());
  }
  append(bytes);
  if (count == block_.size()) return true;
  at_end_ = true;
  if (!packed_.empty()) refuse_import(source_.path(), "it is UTF-16 and ends in the middle of a character");
  return count > 0;
}

void TextLines::append(std::string_view bytes) {
  if (encoding_ == Encoding::utf8) {
    text_.append(bytes);
    return;
  }
  packed_.append(bytes);
  packed_.erase(0, append_utf16(text_, packed_, encoding_ == Encoding::utf16_little));
}

bool TextLines::next(std::string_view& line) {
  constexpr std::size_t longest = std::size_t{1} << 28U;
  std::size_t end = text_.find(end_of_line_, searched_);
  while (end == std::string::npos && !at_end_) {
    searched_ = text_.size();
    if (searched_ - begin_ > longest)
      refuse_import(source_.path(), fmt::format("line {} is longer than {} bytes", number_ + 1, longest));
    (void)fill();
    end = text_.find(end_of_line_, searched_);
  }
  if (end == std::string::npos && begin_ == text_.size()) return false;
  const bool whole = end != std::string::npos;
  line = std::string_view(text_).substr(begin_, (whole ? end : text_.size()) - begin_);
  begin_ = searched_ = whole ? end + 1 : text_.size();
  if (line.ends_with('\r')) line.remove_suffix(1);
  // Some old programs write the two the other way round.
  if (line.starts_with('\r')) line.remove_prefix(1);
  ++number_;
  return true;
}

void TextLines::rewind() {
  source_.rewind();
  packed_.clear();
  text_.clear();
  begin_ = searched_ = number_ = 0;
  at_end_ = false;
  (void)fill();
}

}  // namespace rbmpi
