#pragma once

#include <span>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "app/configuration.hpp"
#include "rbmpi/core/error.hpp"

namespace rbmpi {

/// An option of one command alone.
template <typename Settings>
struct CommandOption {
  const char* name = nullptr;
  const char* value = nullptr;  ///< what to write after it, for --help: "N", "FILE"; null if nothing
  const char* help = nullptr;
  /// Throws Error(Failure::usage) with what would be right.
  void (*set)(Settings& settings, const std::string& text) = nullptr;
  bool repeats = false;  ///< whether it may be given several times; `set` is then called for each
};

/// The options of a command whose settings have the member `train`: its own, keys of `train` that it shares, with their
/// texts and limits, and --help.
template <typename Settings>
struct CommandOptions {
  std::span<const CommandOption<Settings>> own;
  std::span<const char* const> shared_keys;

  [[nodiscard]] boost::program_options::options_description description() const {
    namespace po = boost::program_options;
    po::options_description options;
    options.add_options()("help", "");
    for (const auto& option : own) {
      if (option.value == nullptr) {
        options.add_options()(option.name, "");
      } else if (option.repeats) {
        options.add_options()(option.name, po::value<std::vector<std::string>>()->composing(), "");
      } else {
        options.add_options()(option.name, po::value<std::string>(), "");
      }
    }
    for (const char* const key : shared_keys) options.add_options()(key, po::value<std::string>(), "");
    return options;
  }

  /// Their lines in --help.
  [[nodiscard]] std::string help() const {
    std::string text;
    for (const auto& option : own) {
      const std::string usage = option.value == nullptr ? option.name : fmt::format("{} {}", option.name, option.value);
      text += fmt::format("  --{:<36} {}\n", usage, option.help);
    }
    for (const char* const key : shared_keys) text += configuration_help(configuration_key(key), Settings().train);
    return text;
  }

  /// Throws Error(Failure::usage) that names the option and the value.
  void set(Settings& settings, const boost::program_options::variables_map& values) const {
    for (const char* const key : shared_keys) {
      if (values.count(key) != 0) {
        set_from_option(settings.train, configuration_key(key), values[key].template as<std::string>());
      }
    }
    for (const auto& option : own) {
      if (values.count(option.name) == 0) continue;
      const boost::program_options::variable_value& value = values[option.name];
      const auto texts = option.repeats ? value.template as<std::vector<std::string>>()
                                        : std::vector{option.value == nullptr ? "" : value.template as<std::string>()};
      for (const std::string& text : texts) {
        try {
          option.set(settings, text);
        } catch (const Error& error) {
          throw Error(error.failure(), fmt::format("option --{0}: {0} = {1}: {2}", option.name, text, error.what()));
        }
      }
    }
  }
};

}  // namespace rbmpi
