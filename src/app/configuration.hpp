#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/greedy_training.hpp"
#include "rbmpi/train/snapshot_schedule.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// Whether a progress bar or one line an epoch is shown; `automatic` asks whether there is a terminal.
enum class ProgressStyle { automatic, bar, lines, off };

/// When a run keeps a copy of itself. 0 everywhere: not for this reason.
struct CheckpointSettings {
  std::uint64_t seconds = 60;  ///< after so many seconds
  std::uint64_t epochs = 0;    ///< after each so many epochs
  std::uint64_t steps = 0;     ///< after each so many steps
  std::uint64_t keep = 3;      ///< so many of the newest stay
  SnapshotSchedule snapshots;
};

/// The layers of a stack, and what is not the same in all of them, lowest layer first. The last value holds for the
/// layers above it as well; no value: that of `TrainSettings::training`, which has the first one of each.
struct LayerSettings {
  std::vector<std::size_t> hidden;  ///< one for each layer
  std::vector<std::uint64_t> epochs;
  std::vector<std::uint64_t> batch_size;
  std::vector<Schedule> learning_rate;
  std::vector<Schedule> momentum;
  std::vector<Schedule> weight_cost;
  std::vector<double> weight_init;
  bool join_labels = false;
  std::optional<std::uint64_t> features_memory;  ///< bytes; nothing: half of what is free
};

/// All that `rbmpi train` can be told.
struct TrainSettings {
  std::filesystem::path data;
  std::filesystem::path output;
  std::uint64_t rows = 0;  ///< 0: all
  std::string validation;  ///< a dataset file, a share of the rows, or empty
  int threads = 0;         ///< per rank; 0: share out the cores
  ProgressStyle progress = ProgressStyle::automatic;
  bool fresh = false;  ///< start over, with what is in the folder moved aside
  CheckpointSettings checkpoints;
  std::uint64_t time_limit = 0;      ///< seconds; 0: none
  std::uint64_t hang_timeout = 600;  ///< seconds; 0: none
  TrainingOptions training;
  LayerSettings layers;
};

/// Local. How the stack of these settings is trained: a single layer is a stack of one.
[[nodiscard]] GreedyOptions greedy_options(const TrainSettings& settings);

/// One key of the configuration file and option of the command line: a row of the table in configuration.cpp, which the
/// parser, --help and the effective configuration read.
struct ConfigurationKey {
  const char* name;
  const char* value;  ///< what to write after it, for --help: "N", "FILE", "on|off"
  bool fixed;         ///< whether a run keeps it from its beginning to its end: else it may change between two starts
  const char* help;
  /// Throws Error(Failure::usage) with what would be right.
  void (*set)(TrainSettings& settings, const std::string& text);
  std::string (*get)(const TrainSettings& settings);
};

/// The row with this name, for commands that share keys with `train`; there must be one.
[[nodiscard]] const ConfigurationKey& configuration_key(std::string_view name);
/// Local. Sets a key from the option of its name. Throws Error(Failure::usage) that names the option and the value.
void set_from_option(TrainSettings& settings, const ConfigurationKey& key, const std::string& text);
/// Its line in --help.
[[nodiscard]] std::string configuration_help(const ConfigurationKey& key, const TrainSettings& defaults);

/// Collective. Reads the arguments of `rbmpi train`: the file of --config, then the options, which win. Throws an
/// AgreedError for the first mistake, with file or option, key, value and what would be right. Prints nothing; if
/// --help is asked for, returns false.
[[nodiscard]] bool read_configuration(const std::vector<std::string>& arguments, const Communicator& world,
                                      TrainSettings& settings);

/// Local. What the text of a configuration file means without options besides; `path` is its name in messages. Throws
/// Error(Failure::usage) as above, and Error(Failure::file) for what is no text.
[[nodiscard]] TrainSettings parse_configuration(const std::string& path, const std::string& text);

/// Local. The fixed keys whose values differ between the configuration of a run, as its files have it, and `settings`:
/// "hidden = 30, but 20 in the run". Layers that are added to those of the run make no difference. Throws Error for a
/// text that is no configuration; `path` is its name in messages.
[[nodiscard]] std::vector<std::string> configuration_differences(const std::string& path, const std::string& text,
                                                                 const TrainSettings& settings);

/// The text of --help.
[[nodiscard]] std::string configuration_help();

/// Every key with its value, as a configuration file that repeats the run.
[[nodiscard]] std::string effective_configuration(const TrainSettings& settings);

}  // namespace rbmpi
