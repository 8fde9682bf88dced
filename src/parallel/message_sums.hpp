#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <mpi.h>

#include "rbmpi/parallel/sums_under_way.hpp"

namespace rbmpi {

[[nodiscard]] inline MPI_Datatype datatype(const float*) noexcept {
  return MPI_FLOAT;
}
[[nodiscard]] inline MPI_Datatype datatype(const std::int64_t*) noexcept {
  return MPI_INT64_T;
}

/// How sums that are under way are formed.
class SumsUnderWay::Way {
 public:
  Way() = default;
  virtual ~Way() = default;
  Way(const Way&) = delete;
  Way& operator=(const Way&) = delete;

  virtual void start(std::span<float> values) = 0;
  virtual void start(std::span<std::int64_t> values) = 0;
  virtual void progress() = 0;
  virtual void wait() = 0;
};

/// Sums by messages between the ranks of an MPI communicator, which is not owned.
///
/// Stage by stage the ranks of a group, which have the same range of the values to sum, share it out: each gives every
/// other one its part, and adds up what it is given of its own. After the last stage each rank has the sums of a range
/// of its own; then, from the last stage to the first, those of a group give each other what they have. So a sum passes
/// each stage twice, and 2 (ranks - 1) / ranks of the values leave a rank, as few as can be.
class MessageSums : public SumsUnderWay::Way {
 public:
  /// For the parts of so many sums at a time there is room.
  static constexpr std::size_t buffers = 2;

  /// `room`: that SumsUnderWay::take_room has taken.
  MessageSums(MPI_Comm ranks, std::size_t most, std::size_t longest, std::span<std::byte> room);

  void start(std::span<float> values) override;
  void start(std::span<std::int64_t> values) override;
  void progress() override;
  void wait() override;

 private:
  /// The ranks of its group have numbers that differ by multiples of `stride`.
  struct Stage {
    std::size_t size;
    std::size_t stride;
    std::size_t place;  // of this rank among them
  };
  /// Some values of a sum, numbered from 0.
  struct Range {
    std::size_t first;
    std::size_t count;
    [[nodiscard]] Range part(std::size_t index, std::size_t parts) const noexcept;
  };
  struct Sum {
    std::byte* values = nullptr;
    std::size_t count = 0;
    std::size_t value_bytes = 0;
    MPI_Datatype type = MPI_DATATYPE_NULL;
    void (*add)(std::byte* sums, const std::byte* values, std::size_t count) = nullptr;
    std::size_t passes = 0;   // that are done
    std::size_t pending = 0;  // messages of the present one
  };

  template <typename Value>
  void start_sum(std::span<Value> values);
  [[nodiscard]] std::size_t all_passes() const noexcept { return 2 * stages_.size(); }
  [[nodiscard]] std::size_t number(const Sum& sum) const noexcept;
  /// What the group of a stage shares out; with the number of stages, what is this rank's alone.
  [[nodiscard]] Range range(const Sum& sum, std::size_t stage) const noexcept;
  /// What others gave this rank to add up.
  [[nodiscard]] std::byte* arrived(const Sum& sum);
  [[nodiscard]] int tag(const Sum& sum) const noexcept;
  [[nodiscard]] int member(const Stage& stage, std::size_t place) const noexcept;

  /// Those for which there is room go on their way.
  void begin_sums();
  void begin_pass(Sum& sum);
  void end_pass(Sum& sum);
  /// As one message or several; none without values.
  void send(Sum& sum, const std::byte* values, std::size_t count, int to);
  void receive(Sum& sum, std::byte* values, std::size_t count, int from);
  [[nodiscard]] MPI_Request* next_request(Sum& sum);
  /// The first `count` of the requests in `done_` are done.
  void follow(int count);

  MPI_Comm ranks_;
  std::size_t rank_ = 0;
  std::vector<Stage> stages_;
  std::size_t most_messages_ = 0;      // of a pass
  std::size_t longest_arrived_ = 0;    // bytes
  std::vector<Sum> sums_;              // of this round
  std::size_t begun_ = 0;              // of them
  std::size_t oldest_ = 0;             // that was not waited for
  std::vector<MPI_Request> requests_;  // most_messages_ for each sum
  std::vector<int> done_;
  std::span<std::byte> arrived_;  // buffers of longest_arrived_
};

}  // namespace rbmpi
