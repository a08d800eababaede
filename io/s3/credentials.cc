#include "io/s3/credentials.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/s3/endpoint.h"
#include "io/s3/http_time.h"
#include "io/s3/xml.h"

namespace og::io {
namespace {

constexpr int64_t kUsPerSecond = 1'000'000;
constexpr int64_t kFreshUs = 300 * kUsPerSecond;        // refreshed this long before they expire
constexpr int64_t kRefreshPauseUs = 10 * kUsPerSecond;  // between failing refreshes
constexpr int kAttempts = 3;
constexpr int64_t kServiceTimeoutMs = 5'000;
constexpr int64_t kMetadataTimeoutMs = 1'000;
constexpr uint64_t kMaxAnswerBytes = 1 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) return InvalidArgumentError(StrCat("cannot read ", path, ": ", std::strerror(errno)));
  return text.str();
}

// Settings that name a source which we do not have.
constexpr std::array<std::string_view, 4> kUnsupportedSettings = {
    "sso_session", "sso_start_url", "credential_process", "source_profile"};

std::string_view Setting(const std::map<std::string, std::string>& settings, const char* name) {
  const auto it = settings.find(name);
  return it == settings.end() ? std::string_view() : std::string_view(it->second);
}

}  // namespace

CredentialProvider::CredentialProvider(CredentialSources sources, std::string region,
                                       HttpTransport* transport, std::function<int64_t()> now_us)
    : sources_(std::move(sources)),
      region_(std::move(region)),
      transport_(transport),
      now_us_(std::move(now_us)) {}

absl::StatusOr<Credentials> CredentialProvider::Get() {
  MutexLock lock(mutex_);
  const int64_t now = now_us_();
  if (current_.has_value()) {
    const bool is_fresh =
        current_->expires_us == INT64_MAX || now < current_->expires_us - kFreshUs;
    const bool was_just_asked = now < asked_us_ + kRefreshPauseUs && now < current_->expires_us;
    if (is_fresh || was_just_asked) return *current_;
  }
  asked_us_ = now;
  absl::StatusOr<Credentials> fetched = Fetch();
  if (fetched.ok()) {
    current_ = *fetched;
  } else if (current_.has_value() && now < current_->expires_us) {
    return *current_;
  }
  return fetched;
}

void CredentialProvider::Expire(const Credentials& credentials) {
  MutexLock lock(mutex_);
  if (current_.has_value() && *current_ == credentials) current_.reset();
}

absl::StatusOr<Credentials> CredentialProvider::Fetch() {
  if (sources_.fixed.has_value()) return *sources_.fixed;
  if (!sources_.web_identity_token_file.empty()) {
    if (sources_.role_arn.empty()) {
      return InvalidArgumentError("AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
    }
    return FromWebIdentity(sources_.web_identity_token_file, sources_.role_arn,
                           sources_.role_session_name);
  }
  OG_ASSIGN_OR_RETURN(std::optional<Credentials> of_files, FromFiles());
  if (of_files.has_value()) return *std::move(of_files);
  if (!sources_.container_url.empty()) return FromContainer();
  if (sources_.uses_instance_metadata) return FromInstance();
  return PermissionDeniedError(
      "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, a web identity "
      "or a container's credentials");
}

absl::StatusOr<std::string> CredentialProvider::Ask(std::string_view what, HttpRequest request) {
  request.max_response_bytes = kMaxAnswerBytes;
  absl::Status failure;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    HttpOutcome outcome = transport_->Perform(request);
    const std::string context = StrCat("credentials from ", what);
    if (!outcome.status.ok()) {
      failure = Annotate(outcome.status, context);
      if (absl::IsFailedPrecondition(failure) || absl::IsCancelled(failure)) return failure;
    } else if (outcome.response.status == 200) {
      return std::string(outcome.response.body.view());
    } else {
      const std::string text = StrCat(context, ": HTTP status ", outcome.response.status, ": ",
                                      outcome.response.body.view().substr(0, 300));
      if (outcome.response.status < 500) return PermissionDeniedError(text);
      failure = UnavailableError(text);
    }
    request.start_delay_us = int64_t{100'000} << attempt;
  }
  return failure;
}

absl::StatusOr<Credentials> CredentialProvider::FromWebIdentity(const std::string& token_file,
                                                                const std::string& role_arn,
                                                                const std::string& session_name) {
  OG_ASSIGN_OR_RETURN(const std::string token, ReadFile(token_file));  // rotated: read every time
  S3Endpoint endpoint = AwsEndpoint("sts", region_);
  if (!sources_.sts_endpoint.empty()) {
    OG_ASSIGN_OR_RETURN(endpoint, ParseEndpoint(sources_.sts_endpoint));
  }
  const std::string form = CanonicalQuery({{"Action", "AssumeRoleWithWebIdentity"},
                                           {"Version", "2011-06-15"},
                                           {"RoleArn", role_arn},
                                           {"RoleSessionName", session_name},
                                           {"WebIdentityToken", std::string(Trim(token))}});
  HttpRequest request{.method = "POST", .url = StrCat(endpoint.Url(), "/")};
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
  request.body = Buffer::CopyOf(form);
  request.has_body = true;
  request.timeout_ms = kServiceTimeoutMs;
  OG_ASSIGN_OR_RETURN(const std::string answer,
                      Ask(StrCat("web identity at ", endpoint.Url()), std::move(request)));
  return ParseAssumeRoleXml(answer);
}

absl::StatusOr<std::optional<Credentials>> CredentialProvider::FromFiles() {
  std::map<std::string, std::string> settings;
  bool is_found = false;
  // Keys of the credentials file win over those of the configuration.
  for (const std::string& path : {sources_.config_file, sources_.credentials_file}) {
    const absl::StatusOr<std::string> text = ReadFile(path);
    if (!text.ok()) continue;
    const absl::StatusOr<SharedProfiles> profiles = ParseSharedFile(*text);
    if (!profiles.ok()) return Annotate(profiles.status(), path);
    const auto it = profiles->find(sources_.profile);
    if (it == profiles->end()) continue;
    is_found = true;
    for (const auto& [name, value] : it->second) {
      settings[name] = value;
    }
  }
  const auto wrong = [this](std::string_view reason) {
    return PermissionDeniedError(StrCat("credentials of profile \"", sources_.profile, "\" in ",
                                        sources_.credentials_file, " and ", sources_.config_file,
                                        ": ", reason));
  };
  if (!is_found && sources_.is_profile_named) return wrong("no such profile");
  const std::string_view key = Setting(settings, "aws_access_key_id");
  const std::string_view secret = Setting(settings, "aws_secret_access_key");
  if (!key.empty() && !secret.empty()) {
    return Credentials{.access_key_id = std::string(key),
                       .secret_access_key = std::string(secret),
                       .session_token = std::string(Setting(settings, "aws_session_token"))};
  }
  if (!key.empty() || !secret.empty()) return wrong("one of key and secret is missing");
  const std::string token_file(Setting(settings, "web_identity_token_file"));
  const std::string role(Setting(settings, "role_arn"));
  if (!token_file.empty() && !role.empty()) {
    const std::string_view name = Setting(settings, "role_session_name");
    OG_ASSIGN_OR_RETURN(
        Credentials credentials,
        FromWebIdentity(token_file, role,
                        name.empty() ? sources_.role_session_name : std::string(name)));
    return credentials;
  }
  for (const std::string_view name : kUnsupportedSettings) {
    if (settings.contains(std::string(name))) {
      return wrong(StrCat(name,
                          " is not supported; `aws configure export-credentials` prints "
                          "variables that are"));
    }
  }
  if (sources_.is_profile_named) return wrong("no keys");
  return std::nullopt;
}

absl::StatusOr<Credentials> CredentialProvider::FromContainer() {
  if (!IsAllowedContainerUrl(sources_.container_url)) {
    return PermissionDeniedError(
        StrCat("AWS_CONTAINER_CREDENTIALS_FULL_URI is \"", sources_.container_url,
               "\": plain http is for this machine and the container services only"));
  }
  std::string token = sources_.container_token;
  if (!sources_.container_token_file.empty()) {
    OG_ASSIGN_OR_RETURN(token, ReadFile(sources_.container_token_file));
  }
  token = Trim(token);
  if (token.find_first_of("\r\n") != std::string::npos) {
    return InvalidArgumentError("the container's authorization token has more than one line");
  }
  HttpRequest request{.method = "GET", .url = sources_.container_url};
  if (!token.empty()) request.headers.push_back({"authorization", token});
  request.timeout_ms = kServiceTimeoutMs;
  request.is_direct = true;
  OG_ASSIGN_OR_RETURN(const std::string answer,
                      Ask(StrCat("container service ", sources_.container_url), request));
  return ParseCredentialJson(answer);
}

absl::StatusOr<Credentials> CredentialProvider::FromInstance() {
  const std::string& root = sources_.metadata_endpoint;
  const std::string what = StrCat("instance metadata at ", root);
  HttpRequest login{.method = "PUT", .url = StrCat(root, "/latest/api/token")};
  login.headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}};
  login.has_body = true;
  login.timeout_ms = kMetadataTimeoutMs;
  login.is_direct = true;
  absl::StatusOr<std::string> token = Ask(what, std::move(login));
  if (!token.ok()) {
    return Annotate(token.status(),
                    "no credentials in environment, shared files or container, and none of the "
                    "instance (AWS_EC2_METADATA_DISABLED=true does not ask it)");
  }
  const std::string folder = StrCat(root, "/latest/meta-data/iam/security-credentials/");
  HttpRequest request{.method = "GET", .url = folder};
  request.headers = {{"x-aws-ec2-metadata-token", std::string(Trim(*token))}};
  request.timeout_ms = kMetadataTimeoutMs;
  request.is_direct = true;
  OG_ASSIGN_OR_RETURN(const std::string roles, Ask(what, request));
  const std::string_view role = Trim(Split(roles, '\n').front());
  if (role.empty()) return PermissionDeniedError(StrCat("credentials from ", what, ": no role"));
  request.url = StrCat(folder, PercentEncode(role, false));
  OG_ASSIGN_OR_RETURN(const std::string answer, Ask(what, request));
  return ParseCredentialJson(answer);
}

absl::StatusOr<Credentials> ParseCredentialJson(std::string_view text) {
  const auto wrong = [](std::string_view reason) {
    return InvalidArgumentError(StrCat("answer of the credential service: ", reason));
  };
  const absl::StatusOr<JsonValue> json = JsonValue::Parse(text);
  if (!json.ok()) return wrong(Message(json.status()));
  Credentials credentials;
  const auto key = json->StringMember("AccessKeyId");
  const auto secret = json->StringMember("SecretAccessKey");
  const auto token = json->OptionalStringMember("Token");
  const auto expiration = json->OptionalStringMember("Expiration");
  for (const absl::Status& status :
       {key.status(), secret.status(), token.status(), expiration.status()}) {
    if (!status.ok()) return wrong(Message(status));
  }
  credentials.access_key_id = *key;
  credentials.secret_access_key = *secret;
  if (*token) credentials.session_token = **token;
  if (*expiration) {
    const auto expires_us = ParseIsoTime(**expiration);
    if (!expires_us.has_value()) return wrong(StrCat("Expiration is \"", **expiration, "\""));
    credentials.expires_us = *expires_us;
  }
  return credentials;
}

absl::StatusOr<Credentials> ParseAssumeRoleXml(std::string_view text) {
  const absl::StatusOr<XmlElement> root = ParseXml(text);
  if (!root.ok()) return InvalidArgumentError(StrCat("answer of STS: ", Message(root.status())));
  const XmlElement* result = root->Find("AssumeRoleWithWebIdentityResult");
  const XmlElement* found = result == nullptr ? nullptr : result->Find("Credentials");
  const auto expires_us =
      found == nullptr ? std::nullopt : ParseIsoTime(found->TextOf("Expiration"));
  if (!expires_us.has_value() || found->TextOf("AccessKeyId").empty() ||
      found->TextOf("SecretAccessKey").empty()) {
    return InvalidArgumentError("answer of STS: no complete Credentials");
  }
  return Credentials{.access_key_id = std::string(found->TextOf("AccessKeyId")),
                     .secret_access_key = std::string(found->TextOf("SecretAccessKey")),
                     .session_token = std::string(found->TextOf("SessionToken")),
                     .expires_us = *expires_us};
}

bool IsAllowedContainerUrl(std::string_view url) {
  if (url.starts_with("https://")) return true;
  constexpr std::array<std::string_view, 6> kHosts = {
      "127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
  if (!url.starts_with("http://")) return false;
  const std::string_view rest = url.substr(7);
  return std::ranges::any_of(kHosts, [rest](std::string_view host) {
    return rest.starts_with(host) &&
           (rest.size() == host.size() || rest[host.size()] == '/' || rest[host.size()] == ':');
  });
}

}  // namespace og::io
