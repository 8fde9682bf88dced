#pragma once

#include <span>
#include <string>
#include <vector>

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// One command of the program: a row of the table in commands.cpp.
struct Command {
  const char* name = nullptr;
  const char* summary = nullptr;  ///< one line for `rbmpi --help`
  /// Collective over `world`. Errors are thrown; what is printed, the root prints.
  void (*run)(const std::vector<std::string>& arguments, const Communicator& world) = nullptr;
  bool writes = false;  ///< files, which several at once would write over each other
  /// Local. Of a command that writes with some arguments alone: whether it does with these. Else null.
  bool (*writes_with)(const std::vector<std::string>& arguments) = nullptr;
};

/// Every command, in the order of `--help`.
[[nodiscard]] std::span<const Command> commands();

void run_bench(const std::vector<std::string>& arguments, const Communicator& world);
[[nodiscard]] bool evaluate_writes(const std::vector<std::string>& arguments);
void run_evaluate(const std::vector<std::string>& arguments, const Communicator& world);
void run_export(const std::vector<std::string>& arguments, const Communicator& world);
void run_export_data(const std::vector<std::string>& arguments, const Communicator& world);
void run_finetune(const std::vector<std::string>& arguments, const Communicator& world);
void run_import(const std::vector<std::string>& arguments, const Communicator& world);
void run_import_model(const std::vector<std::string>& arguments, const Communicator& world);
void run_info(const std::vector<std::string>& arguments, const Communicator& world);
void run_predict(const std::vector<std::string>& arguments, const Communicator& world);
void run_report(const std::vector<std::string>& arguments, const Communicator& world);
void run_sample(const std::vector<std::string>& arguments, const Communicator& world);
void run_train(const std::vector<std::string>& arguments, const Communicator& world);
void run_transform(const std::vector<std::string>& arguments, const Communicator& world);

}  // namespace rbmpi
