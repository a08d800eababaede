// Credentials for signing, kept fresh. The first source that is configured decides:
//
//   1. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_SESSION_TOKEN
//   2. web identity: a token file and a role, exchanged at STS (AssumeRoleWithWebIdentity)
//   3. the shared files: keys, or web identity settings, of the profile
//   4. the container's credential service (ECS, EKS pod identity)
//   5. instance metadata, version 2 (EC2)
//
// A source that is configured and fails is an error: another account is never used in its place.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "io/base/sync.h"
#include "io/s3/http_transport.h"
#include "io/s3/settings.h"
#include "io/s3/sigv4.h"

namespace og::io {

// Any thread may call any method.
class CredentialProvider {
 public:
  // `transport` must live as long as the provider. `region` is for STS.
  CredentialProvider(CredentialSources sources, std::string region, HttpTransport* transport,
                     std::function<int64_t()> now_us);

  // Valid for five minutes more where the source allows it. A refresh that fails is an error only
  // once the old ones have expired; one thread refreshes, the others wait.
  //
  //   kPermissionDenied  no source is configured, or one refuses
  //   kUnavailable, kDeadlineExceeded  a service of credentials does not answer
  //   kInvalidArgument   a file or answer that cannot be read; the message names it
  absl::StatusOr<Credentials> Get();

  // The server called `credentials` expired: the next Get() asks the source again.
  void Expire(const Credentials& credentials);

 private:
  absl::StatusOr<Credentials> Fetch();
  absl::StatusOr<Credentials> FromWebIdentity(const std::string& token_file,
                                              const std::string& role_arn,
                                              const std::string& session_name);
  // nullopt: the files have no such profile, and none was named.
  absl::StatusOr<std::optional<Credentials>> FromFiles();
  absl::StatusOr<Credentials> FromContainer();
  absl::StatusOr<Credentials> FromInstance();

  // The body of a good answer, after a few attempts; `what` is for messages.
  absl::StatusOr<std::string> Ask(std::string_view what, HttpRequest request);

  const CredentialSources sources_;
  const std::string region_;
  HttpTransport* const transport_;
  const std::function<int64_t()> now_us_;

  Mutex mutex_;  // held while a source is asked
  std::optional<Credentials> current_ OG_GUARDED_BY(mutex_);
  int64_t asked_us_ OG_GUARDED_BY(mutex_) = INT64_MIN;
};

// The answers of the credential services. Public for tests and fuzzing.
//
// JSON of containers and instances: AccessKeyId, SecretAccessKey, Token, Expiration.
absl::StatusOr<Credentials> ParseCredentialJson(std::string_view text);
// XML of AssumeRoleWithWebIdentity.
absl::StatusOr<Credentials> ParseAssumeRoleXml(std::string_view text);

// Whether credentials may be fetched from `url`: any https, and http from this machine and from the
// link-local addresses of the container services only.
bool IsAllowedContainerUrl(std::string_view url);

}  // namespace og::io
