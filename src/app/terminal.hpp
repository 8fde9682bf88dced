#pragma once

#include <cstdio>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/plural.hpp"

namespace rbmpi {

/// Local. Whether somebody watches the standard output on a terminal. Under Open MPI's mpirun a rank always writes to a
/// pseudo-terminal of mpirun's, so there it is mpirun's own output that counts.
[[nodiscard]] bool output_is_terminal();

/// Local. Columns of the terminal, 80 if it does not say.
[[nodiscard]] int terminal_columns();

/// One line without control characters, whatever names and texts of files are in the message.
[[nodiscard]] std::string printable(std::string message);

/// Writes a text at once. What cannot be written, because a disk is full or nobody listens, is lost: no reason to end a
/// training.
void put(std::FILE* stream, const std::string& text) noexcept;

/// What the root says besides errors: one line on the standard error.
void warn(const std::string& message);

/// `put` to the standard output of what fmt makes of the arguments.
template <typename... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  put(stdout, fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace rbmpi
