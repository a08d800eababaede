#include "io/s3/curl_library.h"

#include <dlfcn.h>

#include "io/base/status.h"
#include "io/base/text.h"

namespace og::io {
namespace {

constexpr char kName[] = "libcurl.so.4";

template <typename Function>
void Find(void* library, const char* name, Function& function, const char*& missing) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) missing = name;
}

struct Loaded {
  CurlLibrary curl;
  absl::Status status;
};

Loaded Load() {
  Loaded loaded;
  // Never closed: other threads of the process may use curl too.
  void* const library = dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.status = FailedPreconditionError(StrCat("s3:// needs ", kName, ": ", dlerror()));
    return loaded;
  }
  CurlLibrary& curl = loaded.curl;
  const char* missing = nullptr;
  Find(library, "curl_easy_cleanup", curl.easy_cleanup, missing);
  Find(library, "curl_easy_getinfo", curl.easy_getinfo, missing);
  Find(library, "curl_easy_init", curl.easy_init, missing);
  Find(library, "curl_easy_reset", curl.easy_reset, missing);
  Find(library, "curl_easy_setopt", curl.easy_setopt, missing);
  Find(library, "curl_easy_strerror", curl.easy_strerror, missing);
  Find(library, "curl_global_init", curl.global_init, missing);
  Find(library, "curl_multi_add_handle", curl.multi_add_handle, missing);
  Find(library, "curl_multi_cleanup", curl.multi_cleanup, missing);
  Find(library, "curl_multi_info_read", curl.multi_info_read, missing);
  Find(library, "curl_multi_init", curl.multi_init, missing);
  Find(library, "curl_multi_perform", curl.multi_perform, missing);
  Find(library, "curl_multi_poll", curl.multi_poll, missing);
  Find(library, "curl_multi_remove_handle", curl.multi_remove_handle, missing);
  Find(library, "curl_multi_setopt", curl.multi_setopt, missing);
  Find(library, "curl_multi_wakeup", curl.multi_wakeup, missing);
  Find(library, "curl_slist_append", curl.slist_append, missing);
  Find(library, "curl_slist_free_all", curl.slist_free_all, missing);
  if (missing != nullptr) {
    loaded.status = FailedPreconditionError(StrCat(kName, " has no ", missing));
  } else if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    loaded.status = InternalError("curl: global initialisation failed");
  }
  return loaded;
}

const Loaded& TheLibrary() {
  static const Loaded* const loaded = new Loaded(Load());
  return *loaded;
}

}  // namespace

absl::Status LoadCurl() {
  return TheLibrary().status;
}

const CurlLibrary& Curl() {
  return TheLibrary().curl;
}

}  // namespace og::io
