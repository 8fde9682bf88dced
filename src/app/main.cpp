#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/command.hpp"
#include "app/options.hpp"
#include "app/startup.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/version.hpp"

namespace rbmpi {
namespace {

std::string help() {
  std::string text =
      "rbmpi trains restricted Boltzmann machines, on one core or under mpirun.\n\nUsage:\n"
      "  rbmpi COMMAND [OPTIONS]\n  mpirun -n RANKS rbmpi COMMAND [OPTIONS]\n\nCommands:\n";
  for (const Command& command : commands()) text += fmt::format("  {:<12} {}\n", command.name, command.summary);
  text += "\nrbmpi COMMAND --help shows the options of a command, rbmpi --version the version.\n";
  return text;
}

const Command& find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (name == command.name) return command;
    names.emplace_back(command.name);
  }
  throw AgreedError(Failure::usage,
                    unknown_name_message("command", name, names) + " (rbmpi --help lists the commands)");
}

/// Collective. Gives the exit code.
int run(const std::vector<std::string>& arguments, const Communicator& world) {
  if (arguments.empty()) throw AgreedError(Failure::usage, "no command given; rbmpi --help lists the commands");
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    if (world.is_root()) put(stdout, help());
  } else if (name == "--version") {
    if (world.is_root()) say("rbmpi {}\n", version());
  } else {
    const Command& command = find_command(name);
    const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    const bool writes = command.writes || (command.writes_with != nullptr && command.writes_with(rest));
    if (!may_run(writes, world)) return static_cast<int>(Failure::usage);
    command.run(rest, world);
  }
  return 0;
}

/// Collective. What a command does, and so which messages the ranks exchange, follows from its arguments: all ranks
/// take those of the root.
std::vector<std::string> arguments_of_root(const std::vector<std::string>& arguments, const Communicator& world) {
  std::string joined;
  for (const std::string& argument : arguments) joined += argument + '\0';
  joined = world.broadcast(joined);
  std::vector<std::string> common;
  for (std::size_t first = 0; first < joined.size();) {
    const std::size_t end = joined.find('\0', first);
    common.push_back(joined.substr(first, end - first));
    first = end + 1;
  }
  return common;
}

// An agreed error is on every rank: the root prints it and every rank leaves with its exit code. Any other may be on
// this rank alone, and the others must not wait for it.
int guarded_main(const std::vector<std::string>& arguments) {
  const Communicator world = Communicator::world();
  try {
    return run(arguments_of_root(arguments, world), world);
  } catch (const AgreedError& error) {
    if (world.is_root()) put(stderr, to_show("rbmpi: {}\n", error.what()));
    return static_cast<int>(error.failure());
  } catch (const Error& error) {
    put(stderr, to_show("rbmpi: rank {} of {}: {}\n", world.rank(), world.size(), error.what()));
    MpiEnvironment::abort(static_cast<int>(error.failure()));
  }
}

}  // namespace
}  // namespace rbmpi

using Initializer = void (*)(int, char**, char**);
[[gnu::section(".preinit_array"), gnu::used]] static const Initializer before_libraries = rbmpi::before_libraries;

int main(int argc, char** argv) {
  rbmpi::restore_environment();
  rbmpi::stop_on_signals();
  const rbmpi::MpiEnvironment environment(argc, argv);
  try {
    return rbmpi::guarded_main({argv + 1, argv + argc});
  } catch (const std::bad_alloc&) {
    rbmpi::put(stderr, "rbmpi: out of memory\n");
  } catch (const std::exception& error) {
    rbmpi::put(stderr, rbmpi::to_show("rbmpi: {}\n", error.what()));
  }
  rbmpi::MpiEnvironment::abort(static_cast<int>(rbmpi::Failure::other));
}
