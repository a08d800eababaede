// A mutex and its lock over std::mutex, with Clang's thread-safety attributes. Abseil's mutex is
// not used: Debian's library is not instrumented, and the thread sanitizer reports false races.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define OG_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define OG_THREAD_ATTRIBUTE(x)
#endif
#define OG_CAPABILITY(x) OG_THREAD_ATTRIBUTE(capability(x))
#define OG_SCOPED_CAPABILITY OG_THREAD_ATTRIBUTE(scoped_lockable)
#define OG_GUARDED_BY(x) OG_THREAD_ATTRIBUTE(guarded_by(x))
#define OG_REQUIRES(...) OG_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define OG_ACQUIRE(...) OG_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define OG_RELEASE(...) OG_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define OG_EXCLUDES(...) OG_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define OG_NO_THREAD_SAFETY_ANALYSIS OG_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace og::io {

class OG_CAPABILITY("mutex") Mutex {
 public:
  void Lock() OG_ACQUIRE() { mutex_.lock(); }
  void Unlock() OG_RELEASE() { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

// Holds a Mutex for a scope.
class OG_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) OG_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() OG_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition to wait for under a Mutex that the caller holds.
class Condition {
 public:
  template <typename Predicate>
  void Wait(Mutex& mutex, Predicate done) OG_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock, done);
    lock.release();
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace og::io
