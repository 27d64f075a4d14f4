#include "net/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/mutex.h"
#include "net/internal/local_client.h"
#include "net/internal/signing.h"

namespace clary::net {
namespace {

// Pull-ahead of a download before it is paused.
constexpr size_t kMaxPending = 256 * 1024;

struct UrlParts {
  std::string authority;
  std::string path;
  std::string query;
};

UrlParts SplitUrl(std::string_view url) {
  UrlParts out;
  const size_t scheme = url.find("://");
  const std::string_view name = scheme == std::string_view::npos ? "" : url.substr(0, scheme);
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const size_t end = std::min(url.find_first_of("/?#"), url.size());
  out.authority = url.substr(0, end);
  const std::string_view port = EqualsIgnoreCase(name, "https") ? ":443" : ":80";
  if (out.authority.ends_with(port)) out.authority.resize(out.authority.size() - port.size());
  url = url.substr(end, url.find('#') - end);
  const size_t mark = url.find('?');
  out.path = mark == 0 || url.empty() ? "/" : url.substr(0, mark);
  if (mark != std::string_view::npos) out.query = url.substr(mark + 1);
  return out;
}

Error FromCurl(CURLcode code, const std::string& url, const char* detail) {
  // Not the query: it may hold a signature.
  std::string message = url.substr(0, url.find('?')) + ": ";
  message += *detail != '\0' ? detail : curl_easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {Code::kUnavailable, "CouldNotResolve", std::move(message)};
    case CURLE_COULDNT_CONNECT:
      return {Code::kUnavailable, "CouldNotConnect", std::move(message)};
    case CURLE_OPERATION_TIMEDOUT:
      return {Code::kDeadlineExceeded, "Timeout", std::move(message)};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return {Code::kFailedPrecondition, "TlsVerification", std::move(message)};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {Code::kInvalidArgument, "BadUrl", std::move(message)};
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_PROXY:
      return {Code::kUnavailable, "Disconnected", std::move(message)};
    default:
      return {Code::kInternal, "Curl", std::move(message)};
  }
}

}  // namespace

void SignRequest(ClientRequest& request, const Signer& signer, Time now) {
  const UrlParts url = SplitUrl(request.url);
  request.headers.Set("Host", url.authority);
  std::string hash(request.headers.Get("X-Amz-Content-Sha256"));
  if (hash.empty()) {
    hash = request.upload != nullptr && signer.service == "s3"
               ? std::string(kUnsignedPayload)
               : internal::HexSha256(request.content());
  }
  const Headers added =
      SignHeaders(signer, {request.method, url.path, url.query, &request.headers}, hash, now);
  for (const auto& [name, value] : added.all()) request.headers.Set(name, value);
}

// A handle with the connections it keeps; one request at a time.
struct Session {
  Session() : multi(curl_multi_init()), easy(curl_easy_init()) {}
  ~Session() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  CURLM* multi;
  CURL* easy;
};

class HttpClient::Impl {
 public:
  explicit Impl(HttpClientOptions o) : options(std::move(o)) {}

  std::unique_ptr<Session> Take() {
    const MutexLock lock(mu_);
    if (idle_.empty()) return std::make_unique<Session>();
    auto session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }
  void Give(std::unique_ptr<Session> session) {
    const MutexLock lock(mu_);
    if (idle_.size() < options.max_idle) idle_.push_back(std::move(session));
  }

  const HttpClientOptions options;

 private:
  Mutex mu_;
  std::vector<std::unique_ptr<Session>> idle_ GUARDED_BY(mu_);
};

// One request on its way. libcurl pushes; this turns it into something to pull from.
class HttpClient::Transfer {
 public:
  Transfer(std::shared_ptr<Impl> impl, const ClientRequest& request)
      : impl_(std::move(impl)), session_(impl_->Take()), url_(request.url), stop_(request.stop) {
    Configure(request);
    curl_multi_add_handle(session_->multi, session_->easy);
  }
  ~Transfer() {
    curl_multi_remove_handle(session_->multi, session_->easy);  // cuts it if it still runs
    curl_easy_reset(session_->easy);
    curl_slist_free_all(header_list_);
    impl_->Give(std::move(session_));
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  Status ReadHead(Response& response) {
    while (!done_ && !head_done_) CLARY_CHECK_OK(Step());
    if (done_ && result_ != CURLE_OK) return std::unexpected(TakeError());
    response.status = status_;
    response.headers = std::move(headers_);
    return {};
  }

  // The upload must end before its source goes.
  Status FinishUpload() {
    while (!done_ && upload_ != nullptr && !upload_done_ && pending_.size() <= kMaxPending) {
      CLARY_CHECK_OK(Step());
    }
    upload_ = nullptr;
    return {};
  }

  Result<size_t> Read(std::span<char> buffer) {
    while (at_ == pending_.size()) {
      pending_.clear();
      at_ = 0;
      if (done_) {
        if (result_ != CURLE_OK) return std::unexpected(TakeError());
        return 0;
      }
      if (paused_) {
        paused_ = false;
        curl_easy_pause(session_->easy, CURLPAUSE_CONT);
        continue;  // that may have delivered something
      }
      CLARY_CHECK_OK(Step());
    }
    const size_t n = std::min(buffer.size(), pending_.size() - at_);
    std::memcpy(buffer.data(), pending_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  Status Step() {
    if (stop_.stop_requested()) return Fail(Code::kCancelled, "Stopped", "stopped");
    int running = 0;
    CURLMcode code = curl_multi_perform(session_->multi, &running);
    int left = 0;
    while (const CURLMsg* m = curl_multi_info_read(session_->multi, &left)) {
      if (m->msg == CURLMSG_DONE) {
        done_ = true;
        result_ = m->data.result;
      }
    }
    if (code == CURLM_OK && !done_ && !head_done_ && at_ == pending_.size()) {
      code = curl_multi_poll(session_->multi, nullptr, 0, 1000, nullptr);
    } else if (code == CURLM_OK && !done_ && at_ == pending_.size() && !paused_) {
      code = curl_multi_poll(session_->multi, nullptr, 0, 1000, nullptr);
    }
    if (code != CURLM_OK) return Fail(Code::kInternal, "Curl", curl_multi_strerror(code));
    return {};
  }

  Error TakeError() {
    if (upload_error_) return *upload_error_;
    return FromCurl(result_, url_, detail_);
  }

  void Configure(const ClientRequest& request) {
    CURL* e = session_->easy;
    const HttpClientOptions& o = impl_->options;
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, detail_);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(o.connect_timeout.count()));
    const Duration timeout = request.timeout.count() > 0 ? request.timeout : o.total_timeout;
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
    const auto stall = std::chrono::ceil<std::chrono::seconds>(o.stall_timeout).count();
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall));
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 128L * 1024);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    if (!o.ca_bundle.empty()) curl_easy_setopt(e, CURLOPT_CAINFO, o.ca_bundle.c_str());
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, &OnHeader);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, &OnBody);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, this);

    const auto add = [&](const std::string& line) {
      header_list_ = curl_slist_append(header_list_, line.c_str());
    };
    if (request.upload != nullptr) {
      upload_ = request.upload;
      curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(e, CURLOPT_READFUNCTION, &OnUpload);
      curl_easy_setopt(e, CURLOPT_READDATA, this);
      curl_easy_setopt(
          e, CURLOPT_INFILESIZE_LARGE,
          request.upload_length ? static_cast<curl_off_t>(*request.upload_length) : curl_off_t{-1});
      if (!request.upload_length) add("Transfer-Encoding: chunked");
    } else if (!request.content().empty() || request.method == "PUT" || request.method == "POST") {
      curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.content().size()));
      curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, request.content().data());
      add("Expect:");
    }
    if (request.method == "HEAD") {
      curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    } else {
      curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    if (!request.headers.Find("Content-Type"))
      add("Content-Type:");  // no form, whatever curl thinks
    if (!request.headers.Find("Accept")) add("Accept:");
    for (const auto& [name, value] : request.headers.all()) {
      add(value.empty() ? name + ";" : name + ": " + value);  // curl's notation for no value
    }
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, header_list_);
  }

  static size_t OnHeader(char* data, size_t, size_t n, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    const std::string_view line = Trim({data, n});
    if (line.starts_with("HTTP/")) {  // also after 100 Continue, or a proxy's answer to CONNECT
      t.headers_ = {};
      const size_t space = line.find(' ');
      t.status_ = space == std::string_view::npos
                      ? 0
                      : static_cast<int>(ParseUint(line.substr(space + 1, 3)).value_or(0));
    } else if (line.empty()) {
      long connect = 0;
      curl_easy_getinfo(t.session_->easy, CURLINFO_HTTP_CONNECTCODE, &connect);
      long status = 0;
      curl_easy_getinfo(t.session_->easy, CURLINFO_RESPONSE_CODE, &status);
      // The head of a proxy's CONNECT answer is not the answer.
      t.head_done_ = t.status_ >= 200 && status == t.status_;
    } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
      t.headers_.Add(std::string(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1))));
    }
    return n;
  }

  static size_t OnBody(char* data, size_t, size_t n, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    if (t.pending_.size() - t.at_ > kMaxPending) {
      t.paused_ = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    t.pending_.append(data, n);
    return n;
  }

  static size_t OnUpload(char* data, size_t, size_t n, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    if (t.upload_ == nullptr) return CURL_READFUNC_ABORT;
    auto got = t.upload_->Read({data, n});
    if (!got) {
      t.upload_error_ = std::move(got).error();
      return CURL_READFUNC_ABORT;
    }
    t.upload_done_ = *got == 0;
    return *got;
  }

  const std::shared_ptr<Impl> impl_;
  std::unique_ptr<Session> session_;
  const std::string url_;
  const std::stop_token stop_;
  char detail_[CURL_ERROR_SIZE] = "";
  curl_slist* header_list_ = nullptr;
  ByteSource* upload_ = nullptr;
  bool upload_done_ = false;
  std::optional<Error> upload_error_;
  int status_ = 0;
  Headers headers_;
  bool head_done_ = false;
  std::string pending_;  // of the body, used up to at_
  size_t at_ = 0;
  bool paused_ = false;
  bool done_ = false;
  CURLcode result_ = CURLE_OK;
};

HttpClient::HttpClient(std::shared_ptr<Impl> impl, std::shared_ptr<internal::LocalClient> local)
    : impl_(std::move(impl)), local_(std::move(local)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::Create(HttpClientOptions options) {
  std::shared_ptr<internal::LocalClient> local;
  if (!options.unix_socket.empty()) {
    CLARY_TRY(local, internal::LocalClient::Create(options));
  } else {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (global != CURLE_OK) return Fail(Code::kInternal, "Curl", curl_easy_strerror(global));
  }
  return std::unique_ptr<HttpClient>(
      new HttpClient(std::make_shared<Impl>(std::move(options)), std::move(local)));
}

Result<Response> HttpClient::Open(const ClientRequest& request) {
  if (local_) return local_->Open(request);
  // Shares the pool, so that a stream may even outlive the client.
  class Stream final : public ByteSource {
   public:
    explicit Stream(std::unique_ptr<Transfer> t) : transfer_(std::move(t)) {}
    Result<size_t> Read(std::span<char> buffer) override { return transfer_->Read(buffer); }

   private:
    std::unique_ptr<Transfer> transfer_;
  };
  auto transfer = std::make_unique<Transfer>(impl_, request);
  Response response;
  CLARY_CHECK_OK(transfer->ReadHead(response));
  CLARY_CHECK_OK(transfer->FinishUpload());
  response.stream_length = ParseUint(response.headers.Get("Content-Length"));
  response.stream = std::make_unique<Stream>(std::move(transfer));
  return response;
}

Result<Response> HttpClient::Send(const ClientRequest& request) {
  CLARY_TRY(Response response, Open(request));
  CLARY_TRY(response.body, ReadAll(*response.stream, impl_->options.max_body_bytes));
  response.stream.reset();
  response.stream_length.reset();
  return response;
}

}  // namespace clary::net
