// A mutex whose guarded fields clang proves (-Wthread-safety); on other compilers the annotations
// vanish. Use MutexLock with std::condition_variable_any for waiting.
#pragma once

#include <mutex>

#if defined(__clang__)
#define CLARY_TSA(x) __attribute__((x))
#else
#define CLARY_TSA(x)
#endif
#define GUARDED_BY(x) CLARY_TSA(guarded_by(x))
#define REQUIRES(...) CLARY_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) CLARY_TSA(locks_excluded(__VA_ARGS__))

namespace clary {

class CLARY_TSA(capability("mutex")) Mutex {
 public:
  void lock() CLARY_TSA(acquire_capability()) { mu_.lock(); }
  void unlock() CLARY_TSA(release_capability()) { mu_.unlock(); }
  bool try_lock() CLARY_TSA(try_acquire_capability(true)) { return mu_.try_lock(); }

 private:
  std::mutex mu_;
};

class CLARY_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mu) CLARY_TSA(acquire_capability(mu)) : mu_(mu) { mu_.lock(); }
  ~MutexLock() CLARY_TSA(release_capability()) { mu_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  // For condition_variable_any::wait only.
  void lock() CLARY_TSA(acquire_capability()) { mu_.lock(); }
  void unlock() CLARY_TSA(release_capability()) { mu_.unlock(); }

 private:
  Mutex& mu_;
};

}  // namespace clary
