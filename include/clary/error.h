// Errors as values. A function that can fail returns Result<T>; nothing in src/ throws. A library
// that throws is wrapped in one .cc file that turns its exception into an Error.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace clary {

// Chosen by what the caller should do next, not by where the fault lies.
enum class Code {
  kCancelled,           // the caller asked for it
  kInvalidArgument,     // fix the call; the same call never works
  kNotFound,            // the named thing does not exist
  kAlreadyExists,       // the name is taken
  kUnauthenticated,     // who is calling is not known
  kPermissionDenied,    // known, but may not
  kFailedPrecondition,  // fix the state first
  kConflict,            // somebody else changed it: read again, then retry the transaction
  kResourceExhausted,   // a limit, a full disk, a full queue
  kDeadlineExceeded,    // it took too long
  kUnavailable,         // retry the same call later
  kUnimplemented,       // this version cannot
  kDataLoss,            // stored or sent bytes are broken
  kInternal,            // a bug, or a system call that should not fail
};

// "NotFound", "InvalidArgument", ...
std::string_view CodeName(Code code);

struct [[nodiscard]] Error {
  Code code = Code::kInternal;
  std::string reason;   // stable word for tables and tests: "NoSuchKey", "BadCsv"; may be empty
  std::string message;  // for people: what was wrong, where, and what to do

  // Adds context in front: "loading model m.tar.gz: no such key".
  Error With(std::string_view context) && {
    message.insert(0, ": ").insert(0, context);
    return std::move(*this);
  }
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// An unexpected value, ready to be returned from any function with a Result.
inline std::unexpected<Error> Fail(Code code, std::string reason, std::string message) {
  return std::unexpected(Error{code, std::move(reason), std::move(message)});
}

}  // namespace clary

#define CLARY_CONCAT_(a, b) a##b
#define CLARY_CONCAT(a, b) CLARY_CONCAT_(a, b)

// CLARY_TRY(auto x, Expr()): evaluates a Result; returns its error from the enclosing function, or
// moves its value into the declaration.
#define CLARY_TRY(decl, ...) CLARY_TRY_IMPL_(CLARY_CONCAT(clary_try_, __LINE__), decl, __VA_ARGS__)
#define CLARY_TRY_IMPL_(tmp, decl, ...)                     \
  auto tmp = (__VA_ARGS__);                                 \
  if (!tmp) return std::unexpected(std::move(tmp).error()); \
  decl = *std::move(tmp)

// The same for a Status, or when the value does not matter.
#define CLARY_CHECK_OK(...) CLARY_CHECK_OK_IMPL_(CLARY_CONCAT(clary_status_, __LINE__), __VA_ARGS__)
#define CLARY_CHECK_OK_IMPL_(tmp, ...)                                                  \
  do {                                                                                  \
    if (auto tmp = (__VA_ARGS__); !tmp) return std::unexpected(std::move(tmp).error()); \
  } while (false)
