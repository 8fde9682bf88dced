#include "rbmpi/train/job_log.hpp"

#include <gmock/gmock.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/text_file.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi::test {
namespace {

JobRecord some_job() {
  JobRecord job{.began = "2026-11-22T21:30:00Z",
                .end = "running",
                .message = {},
                .seconds = 12.5,
                .nodes = 2,
                .ranks = 8,
                .threads = 4};
  job.first_step = 100;
  job.last_step = 250;
  job.time_split[2] = 3.5;
  return job;
}

std::vector<JobRecord> jobs_in(const std::filesystem::path& file) {
  return parse_jobs(read_text_file(file, 1 << 20));
}

TEST(JobLog, ReadsBackWhatItWrote) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "jobs.jsonl";
  JobLog(file).write(some_job());
  const std::vector<JobRecord> jobs = jobs_in(file);
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].began, "2026-11-22T21:30:00Z");
  EXPECT_EQ(jobs[0].end, "running");
  EXPECT_EQ(jobs[0].seconds, 12.5);
  EXPECT_EQ(jobs[0].nodes, 2);
  EXPECT_EQ(jobs[0].ranks, 8);
  EXPECT_EQ(jobs[0].threads, 4);
  EXPECT_EQ(jobs[0].first_step, 100U);
  EXPECT_EQ(jobs[0].last_step, 250U);
  EXPECT_EQ(jobs[0].time_split, some_job().time_split);
}

TEST(JobLog, AJobHasOneLineAndTheJobsBeforeKeepTheirs) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "jobs.jsonl";
  JobRecord job = some_job();
  JobLog(file).write(job);
  const JobLog second(file);
  job.first_step = 250;
  second.write(job);
  job.end = "finished";
  second.write(job);
  const std::vector<JobRecord> jobs = jobs_in(file);
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].first_step, 100U);
  EXPECT_EQ(jobs[0].end, "running");
  EXPECT_EQ(jobs[1].first_step, 250U);
  EXPECT_EQ(jobs[1].end, "finished");
}

TEST(JobLog, KeepsWhatAJobDiedOf) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "jobs.jsonl";
  JobRecord job = some_job();
  job.end = "diverged";
  job.message = "in epoch 3 of '\xff'";
  JobLog(file).write(job);
  const std::vector<JobRecord> jobs = jobs_in(file);
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].end, "diverged");
  EXPECT_THAT(jobs[0].message, ::testing::StartsWith("in epoch 3 of '"));
}

TEST(JobLog, LeavesOutWhatIsNoJob) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "jobs.jsonl";
  JobLog(file).write(some_job());
  const std::string line = read_text_file(file, 1 << 20);
  write_text_file(file, "nonsense\n{\"began\": 3}\n[]\n" + line + line.substr(0, line.size() / 2));
  EXPECT_EQ(jobs_in(file).size(), 1U);
  JobLog(file).write(some_job());
  EXPECT_EQ(jobs_in(file).size(), 2U);
}

TEST(JobLog, AFolderThatIsNotThereIsAnError) {
  const TemporaryFolder folder;
  EXPECT_THROW(JobLog(folder.path() / "no" / "jobs.jsonl").write(some_job()), Error);
}

}  // namespace
}  // namespace rbmpi::test
