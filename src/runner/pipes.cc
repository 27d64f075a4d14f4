#include "runner/internal/pipes.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "runner/channels.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr Duration kReaderPoll(5);
constexpr int kWritePollMs = 20;
constexpr size_t kChunk = size_t{1} << 18;
constexpr int kPipeBytes = 1 << 20;
constexpr uint32_t kRecordMagic = 0xCED7230A;
// The length of a RecordIO record has 29 bits.
constexpr uint64_t kMaxRecordBytes = (uint64_t{1} << 29) - 1;

// Where bytes go; kUnavailable "Closed" when nobody reads any more.
using Sink = std::function<Status(std::string_view)>;

// Decompresses gzip, several members one after another.
class Gunzip {
 public:
  Gunzip() { ok_ = ::inflateInit2(&z_, 15 + 16) == Z_OK; }
  ~Gunzip() { ::inflateEnd(&z_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  Status Feed(std::string_view bytes, const Sink& sink) {
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    z_.avail_in = static_cast<uInt>(bytes.size());
    out_.resize(kChunk);
    while (ok_) {
      if (done_) {
        if (z_.avail_in == 0) return {};
        ::inflateReset(&z_);
        done_ = false;
      }
      z_.next_out = reinterpret_cast<Bytef*>(out_.data());
      z_.avail_out = static_cast<uInt>(out_.size());
      const int rc = ::inflate(&z_, Z_NO_FLUSH);
      if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) break;
      done_ = rc == Z_STREAM_END;
      const size_t got = out_.size() - z_.avail_out;
      if (got > 0) CLARY_CHECK_OK(sink({out_.data(), got}));
      if (!done_ && got < out_.size() && z_.avail_in == 0) return {};
    }
    return Fail(Code::kDataLoss, "BadGzip", "the object is not gzip data, or it is damaged");
  }
  Status Finish() const {
    if (done_) return {};
    return Fail(Code::kDataLoss, "BadGzip", "the gzip data ends too early");
  }

 private:
  z_stream z_ = {};
  std::string out_;
  bool ok_ = false;
  bool done_ = false;
};

Status Copy(ByteSource& body, const Sink& sink) {
  std::vector<char> buffer(kChunk);
  for (;;) {
    CLARY_TRY(const size_t n, body.Read(buffer));
    if (n == 0) return {};
    CLARY_CHECK_OK(sink({buffer.data(), n}));
  }
}

Status SendRecord(std::string_view payload, const Sink& sink) {
  if (payload.size() > kMaxRecordBytes) {
    return Fail(Code::kInvalidArgument, "RecordTooLarge",
                "an object of more than 512 MiB cannot be one RecordIO record");
  }
  const uint32_t head[2] = {kRecordMagic, static_cast<uint32_t>(payload.size())};
  char bytes[sizeof head];
  std::memcpy(bytes, head, sizeof head);
  CLARY_CHECK_OK(sink({bytes, sizeof bytes}));
  CLARY_CHECK_OK(sink(payload));
  constexpr std::string_view kPadding("\0\0\0", 3);
  return sink(kPadding.substr(0, (4 - payload.size() % 4) % 4));
}

// One object as the channel wants it.
Status SendObject(const objects::ObjectRef& ref, const api::ChannelSpec& channel,
                  objects::ObjectStore& store, const Sink& sink) {
  CLARY_TRY(auto got, store.Get(ref));
  const bool record = channel.record_wrapper == "RecordIO";
  std::string payload;
  const Sink gather = [&](std::string_view bytes) -> Status {
    payload += bytes;
    if (payload.size() > kMaxRecordBytes) return SendRecord(payload, sink);  // says why not
    return {};
  };
  const Sink& to = record ? gather : sink;
  if (channel.compression == "Gzip") {
    Gunzip gunzip;
    CLARY_CHECK_OK(Copy(*got.body, [&](std::string_view b) { return gunzip.Feed(b, to); }));
    CLARY_CHECK_OK(gunzip.Finish());
  } else {
    CLARY_CHECK_OK(Copy(*got.body, to));
  }
  return record ? SendRecord(payload, sink) : Status();
}

Error DownloadError(const std::string& channel, Error error) {
  error.reason = "DownloadFailed";
  return std::move(error).With("Data download failed: channel " + channel);
}

struct Channel {
  api::ChannelSpec spec;
  Share share;
  std::vector<objects::ObjectRef> objects;  // of all hosts
};

}  // namespace

struct Pipes::Impl {
  explicit Impl(objects::ObjectStore& s, fs::path d) : store(s), data(std::move(d)) {}

  fs::path FifoOf(const Channel& channel, int epoch) const {
    return data / (channel.spec.name + "_" + std::to_string(epoch));
  }
  Status MakeFifo(const Channel& channel, int epoch) const {
    const fs::path path = FifoOf(channel, epoch);
    if (::mkfifo(path.c_str(), 0644) == 0) return {};
    return std::unexpected(ErrnoError(errno, "mkfifo " + path.string()));
  }

  // Waits for a reader. An invalid Fd if there is none until the stop.
  Result<Fd> AwaitReader(const fs::path& path, const std::stop_token& stop) const {
    while (!stop.stop_requested()) {
      Fd fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
      if (fd) {
        struct stat st{};
        if (::fstat(fd.get(), &st) != 0 || !S_ISFIFO(st.st_mode)) {
          return Fail(Code::kFailedPrecondition, "NotAFifo",
                      path.filename().string() + " was replaced by something else");
        }
        ::fcntl(fd.get(), F_SETPIPE_SZ, kPipeBytes);  // a hint
        return fd;
      }
      if (errno != ENXIO && errno != EINTR) {
        return std::unexpected(ErrnoError(errno, path.string()));
      }
      Clock::System().Sleep(kReaderPoll, stop);
    }
    return Fd();
  }

  // Writes everything, or until the reader closes or the stop: kUnavailable "Closed".
  static Status Write(int fd, std::string_view bytes, const std::stop_token& stop) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd, bytes.data(), bytes.size());
      if (n > 0) {
        bytes.remove_prefix(static_cast<size_t>(n));
        continue;
      }
      if (errno == EPIPE || stop.stop_requested()) {
        return Fail(Code::kUnavailable, "Closed", "the reader closed the FIFO");
      }
      if (errno != EAGAIN && errno != EINTR) return std::unexpected(ErrnoError(errno, "FIFO"));
      pollfd p{fd, POLLOUT, 0};
      ::poll(&p, 1, kWritePollMs);
    }
    return {};
  }

  // One channel's thread.
  Status Feed(const Channel& channel, const std::stop_token& stop) {
    for (int epoch = 0; !stop.stop_requested(); ++epoch) {
      const fs::path path = FifoOf(channel, epoch);
      CLARY_TRY(const Fd fd, AwaitReader(path, stop));
      if (!fd) return {};
      CLARY_CHECK_OK(MakeFifo(channel, epoch + 1));
      const Sink sink = [&](std::string_view bytes) { return Write(fd.get(), bytes, stop); };
      const auto mine =
          ObjectsOfHost(channel.objects, channel.spec, channel.share, static_cast<uint64_t>(epoch));
      for (const objects::ObjectRef& ref : mine) {
        Status sent = SendObject(ref, channel.spec, store, sink);
        if (sent) continue;
        if (sent.error().reason == "Closed") break;
        // The reader must not take a part for the whole: the FIFO stays open until the stop.
        Report(DownloadError(channel.spec.name, std::move(sent).error().With(ref.Uri())));
        while (!stop.stop_requested()) Clock::System().Sleep(Duration(1000), stop);
        return {};
      }
      ::unlink(path.c_str());
    }
    return {};
  }

  void Report(Error error) {
    {
      MutexLock lock(mu);
      if (status) status = std::unexpected(std::move(error));
    }
    const uint64_t one = 1;
    (void)!::write(failed.get(), &one, sizeof one);
  }

  objects::ObjectStore& store;
  const fs::path data;
  Fd failed;  // eventfd
  std::vector<Channel> channels;
  mutable Mutex mu;
  Status status GUARDED_BY(mu);
  std::vector<std::jthread> threads;  // last: joined before what they use goes
};

Pipes::Pipes(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pipes::~Pipes() { Stop(); }

Result<std::unique_ptr<Pipes>> Pipes::Make(const api::JobSpec& spec, objects::ObjectStore& store,
                                           const fs::path& data) {
  auto impl = std::make_unique<Impl>(store, data);
  impl->failed = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!impl->failed) return std::unexpected(ErrnoError(errno, "eventfd"));
  for (const api::ChannelSpec& channel : spec.channels) {
    if (channel.input_mode != "Pipe") continue;
    auto objects = ChannelObjects(channel, store);
    if (!objects) return std::unexpected(DownloadError(channel.name, objects.error()));
    impl->channels.push_back({channel, ShareOf(spec, channel), std::move(*objects)});
    if (Status made = impl->MakeFifo(impl->channels.back(), 0); !made) {
      return std::unexpected(DownloadError(channel.name, std::move(made).error()));
    }
  }
  return std::unique_ptr<Pipes>(new Pipes(std::move(impl)));
}

bool Pipes::empty() const { return impl_->channels.empty(); }

void Pipes::Start() {
  for (const Channel& channel : impl_->channels) {
    impl_->threads.emplace_back([impl = impl_.get(), &channel](const std::stop_token& stop) {
      Status fed = impl->Feed(channel, stop);
      if (!fed) impl->Report(DownloadError(channel.spec.name, std::move(fed).error()));
    });
  }
}

void Pipes::Stop() {
  for (std::jthread& t : impl_->threads) t.request_stop();
  impl_->threads.clear();
}

int Pipes::failed_fd() const { return impl_->failed.get(); }

Status Pipes::status() const {
  MutexLock lock(impl_->mu);
  return impl_->status;
}

}  // namespace clary::runner
