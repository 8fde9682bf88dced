#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

namespace rbmpi {

/// Throws Error(Failure::usage).
[[noreturn]] void refuse(const std::string& message);

/// The name in `known` that is nearest to `word`, if it is near enough to be a slip of the fingers; else empty.
[[nodiscard]] std::string nearest_name(const std::string& word, const std::vector<std::string>& known);

/// "unknown key 'epoch'; did you mean 'epochs'?": the second half only if there is a near name.
[[nodiscard]] std::string unknown_name_message(const std::string& what, const std::string& word,
                                               const std::vector<std::string>& known);

/// All of `text` as a whole number from `least` to `most`. Throws Error(Failure::usage) that says so.
[[nodiscard]] std::uint64_t parse_count(const std::string& text, std::uint64_t least, std::uint64_t most);

/// Height and width from "28x28"; empty if `text` is no such thing.
[[nodiscard]] std::vector<std::uint64_t> parse_picture(const std::string& text);

/// Parses the arguments of `rbmpi COMMAND` against `options`, the first arguments without dashes going to
/// `positional`. Throws Error(Failure::usage) for an unknown option (with the nearest right one), a repeated one, a
/// missing or superfluous value and superfluous arguments. "--help" has to be among `options` and is left to the
/// caller.
[[nodiscard]] boost::program_options::variables_map parse_arguments(
    const std::string& command, const std::vector<std::string>& arguments,
    const boost::program_options::options_description& options,
    const boost::program_options::positional_options_description& positional = {});

}  // namespace rbmpi
