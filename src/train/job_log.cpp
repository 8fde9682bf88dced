#include "rbmpi/train/job_log.hpp"

#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/text_file.hpp"

namespace rbmpi {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_file = std::size_t{1} << 24U;

std::string to_line(const JobRecord& job) {
  Json split;
  for (std::size_t phase = 0; phase < job.time_split.size(); ++phase) {
    split[std::string(time_phase_names[phase])] = job.time_split[phase];
  }
  Json line = {
      {"began", job.began}, {"end", job.end},         {"seconds", job.seconds},       {"nodes", job.nodes},
      {"ranks", job.ranks}, {"threads", job.threads}, {"first_step", job.first_step}, {"last_step", job.last_step},
      {"time_split", split}};
  if (!job.message.empty()) line["message"] = job.message;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

JobRecord from_json(const Json& line) {
  JobRecord job{.began = line.at("began").get<std::string>(),
                .end = line.at("end").get<std::string>(),
                .message = line.value("message", std::string()),
                .seconds = line.at("seconds").get<double>(),
                .nodes = line.at("nodes").get<int>(),
                .ranks = line.at("ranks").get<int>(),
                .threads = line.at("threads").get<int>(),
                .first_step = line.at("first_step").get<std::uint64_t>(),
                .last_step = line.at("last_step").get<std::uint64_t>()};
  const Json& split = line.at("time_split");
  for (std::size_t phase = 0; phase < job.time_split.size(); ++phase) {
    job.time_split[phase] = split.value(std::string(time_phase_names[phase]), 0.0);
  }
  return job;
}

}  // namespace

JobLog::JobLog(std::filesystem::path file) : file_(std::move(file)) {
  for (const JobRecord& job : read_jobs(file_)) before_ += to_line(job);
}

void JobLog::write(const JobRecord& job) const {
  write_text_file(file_, before_ + to_line(job));
}

std::vector<JobRecord> read_jobs(const std::filesystem::path& file) {
  try {
    return parse_jobs(read_text_file(file, longest_file));
  } catch (const Error&) {
    return {};  // before the first job of the run, or a file that is of no use
  }
}

std::vector<JobRecord> parse_jobs(const std::string& text) {
  std::vector<JobRecord> jobs;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    try {
      jobs.push_back(from_json(Json::parse(line)));
    } catch (const Json::exception&) {  // half a line, or somebody else's
      continue;
    }
  }
  return jobs;
}

}  // namespace rbmpi
