#include "import/alphabet.hpp"

#include <algorithm>
#include <array>

#include "import/field_value.hpp"
#include "rbmpi/data/dataset_file.hpp"

namespace rbmpi {
namespace {

struct NamedAlphabet {
  std::string_view name;
  std::string_view letters;  ///< that of colour 0 first
};
constexpr NamedAlphabet protein = {"protein", "-ACDEFGHIKLMNPQRSTVWY"};
constexpr NamedAlphabet rna = {"rna", "-ACGU"};
constexpr NamedAlphabet dna = {"dna", "-ACGT"};
constexpr std::array named_alphabets = {protein, rna, dna};

}  // namespace

std::string alphabet_of(std::string_view name_or_letters) {
  const auto* const named = std::ranges::find(named_alphabets, plain_name(name_or_letters), &NamedAlphabet::name);
  if (named != named_alphabets.end()) return std::string(named->letters);
  std::string letters(name_or_letters);
  std::string sorted = letters;
  std::ranges::sort(sorted);
  const bool sound = letters.size() >= 2 && std::ranges::all_of(letters, is_column_letter) &&
                     std::ranges::adjacent_find(sorted) == sorted.end();
  return sound ? letters : std::string();
}

std::string guessed_alphabet(const LetterCounts& counts) {
  const auto count = [&](char letter) { return counts[static_cast<unsigned char>(letter)]; };
  std::uint64_t letters = 0;
  for (char letter = 'A'; letter <= 'Z'; ++letter) letters += count(letter);
  if (letters == 0) return {};
  const std::uint64_t bases = count('A') + count('C') + count('G') + count('T') + count('U') + count('N');
  const std::uint64_t tenths = 10;
  if (tenths * (letters - bases) > letters) return std::string(protein.letters);
  if (count('U') > 0 && count('T') > 0) return {};
  return std::string(count('U') > 0 ? rna.letters : dna.letters);
}

std::string_view name_of_alphabet(std::string_view letters) {
  const auto* const named = std::ranges::find(named_alphabets, letters, &NamedAlphabet::letters);
  return named == named_alphabets.end() ? std::string_view() : named->name;
}

}  // namespace rbmpi
