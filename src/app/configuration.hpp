#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/greedy_training.hpp"
#include "rbmpi/train/net_trainer.hpp"
#include "rbmpi/train/run_end.hpp"
#include "rbmpi/train/snapshot_schedule.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

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

/// The commands that train, in the folder of a run.
enum class TrainingCommand { train, finetune };

/// The layers of a stack, and what is not the same in all of them, lowest layer first. The last value holds for the
/// layers above it as well; no value: that of `TrainSettings::training`, which has the first one of each.
struct LayerSettings {
  std::vector<std::size_t> hidden;  ///< one for each layer
  std::vector<std::uint64_t> epochs;
  std::vector<std::uint64_t> updates;
  std::vector<std::uint64_t> batch_size;
  std::vector<Schedule> learning_rate;
  std::vector<double> rate_decay;
  std::vector<Schedule> momentum;
  std::vector<Schedule> weight_cost;
  std::vector<Schedule> field_cost;
  std::vector<Schedule> l1;
  std::vector<Schedule> clip_gradient;
  std::vector<double> weight_init;
  bool join_labels = false;
  std::optional<std::uint64_t> features_memory;  ///< bytes; nothing: half of what is free
};

/// What `rbmpi finetune` can be told besides.
struct FinetuneSettings {
  std::filesystem::path model;  ///< pre-trained: a model, a checkpoint or the folder of a run; empty: none
  bool unfinished = false;      ///< take a model whose pre-training is not finished, too
  bool from_scratch = false;    ///< begin with random weights
  bool autoencoder = false;
  Activation code_unit = Activation::linear;  ///< of an autoencoder
  double input_dropout = 0;
  double hidden_dropout = 0;
  bool early_stop = false;
};

/// Which rows a share of them is that is validated on: the last ones, or some that are drawn (data/held_out_rows.hpp).
enum class ValidationRows { tail, sample };

/// All that `rbmpi train` and `rbmpi finetune` can be told.
struct TrainSettings {
  TrainingCommand command = TrainingCommand::train;
  std::filesystem::path data;
  std::filesystem::path output;
  std::uint64_t rows = 0;                      ///< 0: all
  std::uint64_t memory = 0;                    ///< bytes for the rows on each node; 0: what is free
  std::optional<std::uint64_t> shuffle_block;  ///< rows; 0: all; nothing: as the data are large
  std::string validation;                      ///< a dataset file, a share of the rows, or empty
  ValidationRows validation_rows = ValidationRows::tail;
  std::optional<double> scale;  ///< the value of the data that means 1.0; nothing: as the file says
  int threads = 0;              ///< per rank; 0: share out the cores
  ProgressStyle progress = ProgressStyle::automatic;
  bool fresh = false;  ///< start over, with what is in the folder moved aside
  CheckpointSettings checkpoints;
  std::uint64_t time_limit = 0;      ///< seconds; 0: none
  std::uint64_t hang_timeout = 600;  ///< seconds; 0: none
  TrainingOptions training;          ///< of finetune, only the OptimizationOptions in it count
  LayerSettings layers;  ///< of finetune, only the hidden layers of a net from scratch, where there is no model
  FinetuneSettings finetune;
};

/// Local. The settings of a command before it is told anything.
[[nodiscard]] TrainSettings default_settings(TrainingCommand command);
/// Local. How the stack of these settings is trained: a single layer is a stack of one.
[[nodiscard]] GreedyOptions greedy_options(const TrainSettings& settings);
/// Local. What the settings of `rbmpi finetune` mean to the library.
[[nodiscard]] NetTrainingOptions net_training_options(const TrainSettings& settings);
/// Local. Whether the model of the best epoch is kept.
[[nodiscard]] bool keeps_best(const TrainSettings& settings);
/// Local. The goal of a layer, or of a net, without early stopping.
[[nodiscard]] RunGoal goal_of_layer(const TrainSettings& settings, std::size_t layer);
/// Local. Whether a run with these settings and this progress has come to its end. The progress is of one of its
/// layers.
[[nodiscard]] RunEnd end_of_run(const TrainSettings& settings, const TrainingProgress& progress);

/// "epochs = 50" or "updates = 50000": the key that says how long it trains, as given; that of one layer in the other.
[[nodiscard]] std::string length_text(const TrainSettings& settings);
[[nodiscard]] std::string length_text(const OptimizationOptions& options);
/// "50 epochs" or "50000 updates".
[[nodiscard]] std::string length_in_words(const OptimizationOptions& options);

/// The commands that have a key.
enum class KeyOf { both, train, finetune };

/// One key of the configuration file and option of the command line: a row of the table in configuration_keys.cpp,
/// which the parser, --help and the effective configuration read. Commands may have different keys of the same name.
struct ConfigurationKey {
  const char* name = nullptr;
  const char* value = nullptr;  ///< what to write after it, for --help: "N", "FILE", "on|off"
  bool fixed = true;  ///< whether a run keeps it from its beginning to its end: else it may change between two starts
  const char* help = nullptr;
  /// Throws Error(Failure::usage) with what would be right.
  void (*set)(TrainSettings& settings, const std::string& text) = nullptr;
  std::string (*get)(const TrainSettings& settings) = nullptr;
  KeyOf commands = KeyOf::both;
  const char* implied = nullptr;  ///< the value of the option if it is given without one
};

/// The row with this name, for commands that share keys with `train`; there must be one.
[[nodiscard]] const ConfigurationKey& configuration_key(std::string_view name);
/// Local. Sets a key from the option of its name. Throws Error(Failure::usage) that names the option and the value.
void set_from_option(TrainSettings& settings, const ConfigurationKey& key, const std::string& text);
/// Its line in --help.
[[nodiscard]] std::string configuration_help(const ConfigurationKey& key, const TrainSettings& defaults);

/// Collective. Reads the arguments of a command: the file of --config, then the options, which win. Throws an
/// AgreedError for the first mistake, with file or option, key, value and what would be right. Prints nothing; if
/// --help is asked for, there are no settings.
[[nodiscard]] std::optional<TrainSettings> read_configuration(TrainingCommand command,
                                                              const std::vector<std::string>& arguments,
                                                              const Communicator& world);

/// Local. What the text of a configuration file means without options besides; `path` is its name in messages. Throws
/// Error(Failure::usage) as above, and Error(Failure::file) for what is no text.
[[nodiscard]] TrainSettings parse_configuration(const std::string& path, const std::string& text,
                                                TrainingCommand command = TrainingCommand::train);

/// Local. The fixed keys whose values differ between the configuration of a run, as its files have it, and `settings`:
/// "hidden = 30, but 20 in the run". Layers that are added to those of the run make no difference. Throws Error for a
/// text that is no configuration; `path` is its name in messages.
[[nodiscard]] std::vector<std::string> configuration_differences(const std::string& path, const std::string& text,
                                                                 const TrainSettings& settings);

/// The text of --help.
[[nodiscard]] std::string configuration_help(TrainingCommand command);

/// Every key with its value, as a configuration file that repeats the run.
[[nodiscard]] std::string effective_configuration(const TrainSettings& settings);

}  // namespace rbmpi
