#pragma once

#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

#include "app/configuration.hpp"
#include "app/hang.hpp"
#include "app/layout.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/parallel/watchdog.hpp"

namespace rbmpi {

/// Collective. The settings that `settings_of` makes of the arguments of `rbmpi COMMAND`, or nothing if they ask for
/// help, which is printed. `positional` names the arguments without dashes in their order. Throws an AgreedError.
template <typename SettingsOf>
[[nodiscard]] auto parse_command(const char* command, const std::vector<std::string>& arguments,
                                 boost::program_options::options_description options,
                                 std::initializer_list<const char*> positional, const SettingsOf& settings_of,
                                 std::string (*help)(), const Communicator& world) {
  namespace po = boost::program_options;
  std::optional<decltype(settings_of(po::variables_map()))> settings;
  world.agree([&] {
    po::positional_options_description places;
    for (const char* const name : positional) {
      places.add(name, 1);
      options.add_options()(name, po::value<std::string>(), "");
    }
    const po::variables_map values = parse_arguments(command, arguments, options, places);
    if (values.count("help") == 0) settings = settings_of(values);
  });
  if (!settings && world.is_root()) put(stdout, help());
  return settings;
}

// What the settings of many commands begin with. `usage` is such as "predict MODEL DATA --output FILE". Local.

/// The end of a message on wrong arguments, that says where to look.
[[nodiscard]] std::string see_help(const std::string& usage);
/// The argument `name`, a file: `what` in words. Throws Error(Failure::usage) if it is missing.
[[nodiscard]] std::filesystem::path file_argument(const boost::program_options::variables_map& values, const char* name,
                                                  const char* what, const std::string& usage);
/// Throws Error(Failure::usage) if no output was given.
void want_output(const std::filesystem::path& output, const char* what, const std::string& usage);

/// What a command works with once its settings are known. Collective.
struct StartedCommand {
  StartedCommand(const Communicator& world, const TrainSettings& settings)
      : watchdog(world, std::chrono::seconds(settings.hang_timeout), end_hanging_job),
        layout(arrange(world, settings.threads, settings.training.ranks_per_node)) {}
  Watchdog watchdog;
  Layout layout;
};

}  // namespace rbmpi
