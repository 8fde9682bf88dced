#include "import/fasta.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "import/alphabet.hpp"
#include "import/field_value.hpp"
#include "import/formats.hpp"
#include "import/text_fields.hpp"
#include "import/text_lines.hpp"
#include "rbmpi/core/plural.hpp"

namespace rbmpi {
namespace {

/// One sequence as it stands.
struct Sequence {
  std::uint64_t line = 0;   ///< of its name
  std::string name;         ///< all that stands behind '>'
  std::string columns;      ///< without insertions
  std::uint64_t dots = 0;   ///< insertions written as '.'
  std::uint64_t lower = 0;  ///< those written as letters
  bool stop = false;        ///< '*' at its end was left out
};

/// An alignment of so many columns would be of chromosomes; what is longer is none.
constexpr std::size_t most_sites = 1000000;

/// The sequences of a file, one after the other.
class Sequences {
 public:
  Sequences(const std::filesystem::path& path, const TableOptions& options)
      : path_(path),
        lines_(path, options.encoding),
        stop_is_letter_(alphabet_of(options.alphabet).find('*') != std::string::npos) {}

  [[nodiscard]] std::string note_on_encoding() const { return lines_.note_on_encoding(); }

  void rewind() {
    lines_.rewind();
    waiting_ = lines_.next(line_);
  }

  [[nodiscard]] bool next(Sequence& sequence) {
    skip_to_name();
    if (!waiting_) return false;
    sequence = {.line = lines_.number(), .name = std::string(trimmed(line_.substr(1))), .columns = {}};
    while ((waiting_ = lines_.next(line_)) && !line_.starts_with('>')) take(trimmed(line_), sequence);
    // Translated proteins end with a stop.
    sequence.stop = !stop_is_letter_ && sequence.columns.ends_with('*');
    if (sequence.stop) sequence.columns.pop_back();
    return true;
  }

 private:
  void skip_to_name() {
    while (waiting_ && !line_.starts_with('>')) {
      if (!trimmed(line_).empty() && !line_.starts_with(';'))
        refuse_import(path_, fmt::format("line {} is '{}'; a name, '>NAME', would be right before the first sequence",
                                         lines_.number(), shown_field(line_)));
      waiting_ = lines_.next(line_);
    }
  }

  void take(std::string_view letters, Sequence& sequence) const {
    if (letters.starts_with(';')) return;  // a comment of old files
    if (sequence.columns.size() + letters.size() > most_sites)
      refuse_import(path_, fmt::format("line {}: the sequence '{}' is longer than {} letters; aligned sequences of a "
                                       "family would be right",
                                       lines_.number(), shown_field(sequence.name), most_sites));
    for (const char letter : letters) {
      if (is_column_letter(letter)) {
        sequence.columns += letter;
      } else if (letter == '.') {
        ++sequence.dots;
      } else if (letter >= 'a' && letter <= 'z') {
        ++sequence.lower;
      } else if (letter != ' ' && letter != '\t') {
        refuse_import(
            path_, fmt::format("line {}, of the sequence '{}', has '{}'; letters, '-' and '.' would be right",
                               lines_.number(), shown_field(sequence.name), shown_field(std::string_view(&letter, 1))));
      }
    }
  }

  std::filesystem::path path_;
  TextLines lines_;
  bool stop_is_letter_;
  std::string_view line_;
  bool waiting_ = false;  // `line_` is still to be looked at
};

class FastaTable : public Table {
 public:
  FastaTable(const std::filesystem::path& path, const TableOptions& options)
      : path_(path), unknown_(options.unknown_letters.value_or(UnknownLetters::gap)), sequences_(path, options) {
    survey();
    choose_alphabet(options.alphabet);
    describe();
  }

  [[nodiscard]] const TableInfo& info() const override { return info_; }

  void read(const std::function<void(const TableRow&)>& on_row) override {
    // A value that is missing takes its row away (import_file), if a column that is used has it.
    const double of_unknown =
        unknown_ == UnknownLetters::drop_row ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(gap_);
    std::vector<double> colours(info_.columns);
    TableRow row;
    Sequence sequence;
    sequences_.rewind();
    while (sequences_.next(sequence)) {
      if (sequence.columns.size() != info_.columns) refuse_import(path_, "it changed while it was read");
      std::ranges::transform(sequence.columns, colours.begin(), [&](char letter) {
        const int known_colour = colour(letter);
        return known_colour == unknown ? of_unknown : static_cast<double>(known_colour);
      });
      row.line = sequence.line;
      row.values = colours;
      row.name = sequence.name;
      on_row(row);
      ++row.number;
    }
  }

 private:
  static constexpr int unknown = -1;

  [[nodiscard]] int colour(char letter) const noexcept { return colours_[static_cast<unsigned char>(letter)]; }

  /// Counts sequences and letters.
  void survey() {
    Sequence first;
    Sequence sequence;
    sequences_.rewind();
    while (sequences_.next(sequence)) {
      if (sequence.columns.empty()) refuse_empty(sequence);
      if (count_ == 0)
        first = sequence;
      else if (sequence.columns.size() != first.columns.size())
        refuse_length(first, sequence);
      for (const char letter : sequence.columns) ++letters_[static_cast<unsigned char>(letter)];
      insertions_ += sequence.dots + sequence.lower;
      stops_ += sequence.stop ? 1 : 0;
      longest_name_ = std::max(longest_name_, sequence.name.size());
      ++count_;
    }
    if (count_ == 0) refuse_import(path_, "it has no sequence");
    info_.columns = first.columns.size();
  }

  [[nodiscard]] static std::string place(const Sequence& sequence) {
    return fmt::format("the sequence '{}' (line {})", shown_field(sequence.name), sequence.line);
  }

  [[noreturn]] void refuse_empty(const Sequence& sequence) const {
    if (sequence.lower > 0)
      refuse_import(path_, fmt::format("{} has lower-case letters alone, which are insertions in an alignment; upper "
                                       "case for its columns would be right",
                                       place(sequence)));
    refuse_import(path_, fmt::format("{} has no letters", place(sequence)));
  }

  [[noreturn]] void refuse_length(const Sequence& first, const Sequence& sequence) const {
    const auto length_with_dots = [](const Sequence& one) { return one.columns.size() + one.dots; };
    const bool dots_are_gaps = first.lower + sequence.lower == 0 && first.dots + sequence.dots > 0 &&
                               length_with_dots(first) == length_with_dots(sequence);
    const char* const way = dots_are_gaps ? "'-' for gaps, as '.' is an insertion, would be right"
                                          : "aligned sequences, as long as each other, would be right";
    refuse_import(path_, fmt::format("{} has {} and {} has {}{}; {}", place(first),
                                     plural(first.columns.size(), "column"), place(sequence), sequence.columns.size(),
                                     first.stop || sequence.stop ? " (a stop, '*', at the end is none)" : "", way));
  }

  void choose_alphabet(const std::string& wish) {
    const bool guessed = wish.empty() || wish == "auto";
    info_.alphabet = guessed ? guessed_alphabet(letters_) : alphabet_of(wish);
    if (info_.alphabet.empty() && guessed)
      refuse_options(path_, letters_['U'] > 0
                                ? "its letters are those of RNA and of DNA (U and T): --alphabet rna, dna or protein"
                                : "its sequences are gaps alone; letters of an alphabet would be right");
    if (info_.alphabet.empty())
      refuse_options(path_,
                     fmt::format("--alphabet {} is none: protein, rna, dna, auto, or different upper-case letters "
                                 "and '-' themselves would be right",
                                 wish));
    colours_.fill(unknown);
    for (std::size_t i = 0; i < info_.alphabet.size(); ++i)
      colours_[static_cast<unsigned char>(info_.alphabet[i])] = static_cast<int>(i);
    gap_ = colour('-');
  }

  void describe() {
    const std::string_view name = name_of_alphabet(info_.alphabet);
    info_.kind =
        fmt::format("{} (FASTA), {}, letters {}{}", plural(count_, "aligned sequence"), plural(info_.columns, "column"),
                    info_.alphabet, name.empty() ? std::string() : fmt::format(" ({})", name));
    info_.type = ElementType::uint8;
    info_.has_names = longest_name_ > 0;
    std::uint64_t strange = 0;
    std::uint64_t known = 0;
    std::string which;
    for (std::size_t byte = 0; byte < letters_.size(); ++byte) {
      const char letter = static_cast<char>(byte);
      if (colours_[byte] != unknown && letter != '-') known += letters_[byte];
      if (letters_[byte] == 0 || colours_[byte] != unknown) continue;
      strange += letters_[byte];
      which += which.empty() ? fmt::format("'{}'", letter) : fmt::format(", '{}'", letter);
    }
    if (known == 0)
      refuse_options(path_, fmt::format("no letter of it is one of {}; --alphabet says which are", info_.alphabet));
    if (insertions_ > 0)
      info_.notes.push_back(fmt::format("{} (lower case and '.') {} left out.", plural(insertions_, "insertion"),
                                        insertions_ == 1 ? "was" : "were"));
    if (stops_ > 0)
      info_.notes.push_back(fmt::format("{} ('*') at the end of a sequence {} left out.", plural(stops_, "stop"),
                                        stops_ == 1 ? "was" : "were"));
    if (strange > 0) note_unknown(strange, which);
    if (const std::string note = sequences_.note_on_encoding(); !note.empty()) info_.notes.push_back(note);
  }

  void note_unknown(std::uint64_t strange, const std::string& which) {
    const std::string what =
        fmt::format("{} ({}) {} none of the alphabet", plural(strange, "letter"), which, strange == 1 ? "is" : "are");
    if (unknown_ == UnknownLetters::drop_row)
      return info_.notes.push_back(fmt::format("{}: sequences with one in a column that is used were left out.", what));
    if (gap_ == unknown)
      refuse_options(path_, fmt::format("{}, and neither is the gap: --unknown-letters drop-row leaves such sequences "
                                        "out, or --alphabet with all letters",
                                        what));
    info_.notes.push_back(
        fmt::format("{} and became gaps; --unknown-letters drop-row leaves such sequences out.", what));
  }

  std::filesystem::path path_;
  UnknownLetters unknown_;
  Sequences sequences_;
  TableInfo info_;
  LetterCounts letters_{};
  std::array<int, 256> colours_{};  // of each byte
  int gap_ = unknown;               // its colour
  std::uint64_t count_ = 0;
  std::uint64_t insertions_ = 0;
  std::uint64_t stops_ = 0;
  std::size_t longest_name_ = 0;
};

}  // namespace

bool is_fasta(std::string_view beginning) {
  const std::string text = to_utf8(beginning, encoding_of(beginning));
  std::string_view rest = text;
  bool named = false;
  while (!rest.empty()) {
    const std::size_t end = rest.find_first_of("\r\n");
    const std::string_view line = trimmed(rest.substr(0, end));
    const bool whole = end != std::string_view::npos;
    rest.remove_prefix(whole ? end + 1 : rest.size());
    if (line.empty() || line.starts_with(';')) continue;
    if (line.starts_with('>')) {
      named = true;
      continue;
    }
    if (!named || line.find_first_of(",;|\t") != std::string_view::npos) return false;
    const auto letters = std::ranges::count_if(line, [](char letter) {
      return is_column_letter(letter) || letter == '.' || letter == ' ' || (letter >= 'a' && letter <= 'z');
    });
    // A strange letter among them is refused by its place, which tells more than what is said of other tables.
    return static_cast<std::size_t>(2 * letters) > line.size();
  }
  return false;
}

std::unique_ptr<Table> open_fasta(const std::filesystem::path& path, const TableOptions& options) {
  return std::make_unique<FastaTable>(path, options);
}

}  // namespace rbmpi
