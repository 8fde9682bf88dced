#pragma once

#include <string>

namespace rbmpi {

/// Local. A word of a command line as a shell takes it: as it is, or in single quotes where a shell would read more
/// into it than the word.
[[nodiscard]] std::string shell_word(const std::string& word);

}  // namespace rbmpi
