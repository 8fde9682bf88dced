#include "app/options.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

namespace po = boost::program_options;

namespace {

/// Levenshtein's distance: the fewest insertions, deletions and substitutions of one letter that turn `a` into `b`.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substituted});
    }
  }
  return row.back();
}

std::vector<std::string> long_names(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back(option->long_name());
  return names;
}

/// What the user typed, with the dashes and the value taken off.
std::string bare_name(std::string token) {
  token.erase(0, token.find_first_not_of('-'));
  return token.substr(0, token.find('='));
}

// Boost's styles less the short forms and the guessing: "-0.1" is a value, "--epo" a mistake.
constexpr int style = po::command_line_style::allow_long | po::command_line_style::long_allow_adjacent |
                      po::command_line_style::long_allow_next;

/// Refuses an option that wants a value and is followed by another option, which Boost would take for the value.
void want_values(const std::vector<std::string>& arguments, const po::options_description& options,
                 const std::string& see) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!word.starts_with("--") || word.find('=') != std::string::npos) continue;
    const po::option_description* const option = options.find_nothrow(bare_name(word), /*approx=*/false);
    if (option == nullptr || option->semantic()->min_tokens() == 0 || ++i == arguments.size()) continue;
    const std::string& value = arguments[i];
    if (!value.starts_with("--") || options.find_nothrow(bare_name(value), false) == nullptr) continue;
    refuse(fmt::format("option '{}' wants a value, but '{}' is an option", word, value) + see);
  }
}

}  // namespace

void refuse(const std::string& message) {
  throw Error(Failure::usage, message);
}

std::string nearest_name(const std::string& word, const std::vector<std::string>& known) {
  std::string nearest;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : known) {
    const std::size_t distance = edit_distance(word, name);
    if (distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

std::string unknown_name_message(const std::string& what, const std::string& word,
                                 const std::vector<std::string>& known) {
  const std::string nearest = nearest_name(word, known);
  std::string message = fmt::format("unknown {} '{}'", what, word);
  if (!nearest.empty()) message += fmt::format("; did you mean '{}'?", nearest);
  return message;
}

std::uint64_t parse_count(const std::string& text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    refuse(fmt::format("must be a whole number from {} to {}", least, most));
  }
  return value;
}

std::vector<std::uint64_t> parse_picture(const std::string& text) {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  const char* const last = text.data() + text.size();
  const auto [middle, height_problem] = std::from_chars(text.data(), last, height);
  const bool has_width = height_problem == std::errc() && middle != last && *middle == 'x';
  const auto [end, width_problem] = std::from_chars(has_width ? middle + 1 : last, last, width);
  if (!has_width || width_problem != std::errc() || end != last || height == 0 || width == 0) return {};
  return {height, width};
}

po::variables_map parse_arguments(const std::string& command, const std::vector<std::string>& arguments,
                                  const po::options_description& options,
                                  const po::positional_options_description& positional) {
  const std::string see = fmt::format(" (rbmpi {} --help lists the options)", command);
  want_values(arguments, options, see);
  po::variables_map values;
  try {
    po::parsed_options parsed =
        po::command_line_parser(arguments).options(options).positional(positional).style(style).run();
    std::set<std::string> seen;
    for (const po::option& option : parsed.options) {
      const bool repeats = option.position_key < 0 && options.find(option.string_key, false).semantic()->is_composing();
      if (option.position_key < 0 && !repeats && !seen.insert(option.string_key).second) {
        refuse(fmt::format("option '--{}' is given twice", option.string_key) + see);
      }
      if (option.value.size() == 1 && option.value.front().empty()) {
        refuse(fmt::format("option '--{}' has an empty value", option.string_key) + see);
      }
    }
    po::store(parsed, values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    refuse(unknown_name_message("option", "--" + bare_name(error.get_option_name()),
                                [&] {
                                  std::vector<std::string> names = long_names(options);
                                  for (std::string& name : names) name.insert(0, "--");
                                  return names;
                                }()) +
           see);
  } catch (const po::too_many_positional_options_error&) {
    refuse(fmt::format("more arguments than 'rbmpi {}' takes", command) + see);
  } catch (const po::invalid_command_line_syntax& error) {
    refuse(fmt::format("option '--{}' {}", bare_name(error.get_option_name()),
                       error.kind() == po::invalid_syntax::missing_parameter ? "wants a value" : "takes no value") +
           see);
  } catch (const po::multiple_occurrences& error) {
    refuse(fmt::format("option '--{}' is given twice", bare_name(error.get_option_name())) + see);
  } catch (const po::error& error) {
    refuse(error.what() + see);
  }
  return values;
}

}  // namespace rbmpi
