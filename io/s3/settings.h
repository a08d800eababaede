// How to reach S3, from the environment and the shared files: the variables of
// docs/user/storage.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "io/s3/endpoint.h"
#include "io/s3/retry.h"
#include "io/s3/sigv4.h"

namespace og::io {

// The value of a variable; nullopt where it is not set. An empty value counts as not set.
using EnvironmentLookup = std::function<std::optional<std::string>(const char* name)>;

// Sections of the shared files by name ("profile x" is "x"), their settings by name.
using SharedProfiles = std::map<std::string, std::map<std::string, std::string>>;

// The INI dialect of ~/.aws/credentials and ~/.aws/config: sections, "name = value", comments of
// whole lines; indented lines belong to a setting that we do not know and are skipped.
// kInvalidArgument names the line.
absl::StatusOr<SharedProfiles> ParseSharedFile(std::string_view text);

// Where credentials may come from. The first source that is configured decides, in this order.
struct CredentialSources {
  std::optional<Credentials> fixed;

  std::string web_identity_token_file;  // with role_arn
  std::string role_arn;
  std::string role_session_name;
  std::string sts_endpoint;  // empty: Amazon's of the region

  std::string credentials_file;
  std::string config_file;
  std::string profile = "default";
  bool is_profile_named = false;  // then the files must have it

  std::string container_url;
  std::string container_token;
  std::string container_token_file;

  bool uses_instance_metadata = true;
  std::string metadata_endpoint = "http://169.254.169.254";
};

struct S3Settings {
  std::string region = "us-east-1";
  std::optional<S3Endpoint> endpoint;  // not set: Amazon's of the region
  S3Style style = S3Style::kPath;
  bool allows_http = false;
  bool signs = true;  // false: anonymous requests
  // Over TLS the signature leaves the body out, which saves hashing it.
  bool signs_payload = true;
  bool sends_checksums = true;
  bool verifies_checksums = true;
  std::string ca_bundle;
  CredentialSources credentials;

  RetryPolicy retry;
  size_t max_active = 128;  // requests at once
  int64_t connect_timeout_ms = 5'000;
  int64_t stall_timeout_ms = 30'000;  // without a byte moving
  int64_t deadline_ms = 180'000;      // of a call with all its attempts
  int64_t hedge_after_ms = 0;         // a second copy of a slow read; 0: none

  // kInvalidArgument names the variable, its value and what is wanted.
  static absl::StatusOr<S3Settings> FromEnvironment(const EnvironmentLookup& lookup);
};

}  // namespace og::io
