#include "collective/mpi.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace clary::collective {
namespace {

constexpr uint64_t kGone = UINT64_MAX;  // instead of a length
constexpr uint64_t kPiece = uint64_t{1}
                            << 24;  // MPI counts in int; all pieces of a round are in it

// What we call of Open MPI, by its binary interface: handles are addresses of its objects.
struct Mpi {
  using Handle = void*;
  int (*init)(int*, char***, int, int*) = nullptr;
  int (*finalize)() = nullptr;
  int (*rank)(Handle, int*) = nullptr;
  int (*size)(Handle, int*) = nullptr;
  int (*set_errors)(Handle, Handle) = nullptr;
  int (*all_to_all)(const void*, int, Handle, void*, int, Handle, Handle) = nullptr;
  int (*all_to_all_v)(const void*, const int*, const int*, Handle, void*, const int*, const int*,
                      Handle, Handle) = nullptr;
  int (*all_reduce)(const void*, void*, int, Handle, Handle, Handle) = nullptr;
  Handle world = nullptr;
  Handle byte = nullptr;
  Handle word = nullptr;  // uint64_t
  Handle most = nullptr;  // the operation
  Handle errors_return = nullptr;

  // False if something is missing.
  bool Load() {
    void* const library = dlopen("libmpi.so.40", RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr) return false;
    bool all = true;
    const auto find = [&](const char* name) {
      void* const found = dlsym(library, name);
      all = all && found != nullptr;
      return found;
    };
    const auto take = [&]<typename F>(F& function, const char* name) {
      function = reinterpret_cast<F>(find(name));
    };
    take(init, "MPI_Init_thread");
    take(finalize, "MPI_Finalize");
    take(rank, "MPI_Comm_rank");
    take(size, "MPI_Comm_size");
    take(set_errors, "MPI_Comm_set_errhandler");
    take(all_to_all, "MPI_Alltoall");
    take(all_to_all_v, "MPI_Alltoallv");
    take(all_reduce, "MPI_Allreduce");
    world = find("ompi_mpi_comm_world");
    byte = find("ompi_mpi_byte");
    word = find("ompi_mpi_uint64_t");
    most = find("ompi_mpi_op_max");
    errors_return = find("ompi_mpi_errors_return");
    return all;
  }
};

class MpiTransport final : public Transport {
 public:
  explicit MpiTransport(const Mpi& mpi) : mpi_(mpi) {
    mpi_.rank(mpi_.world, &rank_);
    mpi_.size(mpi_.world, &size_);
    mpi_.set_errors(mpi_.world, mpi_.errors_return);
  }
  // Whoever leaves says so where the others are at their next exchange, or leave as well.
  ~MpiTransport() override {
    if (!ended_) {
      const std::vector<uint64_t> gone(static_cast<size_t>(size_), kGone);
      (void)ExchangeLengths(gone);
    }
    mpi_.finalize();
  }
  int rank() const override { return rank_; }
  int size() const override { return size_; }

  Result<std::vector<std::string>> Exchange(std::span<const std::string_view> to) override {
    const auto n = static_cast<size_t>(size_);
    std::vector<uint64_t> lengths;
    for (const std::string_view bytes : to) lengths.push_back(bytes.size());
    CLARY_TRY(const std::vector<uint64_t> theirs, ExchangeLengths(lengths));
    for (size_t k = 0; k < n; ++k) {
      if (theirs[k] != kGone) continue;
      ended_ = true;
      return Fail(Code::kUnavailable, "HostLost", fmt::format("host {} has gone", k));
    }
    uint64_t longest = 0;
    const uint64_t mine = std::ranges::max(lengths);
    CLARY_CHECK_OK(Check(mpi_.all_reduce(&mine, &longest, 1, mpi_.word, mpi_.most, mpi_.world)));
    // In pieces, whose numbers and places fit MPI's int.
    const uint64_t piece = std::max<uint64_t>(1, kPiece / n);
    std::vector<std::string> from(n);
    for (size_t k = 0; k < n; ++k) from[k].reserve(theirs[k]);
    for (uint64_t at = 0; at < longest; at += piece) {
      std::string sent;
      std::vector<int> send_count, send_at, get_count, get_at;
      int room = 0;
      for (size_t k = 0; k < n; ++k) {
        const std::string_view part = to[k].substr(std::min<uint64_t>(at, to[k].size()), piece);
        send_at.push_back(static_cast<int>(sent.size()));
        send_count.push_back(static_cast<int>(part.size()));
        sent.append(part);
        get_at.push_back(room);
        get_count.push_back(static_cast<int>(
            std::min<uint64_t>(piece, theirs[k] - std::min<uint64_t>(at, theirs[k]))));
        room += get_count.back();
      }
      std::string got(static_cast<size_t>(room), '\0');
      CLARY_CHECK_OK(Check(mpi_.all_to_all_v(sent.data(), send_count.data(), send_at.data(),
                                             mpi_.byte, got.data(), get_count.data(), get_at.data(),
                                             mpi_.byte, mpi_.world)));
      for (size_t k = 0; k < n; ++k) {
        from[k].append(got, static_cast<size_t>(get_at[k]), static_cast<size_t>(get_count[k]));
      }
    }
    return from;
  }

 private:
  Status Check(int error) {
    if (error == 0) return {};
    ended_ = true;
    return Fail(Code::kUnavailable, "HostLost", fmt::format("MPI fails with error {}", error));
  }
  Result<std::vector<uint64_t>> ExchangeLengths(const std::vector<uint64_t>& mine) {
    std::vector<uint64_t> theirs(mine.size());
    CLARY_CHECK_OK(
        Check(mpi_.all_to_all(mine.data(), 1, mpi_.word, theirs.data(), 1, mpi_.word, mpi_.world)));
    return theirs;
  }

  const Mpi mpi_;
  int rank_ = 0;
  int size_ = 1;
  bool ended_ = false;  // others know already, or cannot be told
};

}  // namespace

bool HasMpi() { return Mpi().Load(); }

Result<std::unique_ptr<Transport>> MeetOverMpi() {
  Mpi mpi;
  if (!mpi.Load()) {
    return Fail(Code::kUnimplemented, "NoMpi",
                "Open MPI's library, libmpi.so.40, is not here (Debian: libopenmpi3)");
  }
  constexpr int kFunneled = 1;  // one thread calls
  int given = 0;
  if (const int error = mpi.init(nullptr, nullptr, kFunneled, &given); error != 0) {
    return Fail(Code::kUnavailable, "HostLost", fmt::format("MPI does not start: {}", error));
  }
  return std::make_unique<MpiTransport>(mpi);
}

}  // namespace clary::collective
