#include "import/text_lines.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "import/formats.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/utf8.hpp"

namespace rbmpi {
namespace {

/// Of what is no UTF-8, if nobody says another: that of Windows in Western Europe, of which Latin-1 is a part.
constexpr const char* usual_encoding = "windows-1252";

}  // namespace

TextLines::TextLines(const std::filesystem::path& path, std::string encoding)
    : source_(path), encoding_said_(!encoding.empty()), encoding_(std::move(encoding)), block_(std::size_t{1} << 20U) {
  if (encoding_said_) converter_.emplace(encoding_);
  (void)fill();
  // Old Macs, and Excel for them, end lines with a carriage return alone.
  if (text_.find('\n') == std::string::npos && text_.find('\r') != std::string::npos) end_of_line_ = '\r';
}

bool TextLines::fill() {
  throw_if_stopped("importing a text");
  const bool first = source_.position() == 0;
  const std::size_t count = source_.read(block_);
  const std::string_view bytes(reinterpret_cast<const char*>(block_.data()), count);
  text_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  if (first && !encoding_said_) {
    encoding_ = encoding_of(bytes);
    if (encoding_ != "UTF-8") converter_.emplace(encoding_);
  }
  append(bytes);
  // A file that was saved twice may have its mark twice.
  while (first && text_.starts_with(mark_in_utf8)) text_.erase(0, mark_in_utf8.size());
  if (count == block_.size()) return true;
  at_end_ = true;
  if (!packed_.empty())
    refuse_import(source_.path(), fmt::format("it is {} and ends in the middle of a character", encoding_));
  return count > 0;
}

void TextLines::append(std::string_view bytes) {
  const std::size_t before = text_.size();
  bool right = true;
  if (converter_) {
    packed_.append(bytes);
    right = converter_->move(packed_, text_);
  } else {
    text_.append(bytes);
  }
  if (text_.find('\0', before) != std::string::npos)
    refuse_import(source_.path(),
                  fmt::format("it has zeros among its characters, read as {}; a text would be right", encoding_));
  if (right) return;
  const auto lines = std::ranges::count(std::string_view(text_).substr(begin_), end_of_line_);
  refuse_import(source_.path(), fmt::format("line {} has bytes that are no character of {}",
                                            number_ + static_cast<std::uint64_t>(lines) + 1, encoding_));
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
  if (!converter_ && !is_utf8(line)) line = from_usual_encoding(line);
  return true;
}

std::string_view TextLines::from_usual_encoding(std::string_view line) {
  std::string bytes(line);
  converted_line_.clear();
  if (!ToUtf8(usual_encoding).move(bytes, converted_line_))
    refuse_options(source_.path(),
                   fmt::format("line {} has letters that are neither UTF-8 nor Windows-1252; --encoding "
                               "with the name of what they are, such as gb18030, would be right",
                               number_));
  if (first_converted_ == 0) first_converted_ = number_;
  return converted_line_;
}

std::string TextLines::note_on_encoding() const {
  if (first_converted_ == 0) return {};
  return fmt::format(
      "Letters of line {} are no UTF-8 and were read as Windows-1252 (Western Europe); --encoding NAME if they "
      "are others.",
      first_converted_);
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
