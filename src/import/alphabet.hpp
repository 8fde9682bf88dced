#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace rbmpi {

/// How often each byte stands in the columns of an alignment, gaps among them.
using LetterCounts = std::array<std::uint64_t, 256>;

/// Local. The letters of an alphabet in the order of their colours, of its name (protein, rna, dna) or given
/// themselves; empty if there is no such alphabet: a letter twice, less than two, or one that is no column of an
/// alignment.
[[nodiscard]] std::string alphabet_of(std::string_view name_or_letters);

/// Local. The alphabet of these letters: rna or dna if nine in ten are of theirs, which U and T tell apart, else
/// protein. Empty if that does not tell: no letters at all, or both U and T.
[[nodiscard]] std::string guessed_alphabet(const LetterCounts& counts);

/// Local. "protein", "rna" or "dna"; empty for other letters.
[[nodiscard]] std::string_view name_of_alphabet(std::string_view letters);

}  // namespace rbmpi
