#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json_fwd.hpp>

#include "rbmpi/core/plural.hpp"

namespace rbmpi {

/// Local. Whether somebody watches the standard output on a terminal that can take back a line. Under Open MPI's mpirun
/// a rank always writes to a pseudo-terminal of mpirun's, so there it is mpirun's own output that counts.
[[nodiscard]] bool output_is_terminal();

/// Local. Columns of the terminal, 80 if it does not say.
[[nodiscard]] int terminal_columns();
/// Takes away what stands in the line; and how often a line of progress is drawn anew at most.
inline constexpr const char* clear_line = "\r\033[K";
inline constexpr auto redraw_interval = std::chrono::milliseconds(100);

/// One line of UTF-8 without control characters (`is_control`), whatever names and texts of files are in the text: a
/// question mark stands for each, and for each byte that is no UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

/// One JSON object for the terminal: valid, and ASCII, whatever texts of files are in it.
[[nodiscard]] std::string json_text(const nlohmann::ordered_json& json);

/// Writes a text at once, as it is. What cannot be written, because a disk is full or nobody listens, is lost: no
/// reason to end a training.
void put(std::FILE* stream, const std::string& text) noexcept;

/// The same for what must not be lost: throws Error(Failure::other) if it cannot be written.
void print_text(const std::string& text);

/// What the root says besides errors: one line on the standard error.
void warn(const std::string& message);

namespace detail {

/// What of an argument is shown: of texts what is printable, all of others.
template <typename Argument>
decltype(auto) shown(const Argument& argument) {
  if constexpr (std::is_convertible_v<const Argument&, std::string_view>) {
    return printable(argument);
  } else {
    return (argument);
  }
}
template <typename Iterator, typename Sentinel>
std::string shown(const fmt::join_view<Iterator, Sentinel>& texts) {
  return printable(fmt::format("{}", fmt::join_view<Iterator, Sentinel>(texts)));
}

template <typename Argument>
using Shown = decltype(shown(std::declval<const Argument&>()));

}  // namespace detail

/// What fmt makes of the arguments, of which texts are made `printable`: they may be of files. The format is ours, with
/// its line ends.
template <typename... Arguments>
std::string to_show(fmt::format_string<detail::Shown<Arguments>...> format, const Arguments&... arguments) {
  return fmt::format(format, detail::shown(arguments)...);
}

/// `put` to the standard output of what is `to_show`.
template <typename... Arguments>
void say(fmt::format_string<detail::Shown<Arguments>...> format, const Arguments&... arguments) {
  put(stdout, to_show(format, arguments...));
}

/// `print_text` of what is `to_show`.
template <typename... Arguments>
void print(fmt::format_string<detail::Shown<Arguments>...> format, const Arguments&... arguments) {
  print_text(to_show(format, arguments...));
}

}  // namespace rbmpi
